"""One tick's records: the world's own, encoded once, and the faults added to them. A function of the settings alone."""

import zlib
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from smartstore.contracts.settings import RunSettings
from smartstore.contracts.topics import DAY_MS, LEDGER
from smartstore.contracts.wire import encode
from smartstore.world.faults import EventRecord, Faults
from smartstore.world.ledger_lines import Record
from smartstore.world.model import Emission, JobFact, World


class TickRecords(Struct, frozen=True):
    """What a tick consists of, and the units that customers wanted in vain."""

    records: list[Record]
    checksum: int
    lost_units: int


class Production:
    """Makes the ticks of a run in order, from the first to the last."""

    def __init__(self, settings: RunSettings, world: World) -> None:
        source = settings.source
        self.world = world
        self.tick_ms = source.tick_ms
        self.faults = Faults(source.faults, source.seed, source.tick_ms)
        self.first_tick = (world.start_ms // source.tick_ms + 1) * source.tick_ms
        """The first multiple of the tick grid after the start."""
        self.last_tick = _last_tick(settings, world)
        """The tick that closes the last event; None = the run has no end."""

    def make(self, tick_ms: int, facts: Sequence[JobFact], scaled: Sequence[Emission] = ()) -> TickRecords:
        """The records of one tick; call it once for each tick, in order. `facts`: known since the last tick; `scaled`:
        what stores that opened or closed since then begin with.
        """
        emissions = [*scaled, *self.world.advance(tick_ms, facts)]
        if tick_ms == self.first_tick:
            emissions = [*self.world.opening(), *emissions]
        records = self._encoded(emissions, tick_ms)
        checksum = 0
        for record in records:
            checksum = zlib.crc32(record.data, checksum)
        lost = sum(e.record.quantity for e in emissions if getattr(e.record, "kind", None) == "lost_sale")  # type: ignore[attr-defined]
        return TickRecords(records, checksum, lost)

    def _encoded(self, emissions: list[Emission], tick_ms: int) -> list[Record]:
        if not self.faults.active:
            return [_record(emission) for emission in emissions]
        events = [
            EventRecord(
                _record(emission),
                getattr(emission.record, "event_id", ""),
                getattr(emission.record, "store_id", ""),
            )
            for emission in emissions
        ]
        return self.faults.apply(tick_ms, events, tick_ms == self.last_tick)


def _record(emission: Emission) -> Record:
    kind: Literal["note", "event"] = "note" if emission.line == LEDGER.name else "event"
    return Record(kind, emission.line, encode(emission.record))


def _last_tick(settings: RunSettings, world: World) -> int | None:
    ends = [] if world.end_ms is None else [world.end_ms]
    if settings.source.days:
        ends.append((world.start_ms // DAY_MS + settings.source.days) * DAY_MS)
    if not ends:
        return None
    tick_ms = settings.source.tick_ms
    return max(-(-min(ends) // tick_ms), world.start_ms // tick_ms + 1) * tick_ms
