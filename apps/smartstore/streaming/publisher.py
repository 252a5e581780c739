"""Publishes the outputs of a micro-batch; returns only when Kafka has confirmed all of them."""

from confluent_kafka import KafkaError, Message, Producer

from smartstore.contracts.brokers import Brokers
from smartstore.contracts.topics import BY_NAME
from smartstore.contracts.wire import HEADER_FACT, HEADER_JOB, partition_of
from smartstore.domain.engine import APPLICATION
from smartstore.streaming.group import StoreResult

FLUSH_SECONDS = 120.0


class PublishError(Exception):
    """Kafka did not confirm some outputs; the micro-batch must be repeated."""


class Publisher:
    """An idempotent producer for all output topics; the partition follows the store."""

    def __init__(self, brokers: Brokers, prefix: str, partitions: int) -> None:
        self._prefix, self._partitions = prefix, partitions
        self._failure: str | None = None
        self._headers: list[tuple[str, str | bytes | None]] = [(HEADER_JOB, APPLICATION.encode())]
        self._producer = Producer(
            {
                **brokers.librdkafka(),
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 5,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 500_000,
                "on_delivery": self._delivered,
            }
        )

    def publish(self, results: list[StoreResult]) -> int:
        """Send all outputs in order and wait; returns how many. Raises `PublishError`."""
        sent = 0
        for result in results:
            partition = partition_of(result.store_id, self._partitions)
            for topic, key, value, fact in result.outputs:
                place = partition if BY_NAME[topic].by_store else partition_of(key, self._partitions)
                self._send(self._prefix + topic, key, value, place, fact)
                sent += 1
        left = self._producer.flush(FLUSH_SECONDS)
        if left or self._failure is not None:
            raise PublishError(
                f"Kafka confirmed {sent - left} of {sent} outputs: {self._failure or 'no answer in time'}"
            )
        return sent

    def _send(self, topic: str, key: str, value: bytes, partition: int, fact: int) -> None:
        headers = [*self._headers, (HEADER_FACT, str(fact).encode())] if fact else self._headers
        while True:
            try:
                self._producer.produce(topic, value, key.encode(), partition, headers=headers)
                return
            except BufferError:
                self._producer.poll(0.5)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failure = error.str()
        elif (offset := message.offset()) is None or offset < 0:
            # The client takes a broker's "seen before" for success and then has no offset; right after a topic was
            # made such records can be missing, so they count as not delivered.
            self._failure = f"no offset for a record of {message.topic()}"
