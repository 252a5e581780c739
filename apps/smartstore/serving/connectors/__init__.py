"""Keeps the connectors of Kafka Connect as declared: sinks of contract tables, and the source of the policies."""
