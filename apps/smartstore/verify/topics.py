"""Reading Kafka topics to their current end, without joining or changing any consumer group."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from smartstore.contracts.brokers import Brokers, group_id
from smartstore.contracts.topics import Topic
from smartstore.process.kafka_errors import KafkaErrors

BATCH = 20_000
POLL_SECONDS = 0.05
"""A poll waits this long for a full batch; the end of a topic is noticed after one."""
SILENCE_SECONDS = 60.0
"""How long a broker may deliver nothing before reading is given up."""


class TopicsError(Exception):
    """Kafka cannot be read; says what is missing."""


@dataclass(frozen=True)
class Range:
    """Offsets of one partition: the first that is kept, and the one after the last."""

    low: int
    high: int


class Record(Protocol):
    """A record as confluent-kafka delivers it, errors sorted out."""

    def partition(self) -> int: ...

    def offset(self) -> int: ...

    def key(self) -> bytes: ...

    def value(self) -> bytes: ...

    def headers(self) -> list[tuple[str, bytes]] | None: ...

    def timestamp(self) -> tuple[int, int]: ...


class Topics:
    """The topics of one broker, under a prefix."""

    def __init__(self, brokers: Brokers, prefix: str) -> None:
        self.prefix = prefix
        self._errors = KafkaErrors()
        self._consumer = Consumer(
            {
                **brokers.librdkafka(),
                "group.id": group_id("verify"),
                "error_cb": self._errors,
                "log_level": 2,
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                # A poll that waits at the end of one topic would hold up the first of the next.
                "fetch.wait.max.ms": 10,
                "queued.max.messages.kbytes": 65_536,
            }
        )

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def ranges(self, topic: Topic) -> dict[int, Range]:
        """The offsets of each partition now; raises `TopicsError` when the topic does not exist."""
        name = self.prefix + topic.name
        try:
            known = self._consumer.list_topics(name, timeout=15).topics[name]
            if known.error is not None:
                raise TopicsError(f"topic {name} does not exist; have the topics been created?")
            return {
                partition: Range(
                    *self._consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=15)
                )
                for partition in known.partitions
            }
        except KafkaException as error:
            why = self._errors.why(self._consumer, error)
            raise TopicsError(f"Kafka does not answer for topic {name}: {why}") from error

    def read(self, topic: Topic) -> Iterator[list[Record]]:
        """All records from the first kept to the end at the time of the call, in batches; partition order holds."""
        filled = {p: r for p, r in self.ranges(topic).items() if r.high > r.low}
        open_until = {p: r.high for p, r in filled.items()}
        name = self.prefix + topic.name
        self._consumer.assign([TopicPartition(name, p, r.low) for p, r in filled.items()])
        heard = time.monotonic()
        while open_until:
            batch, ended = _sorted_out(self._consumer.consume(BATCH, POLL_SECONDS))
            if batch or ended:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_SECONDS:
                raise TopicsError(f"Kafka delivered nothing of topic {name} for {SILENCE_SECONDS:.0f} s")
            if batch:
                yield batch
            for message in reversed(batch):
                partition = message.partition()
                if message.offset() + 1 >= open_until.get(partition, message.offset() + 2):
                    del open_until[partition]
            for partition in ended:
                open_until.pop(partition, None)
        self._consumer.unassign()

    def last_records(self, topic: Topic) -> list[Record]:
        """The newest record of each partition that has one."""
        name = self.prefix + topic.name
        wanted = {p: r.high - 1 for p, r in self.ranges(topic).items() if r.high > r.low}
        self._consumer.assign([TopicPartition(name, p, offset) for p, offset in wanted.items()])
        last: list[Record] = []
        heard = time.monotonic()
        while wanted and time.monotonic() - heard < SILENCE_SECONDS:
            batch, ended = _sorted_out(self._consumer.consume(len(wanted), POLL_SECONDS))
            last += [message for message in batch if wanted.pop(message.partition(), None) is not None]
            for partition in ended:
                wanted.pop(partition, None)
        self._consumer.unassign()
        return last


def _sorted_out(messages: list[Any]) -> tuple[list[Record], list[int]]:
    """The records, and the partitions whose end was reached."""
    records = [message for message in messages if message.error() is None]
    if len(records) == len(messages):
        return records, []
    ended = []
    for message in messages:
        error = message.error()
        if error is not None:
            if error.name() != "_PARTITION_EOF":
                raise TopicsError(f"Kafka refused to deliver: {error.str()}")
            ended.append(message.partition())
    return records, ended
