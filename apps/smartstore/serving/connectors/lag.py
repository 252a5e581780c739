"""How far the sinks are behind their topics, from Kafka's consumer groups."""

from collections.abc import Iterable, Mapping

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from smartstore.contracts.brokers import Brokers, group_id

_TIMEOUT_SECONDS = 10


class LagReader:
    """Reads ends of topics and positions of sinks; raises `KafkaException` while Kafka does not answer."""

    def __init__(self, brokers: Brokers, partitions: int) -> None:
        self._admin = AdminClient({**brokers.librdkafka(), "log_level": 2})
        self._partitions = partitions

    def sink_lags(self, sinks: Mapping[str, str]) -> dict[str, int]:
        """Sink name → records behind; `sinks` maps names to topics. A sink that never committed counts from 0."""
        ends = self._ends(sinks.values())
        lags = {}
        for name, topic in sinks.items():
            done = self._committed(group_id(name), topic)
            lags[name] = sum(max(0, end - done.get(p, 0)) for p, end in ends.get(topic, {}).items())
        return lags

    def records(self, topic: str) -> int:
        """Records ever written to a one-partition topic; 0 while it does not exist."""
        try:
            offsets = self._admin.list_offsets(
                {TopicPartition(topic, 0): OffsetSpec.latest()}, request_timeout=_TIMEOUT_SECONDS
            )
            return sum(int(future.result().offset) for future in offsets.values())
        except KafkaException:
            return 0

    def _ends(self, topics: Iterable[str]) -> dict[str, dict[int, int]]:
        wanted = {
            TopicPartition(topic, p): OffsetSpec.latest()
            for topic in set(topics)
            for p in range(self._partitions)
        }
        ends: dict[str, dict[int, int]] = {}
        for partition, future in self._admin.list_offsets(wanted, request_timeout=_TIMEOUT_SECONDS).items():
            ends.setdefault(partition.topic, {})[partition.partition] = future.result().offset
        return ends

    def _committed(self, group: str, topic: str) -> dict[int, int]:
        request = ConsumerGroupTopicPartitions(
            group, [TopicPartition(topic, p) for p in range(self._partitions)]
        )
        (future,) = self._admin.list_consumer_group_offsets(
            [request], request_timeout=_TIMEOUT_SECONDS
        ).values()
        found = future.result().topic_partitions
        return {p.partition: p.offset for p in found if p.offset is not None and p.offset >= 0}
