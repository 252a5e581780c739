"""Kafka topic configuration."""

from smartstore.contracts.topics import Topic

_SEGMENT_BYTES = 64 * 1024 * 1024
_HOUR_MS = 3_600_000


def topic_config(topic: Topic) -> dict[str, str]:
    """The topic's configuration as Kafka's names and strings; partitions and replicas are the cluster's affair.

    LogAppendTime everywhere: business time lives in the value, and simulated dates would expire or be refused.
    """
    config = {"message.timestamp.type": "LogAppendTime", "cleanup.policy": topic.cleanup}
    if topic.cleanup == "delete":
        return config | {"retention.ms": str(topic.retention_ms)}
    # Only closed segments are compacted: small and short ones keep state topics near one record per key.
    return config | {
        "segment.bytes": str(_SEGMENT_BYTES),
        "segment.ms": str(6 * _HOUR_MS),
        "min.cleanable.dirty.ratio": "0.3",
        "max.compaction.lag.ms": str(24 * _HOUR_MS),
    }
