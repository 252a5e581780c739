"""Kafka's side of the bridge: an idempotent producer, and batches that know when Kafka has confirmed all of them."""

import logging
import time

from confluent_kafka import KafkaError, Message, Producer

from smartstore.contracts.brokers import Brokers

log = logging.getLogger("smartstore.ingest.outbox")

Headers = list[tuple[str, str | bytes | None]]


class DeliveryFailed(SystemExit):
    """Kafka did not take a record; exits with one line. After a restart the pending entries are sent again."""


class Confirmation:
    """Counts what has been handed to Kafka and what Kafka has confirmed; passed as the delivery callback."""

    __slots__ = ("_outbox", "confirmed", "sent")

    def __init__(self, outbox: "Outbox") -> None:
        self._outbox = outbox
        self.sent = 0
        self.confirmed = 0

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        """Kafka's answer for one record."""
        if error is not None:
            self._outbox.fail(f"a record of topic {message.topic()} was not delivered: {error.str()}")
            return
        offset = message.offset()
        if offset is None or offset < 0:
            # The client takes a broker's "seen before" for success and then has no offset; right after a topic was
            # made such records can be missing, so they count as not delivered.
            self._outbox.fail(f"a record of topic {message.topic()} was confirmed without an offset")
            return
        self.confirmed += 1

    @property
    def complete(self) -> bool:
        """Whether Kafka has confirmed everything sent."""
        return self.confirmed == self.sent


class Outbox:
    """Sends records; everything sent to one partition arrives in the order of the calls, without gaps."""

    def __init__(self, brokers: Brokers) -> None:
        self._failure: str | None = None
        self._producer = Producer(
            {
                **brokers.librdkafka(),
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 5,
                "batch.size": 262_144,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 500_000,
                "queue.buffering.max.kbytes": 262_144,
                "error_cb": self._note_error,
                "log_level": 3,
            }
        )
        self._told_at = 0.0

    def send(
        self,
        confirmation: Confirmation,
        topic: str,
        key: str | bytes,
        value: bytes,
        partition: int,
        headers: Headers,
    ) -> None:
        """Hand one record over; `confirmation` counts it. Waits while the producer's queue is full."""
        confirmation.sent += 1
        while True:
            try:
                self._producer.produce(topic, value, key, partition, confirmation, headers=headers)
            except BufferError:
                self.poll(0.1)
                continue
            return

    def poll(self, seconds: float) -> None:
        """Take Kafka's answers, waiting so long for the first; raises `DeliveryFailed` if one was a refusal."""
        self._producer.poll(seconds)
        self.check()

    def drain(self, seconds: float) -> None:
        """Wait at most so long until everything is confirmed."""
        give_up = time.monotonic() + seconds
        while len(self._producer) and time.monotonic() < give_up:
            self.poll(0.1)

    def fail(self, reason: str) -> None:
        """Note that a record cannot be delivered."""
        self._failure = self._failure or reason

    def check(self) -> None:
        """Raise `DeliveryFailed` if a record could not be delivered."""
        if self._failure:
            raise DeliveryFailed(f"Kafka: {self._failure}; its entry stays in Redis and is sent again")

    def _note_error(self, error: KafkaError) -> None:
        if error.fatal():
            self.fail(error.str())
        elif time.monotonic() - self._told_at > 10:
            self._told_at = time.monotonic()
            log.warning("Kafka: %s; trying again", error.str())
