"""The source lines of one store: recognise repeats, give every record its effective tick, hold what comes later.

docs/architecture.md, Effective tick: a record's tick depends on the order within its own line only, so it does not
matter how lines interleave or where micro-batches are cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec import DecodeError, Struct

from smartstore.contracts.events import ShelfEvent, WarehouseEvent
from smartstore.contracts.topics import HOT_LINES, Topic
from smartstore.contracts.wire import TICK_DECODER, decoder, epoch_ms
from smartstore.domain.shelves import BoolArray, IntArray, Shelves, no_ints
from smartstore.domain.tick import NO_MOVES, NO_WAREHOUSE_MOVES, Moves, ShelfMoves

NO_POSITION = -1
"""Position of a record that did not come through Redis; it is never taken for a repeat."""


@dataclass(frozen=True)
class Arrivals:
    """What has newly been read of one line of one store, in partition order."""

    values: Sequence[bytes]
    positions: IntArray
    """Redis id as milliseconds × 2^20 + sequence, or `NO_POSITION`."""
    is_tick: BoolArray


@dataclass(frozen=True)
class Held:
    """Records of one line whose tick has not been taken, in the order they were read."""

    values: tuple[bytes, ...] = ()
    effective_ms: IntArray = field(default_factory=no_ints)
    records: tuple[Struct, ...] | None = field(default=None, compare=False)
    """The values decoded, while the state stays in one process; not stored."""


@dataclass(frozen=True)
class LineState:
    """How far one line of one store has been read."""

    high_water: int = NO_POSITION
    last_tick_ms: int = NO_POSITION
    held: Held = field(default_factory=Held)


@dataclass(frozen=True)
class Rejected:
    """A record that does not satisfy its contract, met inside the hot application."""

    line: str
    value: bytes
    reason: str
    place: int
    """Its position in the line, or `NO_POSITION`."""


@dataclass
class LineReading:
    """What reading one line yields before its ticks are taken: decoded records and counts."""

    topic: Topic
    records: list[Struct]
    values: list[bytes]
    effective_ms: IntArray
    timestamp_ms: IntArray
    ticks: list[int]
    high_water: int
    last_tick_ms: int
    late: int = 0
    repeats: int = 0
    rejected: list[Rejected] = field(default_factory=list)


def read_line(topic: Topic, state: LineState, arrivals: Arrivals | None, tick_ms: int) -> LineReading:
    """Take in what arrived after what is held. `tick_ms` is the tick grid."""
    decode = decoder(topic.value).decode
    known = state.held.records
    held: list[Any] = [decode(value) for value in state.held.values] if known is None else list(known)
    reading = LineReading(
        topic=topic,
        records=held,
        values=list(state.held.values),
        effective_ms=state.held.effective_ms,
        timestamp_ms=np.array([epoch_ms(record.timestamp) for record in held], np.int64),
        ticks=[],
        high_water=state.high_water,
        last_tick_ms=state.last_tick_ms,
    )
    if arrivals is not None and len(arrivals.values):
        _take_in(reading, arrivals, tick_ms)
    return reading


def _take_in(reading: LineReading, arrivals: Arrivals, tick_ms: int) -> None:
    fresh = _fresh(arrivals.positions, reading.high_water)
    reading.repeats = int(len(fresh) - fresh.sum())
    reading.high_water = max(reading.high_water, int(arrivals.positions.max()))
    last = reading.last_tick_ms
    records, values, moments, floors = [], [], [], []
    decode = decoder(reading.topic.value).decode
    rows = zip(
        arrivals.values, fresh.tolist(), arrivals.is_tick.tolist(), arrivals.positions.tolist(), strict=True
    )
    for value, is_fresh, is_tick, place in rows:
        if not is_fresh:
            continue
        try:
            if is_tick:
                tick = epoch_ms(TICK_DECODER.decode(value).tick)
                if tick > last:
                    reading.ticks.append(tick)
                    last = tick
                continue
            record = decode(value)
        except DecodeError as error:
            reading.rejected.append(Rejected(reading.topic.name, value, str(error), place))
            continue
        records.append(record)
        values.append(value)
        moments.append(epoch_ms(record.timestamp))
        floors.append(last)
    reading.last_tick_ms = last
    timestamps, floor = np.array(moments, np.int64), np.array(floors, np.int64)
    natural = (timestamps // tick_ms + 1) * tick_ms
    late = (floor != NO_POSITION) & (natural <= floor)
    reading.late = int(late.sum())
    reading.records.extend(records)
    reading.values.extend(values)
    reading.timestamp_ms = np.concatenate([reading.timestamp_ms, timestamps])
    reading.effective_ms = np.concatenate([reading.effective_ms, np.where(late, floor + tick_ms, natural)])


def _fresh(positions: IntArray, high_water: int) -> BoolArray:
    """Which records have not been seen: those above everything before them. Records without position always are."""
    before = np.maximum.accumulate(np.concatenate([np.array([high_water], np.int64), positions[:-1]]))
    fresh: BoolArray = (positions == NO_POSITION) | (positions > before)
    return fresh


def canonical_order(reading: LineReading, until_ms: int) -> list[int]:
    """Indices of the records with effective tick ≤ `until_ms`, by (effective tick, timestamp, event id)."""
    due = np.flatnonzero(reading.effective_ms <= until_ms)
    ids = np.array([reading.records[i].event_id for i in due.tolist()])  # type: ignore[attr-defined]
    order = np.lexsort((ids, reading.timestamp_ms[due], reading.effective_ms[due])) if len(due) else due
    return [int(i) for i in due[order]]


def still_held(reading: LineReading, until_ms: int) -> LineState:
    """The line's state once the ticks up to `until_ms` are taken."""
    rest = np.flatnonzero(reading.effective_ms > until_ms)
    places = rest.tolist()
    held = Held(
        values=tuple(reading.values[i] for i in places),
        effective_ms=reading.effective_ms[rest],
        records=tuple(reading.records[i] for i in places),
    )
    return LineState(reading.high_water, reading.last_tick_ms, held)


def as_moves(events: Sequence[ShelfEvent], timestamps: IntArray, shelves: Shelves) -> ShelfMoves:
    """Shelf events as columns; the sign of a quantity is that of its effect on the shelf."""
    if not events:
        return NO_MOVES
    get = shelves.index.get
    return ShelfMoves(
        shelf=np.array([get(event.shelf_id, -1) for event in events], np.int64),
        quantity=np.array([_effect(event) for event in events], np.int64),
        weight_g=np.array([_weight(event) for event in events], np.int64),
        timestamp_ms=timestamps,
        with_lots=tuple(event for event in events if event.lots),
        records=events,
    )


def as_warehouse_moves(
    events: Sequence[WarehouseEvent], timestamps: IntArray, shelves: Shelves
) -> Moves[WarehouseEvent]:
    """Back-room events as columns; the sign of a quantity is that of its effect on the back room."""
    if not events:
        return NO_WAREHOUSE_MOVES
    get = shelves.index.get
    return Moves(
        shelf=np.array([get(event.shelf_id, -1) for event in events], np.int64),
        quantity=np.array([event.quantity * _SIGNS[event.event_type] for event in events], np.int64),
        timestamp_ms=timestamps,
        records=events,
    )


_SIGNS = {"wh_in": 1, "wh_out": -1, "removal": -1, "shortage": 0}


def _weight(event: ShelfEvent) -> int:
    return event.delta_weight_g or 0 if event.event_type == "weight_change" else 0


def _effect(event: ShelfEvent) -> int:
    if event.event_type == "putback":
        return event.quantity or 0
    return 0 if event.event_type == "weight_change" else -(event.quantity or 0)


LINES = HOT_LINES
