"""How far the hot application has come: the slowest store's last acknowledged tick, from the topic `job_status`.

A `job_status` record follows the outputs of its tick, and one call takes a tick for all jobs of a store; so a store's
newest record of any job tells its progress. Records of jobs that no longer exist are old and do no harm.
"""

import threading
from collections.abc import Sequence
from datetime import datetime

import msgspec
from confluent_kafka import Message
from msgspec import Struct

from smartstore.contracts.topics import JOB_STATUS
from smartstore.contracts.wire import epoch_ms
from smartstore.world.follower import TopicFollower

APPLICATION = "hot"
_NEWEST = 100_000


class _Status(Struct):
    application: str
    store_id: str
    tick: datetime


_decode = msgspec.json.Decoder(_Status).decode


class Progress:
    """Acknowledged ticks by store; `changed` is notified whenever one moves on."""

    def __init__(self, stores: Sequence[str], changed: threading.Condition) -> None:
        self._ticks: dict[str, int] = {}
        self._stores = frozenset(stores)
        self._changed = changed

    def acknowledged_ms(self) -> int | None:
        """The tick acknowledged by all stores, epoch milliseconds; None while a store has acknowledged none."""
        if len(self._ticks) < len(self._stores):
            return None
        return min(self._ticks.values())

    def take(self, values: Sequence[bytes | None]) -> None:
        """Note `job_status` records; what is no such record is ignored."""
        for value in values:
            try:
                status = _decode(value or b"")
            except msgspec.MsgspecError:
                continue
            if status.application == APPLICATION and status.store_id in self._stores:
                tick = epoch_ms(status.tick)
                self._ticks[status.store_id] = max(tick, self._ticks.get(status.store_id, tick))
        with self._changed:
            self._changed.notify_all()


def follow_progress(bootstrap: str, prefix: str, progress: Progress) -> TopicFollower:
    """Keep `progress` up to date from Kafka."""

    def deliver(messages: Sequence[Message]) -> None:
        progress.take([message.value() for message in messages])

    return TopicFollower(bootstrap, prefix + JOB_STATUS.name, deliver, newest=_NEWEST)
