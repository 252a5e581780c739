"""The way in: Redis Streams, the bridge to Kafka, topics and dead letters."""
