"""Reads a Kafka topic in the background, from given offsets, without a consumer group."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

_BATCH = 1000
_POLL_SECONDS = 0.5
_CONNECT_SECONDS = 5
log = logging.getLogger("smartstore.world.follower")


class TopicFollower:
    """A thread that hands every batch of messages of a topic to `deliver`, in order per partition.

    It waits until the topic exists, and outlives outages of Kafka.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        deliver: Callable[[Sequence[Message]], None],
        *,
        start: Mapping[int, int] | None = None,
        newest: int | None = None,
    ) -> None:
        """`start`: offset to begin with, by partition (else the beginning); `newest`: at most so many per partition."""
        self._bootstrap = bootstrap
        self._topic = topic
        self._deliver = deliver
        self._start = dict(start or {})
        self._newest = newest
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow-{topic}", daemon=True)

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
                "bootstrap.servers": self._bootstrap,
                "group.id": "smartstore-world",  # asked for by the client; never joined, nothing is committed
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
                        log.warning("reading %s: %s", self._topic, message.error())
                if good:
                    self._deliver(good)
        finally:
            consumer.close()

    def _assign(self, consumer: Consumer) -> None:
        while not self._stop.is_set():
            try:
                partitions = self._partitions(consumer)
            except KafkaException as error:
                log.warning("reading %s: %s; trying again", self._topic, error)
                partitions = []
            if partitions:
                consumer.assign(partitions)
                return
            self._stop.wait(_POLL_SECONDS)

    def _partitions(self, consumer: Consumer) -> list[TopicPartition]:
        metadata = consumer.list_topics(self._topic, timeout=_CONNECT_SECONDS).topics[self._topic]
        if metadata.error is not None:
            return []
        return [
            TopicPartition(self._topic, partition, self._first_offset(consumer, partition))
            for partition in metadata.partitions
        ]

    def _first_offset(self, consumer: Consumer, partition: int) -> int:
        if partition in self._start:
            return self._start[partition]
        if self._newest is None:
            return OFFSET_BEGINNING
        low, high = consumer.get_watermark_offsets(
            TopicPartition(self._topic, partition), timeout=_CONNECT_SECONDS
        )
        return max(low, high - self._newest)
