"""The way in for tills, sensors and scanners: HTTP to Redis Streams, with keys kept in Postgres."""
