"""Rows of the configuration topics as they arrive from Kafka, waiting to be relayed."""

import threading
from collections import deque
from collections.abc import Mapping, Sequence

from confluent_kafka import Message

from smartstore.contracts.brokers import Brokers
from smartstore.contracts.topics import CONFIG_TOPICS
from smartstore.world.follower import TopicFollower
from smartstore.world.relay import ConfigRow


class ConfigFeed:
    """A queue filled in the background; `changed` is notified when rows arrive."""

    def __init__(self, brokers: Brokers, prefix: str, changed: threading.Condition) -> None:
        self._brokers = brokers
        self._prefix = prefix
        self._changed = changed
        self._rows: deque[ConfigRow] = deque()
        self._follower: TopicFollower | None = None

    def follow(self, positions: Mapping[str, Mapping[int, int]]) -> None:
        """Begin to read at the given offsets by topic and partition, or at the beginning."""
        self._follower = TopicFollower(
            self._brokers,
            [self._prefix + topic.name for topic in CONFIG_TOPICS],
            self._deliver,
            start={self._prefix + topic: offsets for topic, offsets in positions.items()},
        )
        self._follower.start()

    def waiting(self) -> bool:
        """Whether `take` would return something."""
        return bool(self._rows)

    def take(self) -> list[ConfigRow]:
        """All rows that have arrived, in order per partition."""
        rows: list[ConfigRow] = []
        while self._rows:
            rows.append(self._rows.popleft())
        return rows

    def close(self) -> None:
        """Stop reading."""
        if self._follower is not None:
            self._follower.close()

    def _deliver(self, messages: Sequence[Message]) -> None:
        for message in messages:
            topic = str(message.topic()).removeprefix(self._prefix)
            self._rows.append(
                ConfigRow(topic, message.partition() or 0, message.offset() or 0, message.value())
            )
        with self._changed:
            self._changed.notify_all()
