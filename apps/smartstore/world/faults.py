"""Faults added on purpose: events held back, repeated or broken; a function of the seed and each event's id.

A held-back event leaves in a later tick, at most `late_max_minutes` after its own. A repeat leaves right after its
event or, every second time, hours later but within the 24 hours in which the bridge knows repeats. A broken copy is an
extra record that no contract accepts; its event itself goes out unharmed.
"""

import hashlib
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from smartstore.contracts.settings import FaultSettings
from smartstore.contracts.topics import FOOT_TRAFFIC, POS_TRANSACTIONS, SHELF_EVENTS
from smartstore.world.breakage import break_record
from smartstore.world.ledger_lines import Record

_FAULTY_LINES = frozenset(topic.name for topic in (SHELF_EVENTS, POS_TRANSACTIONS, FOOT_TRAFFIC))
_HOUR_MS = 3_600_000
_FAR_HOURS = 20
_UNIT = 2**16


class EventRecord(Struct, frozen=True, gc=False):
    """A record with what the choice of its faults depends on; `event_id` is empty for records that carry none."""

    record: Record
    event_id: str
    store_id: str


class Faults:
    """Applies the faults of one run, tick by tick; `snapshot` holds what waits for a later tick."""

    def __init__(self, settings: FaultSettings, seed: int, tick_ms: int) -> None:
        self._late_below = settings.late_pct / 100
        self._duplicate_below = self._late_below + settings.duplicate_pct / 100
        self._malformed_below = settings.malformed_pct / 100
        self._late_ticks = max(1, settings.late_max_minutes * 60_000 // tick_ms)
        self._seed = str(seed).encode()
        self._tick_ms = tick_ms
        self._waiting: dict[int, list[Record]] = {}
        self._until: dict[str, int] = {}
        self.active = self._duplicate_below > 0 or self._malformed_below > 0

    def apply(self, tick_ms: int, events: Iterable[EventRecord], last: bool) -> list[Record]:
        """What leaves in this tick: of its events those not held back, repeats, broken copies, and what is due.

        `last` is the end of the data: then nothing waits any longer.
        """
        leaving = self._waiting.pop(tick_ms, [])
        for event in events:
            leaving.extend(self._treat(tick_ms, event))
        if last:
            for tick in sorted(self._waiting):
                leaving.extend(self._waiting[tick])
            self._waiting.clear()
        return leaving

    def until(self, store_id: str) -> int:
        """The tick (epoch ms) in which the last of what waits of a store leaves, or left."""
        return self._until.get(store_id, 0)

    def snapshot(self) -> bytes:
        """What waits for later ticks."""
        return msgspec.msgpack.encode((self._waiting, self._until))

    def restore(self, snapshot: bytes) -> None:
        """Continue from a snapshot."""
        self._waiting, self._until = msgspec.msgpack.decode(
            snapshot, type=tuple[dict[int, list[Record]], dict[str, int]]
        )

    def _treat(self, tick_ms: int, event: EventRecord) -> Iterator[Record]:
        record = event.record
        if record.line not in _FAULTY_LINES or not event.event_id:
            yield record
            return
        draw = hashlib.blake2b(event.event_id.encode(), digest_size=16, key=self._seed).digest()
        choice = int.from_bytes(draw[:4], "little") / 2**32
        if choice < self._late_below:
            ticks = 1 + int.from_bytes(draw[4:6], "little") % self._late_ticks
            self._wait(tick_ms + ticks * self._tick_ms, event, "late")
        else:
            yield record
            if choice < self._duplicate_below:
                yield from self._repeat(tick_ms, event, draw)
        if int.from_bytes(draw[8:12], "little") / 2**32 < self._malformed_below:
            variant = int.from_bytes(draw[12:14], "little")
            yield Record("broken", record.line, break_record(record.data, variant), None, event.store_id)

    def _repeat(self, tick_ms: int, event: EventRecord, draw: bytes) -> Iterator[Record]:
        record = event.record
        if draw[4] % 2 == 0:
            yield Record("event", record.line, record.data, "duplicate")
            return
        hours = 1 + (_FAR_HOURS - 1) * int.from_bytes(draw[6:8], "little") / _UNIT
        ticks = max(1, int(hours * _HOUR_MS) // self._tick_ms)
        self._wait(tick_ms + ticks * self._tick_ms, event, "duplicate")

    def _wait(self, tick_ms: int, event: EventRecord, fault: str) -> None:
        held = msgspec.structs.replace(event.record, fault=fault)
        self._waiting.setdefault(tick_ms, []).append(held)
        self._until[event.store_id] = max(tick_ms, self.until(event.store_id))
