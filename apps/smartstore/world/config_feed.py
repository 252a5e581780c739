"""Rows of `shelf_policies` as they arrive from Kafka, waiting to be relayed."""

import threading
from collections import deque
from collections.abc import Mapping, Sequence

from confluent_kafka import Message

from smartstore.contracts.topics import SHELF_POLICIES
from smartstore.world.follower import TopicFollower
from smartstore.world.relay import PolicyRow


class PolicyFeed:
    """A queue filled in the background; `changed` is notified when rows arrive."""

    def __init__(self, bootstrap: str, prefix: str, changed: threading.Condition) -> None:
        self._bootstrap = bootstrap
        self._topic = prefix + SHELF_POLICIES.name
        self._changed = changed
        self._rows: deque[PolicyRow] = deque()
        self._follower: TopicFollower | None = None

    def follow(self, positions: Mapping[int, int]) -> None:
        """Begin to read at the given offsets by partition, or at the beginning."""
        self._follower = TopicFollower(self._bootstrap, self._topic, self._deliver, start=positions)
        self._follower.start()

    def waiting(self) -> bool:
        """Whether `take` would return something."""
        return bool(self._rows)

    def take(self) -> list[PolicyRow]:
        """All rows that have arrived, in order per partition."""
        rows: list[PolicyRow] = []
        while self._rows:
            rows.append(self._rows.popleft())
        return rows

    def close(self) -> None:
        """Stop reading."""
        if self._follower is not None:
            self._follower.close()

    def _deliver(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._rows.append(PolicyRow(message.partition() or 0, message.offset() or 0, message.value()))
        with self._changed:
            self._changed.notify_all()
