"""Facts of the stock jobs as they arrive from Kafka, waiting for their tick.

The jobs publish them on the source lines; each bears its number among the facts of its store, so repeats are known and
what is missing is known too.
"""

import threading
from collections.abc import Mapping, Sequence
from functools import partial

from confluent_kafka import Message
from msgspec import Struct

from smartstore.contracts.brokers import Brokers
from smartstore.contracts.topics import SHELF_EVENTS, STORE_CONFIG, WH_EVENTS
from smartstore.contracts.wire import HEADER_FACT, HEADER_JOB
from smartstore.world.follower import TopicFollower

FACT_LINES = (WH_EVENTS, SHELF_EVENTS, STORE_CONFIG)
"""The lines on which jobs state facts."""

Positions = dict[str, dict[int, int]]
"""Next offset to read, by line and partition."""


class WaitingFact(Struct, frozen=True):
    """A fact and where it stands."""

    store_id: str
    number: int
    line: str
    partition: int
    offset: int
    data: bytes


class FactFeed:
    """Filled in the background; `changed` is notified when facts arrive."""

    def __init__(self, brokers: Brokers, prefix: str, changed: threading.Condition) -> None:
        self._brokers, self._prefix, self._changed = brokers, prefix, changed
        self._lock = threading.Lock()
        self._waiting: dict[str, dict[int, WaitingFact]] = {}
        self._read: Positions = {line.name: {} for line in FACT_LINES}
        self._followers: list[TopicFollower] = []
        self.taken: dict[str, int] = {}
        """Number of the last fact taken, by store."""

    def follow(self, positions: Mapping[str, Mapping[int, int]], taken: Mapping[str, int]) -> None:
        """Begin to read at the given offsets, or at the beginning; facts up to `taken` are known already."""
        self.taken = dict(taken)
        for line in FACT_LINES:
            start = dict(positions.get(line.name, {}))
            self._read[line.name] = dict(start)
            topic = self._prefix + line.name
            follower = TopicFollower(
                self._brokers, [topic], partial(self._note, line.name), start={topic: start}
            )
            self._followers.append(follower)
            follower.start()

    def received(self, store_id: str) -> int:
        """How many of the store's facts have arrived without a gap, the ones taken included."""
        with self._lock:
            waiting, number = self._waiting.get(store_id, {}), self.taken.get(store_id, 0)
            while number + 1 in waiting:
                number += 1
            return number

    def take(self, upto: Mapping[str, int]) -> list[WaitingFact]:
        """The facts of each store up to a number, all of which have arrived; by store and number."""
        out = []
        with self._lock:
            for store_id in sorted(upto):
                waiting = self._waiting.get(store_id, {})
                for number in range(self.taken.get(store_id, 0) + 1, upto[store_id] + 1):
                    out.append(waiting.pop(number))
                    self.taken[store_id] = number
        return out

    def positions(self) -> Positions:
        """Where to begin to read again, so that nothing that waits is missed."""
        with self._lock:
            positions = {line: dict(offsets) for line, offsets in self._read.items()}
            for waiting in self._waiting.values():
                for fact in waiting.values():
                    offsets = positions[fact.line]
                    offsets[fact.partition] = min(offsets[fact.partition], fact.offset)
            return positions

    def close(self) -> None:
        """Stop reading."""
        for follower in self._followers:
            follower.close()

    def _note(self, line: str, messages: Sequence[Message]) -> None:
        """What was read of one line; records of other writers only move the position."""
        arrived = False
        with self._lock:
            for message in messages:
                partition, offset = message.partition() or 0, message.offset() or 0
                self._read[line][partition] = offset + 1
                number = _number(message)
                if number:
                    arrived |= self._keep(line, partition, offset, number, message)
        if arrived:
            with self._changed:
                self._changed.notify_all()

    def _keep(self, line: str, partition: int, offset: int, number: int, message: Message) -> bool:
        store_id = (message.key() or b"").split(b"/", 1)[0].decode()
        waiting = self._waiting.setdefault(store_id, {})
        if number <= self.taken.get(store_id, 0) or number in waiting:
            return False
        waiting[number] = WaitingFact(store_id, number, line, partition, offset, message.value() or b"")
        return True


def _number(message: Message) -> int:
    """The fact's number; 0 for a record that no job wrote."""
    headers = message.headers()
    if not isinstance(headers, list) or len(headers) < 2 or headers[0][0] != HEADER_JOB:
        return 0
    name, value = headers[1]
    return int(value or 0) if name == HEADER_FACT else 0
