"""Every topic, record, table, key and unit of SmartStore, declared once.

A record is a typed class in `events`, `outputs` or `control`; `topics` says where it travels; everything else
(Kafka topic configuration, JSON Schema, Spark, Connect, Postgres and Delta columns) is derived from it in `derive`.
"""
