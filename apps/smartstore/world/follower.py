"""Reads Kafka topics in the background, from given offsets, without a consumer group."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from smartstore.contracts.brokers import Brokers, group_id

_BATCH = 1000
_POLL_SECONDS = 0.5
_CONNECT_SECONDS = 5
log = logging.getLogger("smartstore.world.follower")


class TopicFollower:
    """A thread that hands every batch of messages of some topics to `deliver`, in order per partition.

    It waits until the topics exist, and outlives outages of Kafka.
    """

    def __init__(
        self,
        brokers: Brokers,
        topics: Sequence[str],
        deliver: Callable[[Sequence[Message]], None],
        *,
        start: Mapping[str, Mapping[int, int]] | None = None,
        newest: int | None = None,
    ) -> None:
        """`start`: offset to begin with, by topic and partition (else the beginning); `newest`: at most so many of each
        partition."""
        self._brokers = brokers
        self._topics = tuple(topics)
        self._deliver = deliver
        self._start = {topic: dict(offsets) for topic, offsets in (start or {}).items()}
        self._newest = newest
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow-{'+'.join(topics)}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Stop reading and wait for the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * _CONNECT_SECONDS)

    def _run(self) -> None:
        consumer = Consumer(
            {
                **self._brokers.librdkafka(),
                "group.id": group_id("world"),  # asked for by the client; never joined, nothing is committed
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
                "log_level": 3,
            }
        )
        try:
            self._assign(consumer)
            while not self._stop.is_set():
                messages = consumer.consume(_BATCH, _POLL_SECONDS)
                good = [message for message in messages if message.error() is None]
                for message in messages:
                    if message.error() is not None:
                        log.warning("reading %s: %s", message.topic(), message.error())
                if good:
                    self._deliver(good)
        finally:
            consumer.close()

    def _assign(self, consumer: Consumer) -> None:
        partitions: list[TopicPartition] = []
        for topic in self._topics:
            partitions += self._partitions(consumer, topic)
        if not self._stop.is_set():
            consumer.assign(partitions)

    def _partitions(self, consumer: Consumer, topic: str) -> list[TopicPartition]:
        """Where to begin in each partition of a topic, once it exists; nothing when asked to stop before."""
        while not self._stop.is_set():
            try:
                metadata = consumer.list_topics(topic, timeout=_CONNECT_SECONDS).topics[topic]
                if metadata.error is None:
                    return [
                        TopicPartition(topic, partition, self._first_offset(consumer, topic, partition))
                        for partition in metadata.partitions
                    ]
            except KafkaException as error:
                log.warning("reading %s: %s; trying again", topic, error)
            self._stop.wait(_POLL_SECONDS)
        return []

    def _first_offset(self, consumer: Consumer, topic: str, partition: int) -> int:
        if partition in self._start.get(topic, {}):
            return self._start[topic][partition]
        if self._newest is None:
            return OFFSET_BEGINNING
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_CONNECT_SECONDS)
        return max(low, high - self._newest)
