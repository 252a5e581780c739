"""The Spark runner of the stock jobs: Kafka → state per store in the checkpoint → Kafka."""
