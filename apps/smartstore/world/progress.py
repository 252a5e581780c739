"""How far the hot application has come: the slowest store's last acknowledged tick, from the topic `job_status`.

A `job_status` record follows the outputs of its tick, and one call takes a tick for all jobs of a store; so a store's
newest record of any job tells its progress. Records of jobs that no longer exist are old and do no harm. A tick counts
as acknowledged once the facts that the jobs had stated by then have arrived too.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
from confluent_kafka import Message
from msgspec import Struct

from smartstore.contracts.applications import is_hot
from smartstore.contracts.brokers import Brokers
from smartstore.contracts.topics import JOB_STATUS
from smartstore.contracts.wire import epoch_ms
from smartstore.world.follower import TopicFollower

_NEWEST = 100_000


class _Status(Struct):
    application: str
    store_id: str
    tick: datetime
    facts: int = 0


_decode = msgspec.json.Decoder(_Status).decode


class Acknowledged(Struct, frozen=True):
    """By store: the last acknowledged tick (epoch ms), and the number of the last fact stated by then."""

    ticks: Mapping[str, int]
    facts: Mapping[str, int]


class Progress:
    """Acknowledged ticks by store; `changed` is notified whenever one moves on."""

    def __init__(self, changed: threading.Condition, received: Callable[[str], int]) -> None:
        """`received`: how many facts of a store have arrived."""
        self._ticks: dict[str, int] = {}
        self._facts: dict[str, int] = {}
        self._reported: defaultdict[str, deque[tuple[int, int]]] = defaultdict(deque)
        self._changed = changed
        self._received = received
        self._lock = threading.Lock()

    def acknowledged_ms(self, since: Mapping[str, int]) -> int | None:
        """The tick acknowledged by all these stores, epoch milliseconds; None without stores.

        `since`: by store the tick before its first one, which counts as acknowledged.
        """
        ticks = self.acknowledged().ticks
        return min((max(ticks.get(store, first), first) for store, first in since.items()), default=None)

    def acknowledged(self) -> Acknowledged:
        """How far each store is."""
        with self._lock:
            self._confirm()
            return Acknowledged(dict(self._ticks), dict(self._facts))

    def _confirm(self) -> None:
        for store, reported in self._reported.items():
            if not reported:
                continue
            received = self._received(store)
            while reported and reported[0][1] <= received:
                self._ticks[store], self._facts[store] = reported.popleft()

    def take(self, values: Sequence[bytes | None]) -> None:
        """Note `job_status` records; what is no such record is ignored."""
        for value in values:
            try:
                status = _decode(value or b"")
            except msgspec.MsgspecError:
                continue
            if not is_hot(status.application):
                continue
            tick = epoch_ms(status.tick)
            with self._lock:
                reported = self._reported[status.store_id]
                last = reported[-1][0] if reported else self._ticks.get(status.store_id)
                if last is None or tick > last:
                    reported.append((tick, status.facts))
        with self._changed:
            self._changed.notify_all()


def follow_progress(brokers: Brokers, prefix: str, progress: Progress) -> TopicFollower:
    """Keep `progress` up to date from Kafka."""

    def deliver(messages: Sequence[Message]) -> None:
        progress.take([message.value() for message in messages])

    return TopicFollower(brokers, [prefix + JOB_STATUS.name], deliver, newest=_NEWEST)
