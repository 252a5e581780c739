"""All stock jobs of one store, tick by tick: `advance` is what the Spark and the in-memory runner both call.

Pure: the result depends on the state and on the order of the records within each line, on nothing else.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from msgspec import Struct

from smartstore.contracts import topics
from smartstore.contracts.applications import HOT
from smartstore.contracts.events import Command, StoreConfig
from smartstore.contracts.outputs import DeadLetter, JobStatus
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.wire import derived_id, encode, from_epoch_ms, key_of
from smartstore.domain import lot_book
from smartstore.domain.balance import NEVER
from smartstore.domain.catalog import Catalog
from smartstore.domain.goods import Goods
from smartstore.domain.inbox import Inbox
from smartstore.domain.jobs import (
    batch_state_updater,
    daily_discount_manager,
    removal_scheduler,
    shelf_aggregator,
    shelf_alert_engine,
    shelf_daily_features,
    shelf_refill_bridge,
    shelf_restock_manager,
    supplier_manager,
    wh_aggregator,
    wh_alert_engine,
    wh_batch_state_updater,
)
from smartstore.domain.lines import (
    LINES,
    NO_POSITION,
    Arrivals,
    LineReading,
    LineState,
    Rejected,
    as_moves,
    as_warehouse_moves,
    canonical_order,
    read_line,
    still_held,
)
from smartstore.domain.shelves import IntArray, Shelves
from smartstore.domain.tick import (
    DAY_MS,
    Emitted,
    Moment,
    Output,
    Records,
    Refusal,
)

JOBS = (
    shelf_aggregator.NAME,
    batch_state_updater.NAME,
    wh_aggregator.NAME,
    wh_batch_state_updater.NAME,
    shelf_alert_engine.NAME,
    shelf_restock_manager.NAME,
    shelf_refill_bridge.NAME,
    supplier_manager.NAME,
    wh_alert_engine.NAME,
    removal_scheduler.NAME,
    daily_discount_manager.NAME,
    shelf_daily_features.NAME,
)
"""In topological order."""
APPLICATION = HOT


@dataclass(frozen=True)
class Parameters:
    """Constants of a run: the tick grid in ms, and the planning defaults."""

    tick_ms: int
    planning: PlanningSettings


@dataclass(frozen=True)
class JobCounts:
    """Totals of one job of one store since it opened."""

    events_in: int = 0
    events_out: int = 0
    dropped: int = 0


@dataclass(frozen=True)
class StoreState:
    """Everything kept for one store between micro-batches."""

    lines: tuple[LineState, ...] = field(default_factory=lambda: tuple(LineState() for _ in LINES))
    taken_ms: int = NO_POSITION
    """The last tick taken."""
    late: int = 0
    repeats: int = 0
    counts: tuple[JobCounts, ...] = tuple(JobCounts() for _ in JOBS)
    shelves: Shelves = field(default_factory=Shelves)
    catalog: Catalog = field(default_factory=Catalog)
    aggregator: shelf_aggregator.State = field(default_factory=shelf_aggregator.State)
    lots: lot_book.LotBook = field(default_factory=lot_book.empty)
    back_room: wh_aggregator.State = field(default_factory=wh_aggregator.State)
    back_lots: lot_book.LotBook = field(default_factory=lot_book.empty)
    alerts: shelf_alert_engine.State = field(default_factory=shelf_alert_engine.State)
    restock_due_ms: int = NEVER
    """When a restock plan falls due next."""
    supplier: supplier_manager.State = field(default_factory=supplier_manager.State)
    supplier_due_ms: int = NEVER
    wh_alerts: wh_alert_engine.State = field(default_factory=wh_alert_engine.State)
    removal: removal_scheduler.State = field(default_factory=removal_scheduler.State)
    removal_due_ms: int = 0
    discounts: daily_discount_manager.State = field(default_factory=daily_discount_manager.State)
    features: shelf_daily_features.State = field(default_factory=shelf_daily_features.State)
    inbox: Inbox = field(default_factory=Inbox)
    open: bool = True
    """Whether the store is open (docs/stock-rules.md, Closed stores)."""


@dataclass(frozen=True)
class Advanced:
    """The result of one call: the new state, what to publish in order, and how far each job has come."""

    state: StoreState
    outputs: list[Output]
    status: list[JobStatus]
    seconds: tuple[float, ...]
    """Time spent in each job, by `clock`."""
    idle: bool
    """Whether nothing but ticks arrived and none was due: the state need not be kept, the next call makes up for it."""


def _no_clock() -> float:
    return 0.0


def advance(
    store_id: str,
    state: StoreState,
    arrivals: Mapping[str, Arrivals],
    parameters: Parameters,
    clock: Callable[[], float] = _no_clock,
) -> Advanced:
    """Read what arrived on each line (by topic name) and take every tick that all lines have reached.

    `clock` only measures how long the jobs take; no result depends on it.
    """
    readings = [
        read_line(line, old, arrivals.get(line.name), parameters.tick_ms) for line, old in _lines(state)
    ]
    outputs = [_rejected(store_id, bad) for reading in readings for bad in reading.rejected]
    complete = min(reading.last_tick_ms for reading in readings)
    ticks = _ticks_to_take(readings, state.taken_ms, complete)
    state = replace(
        state,
        late=state.late + sum(reading.late for reading in readings),
        repeats=state.repeats + sum(reading.repeats for reading in readings),
    )
    watch = _Watch(clock)
    idle = _is_idle(readings, complete) and not outputs and complete < _next_due(state)
    if ticks:
        state = _take_ticks(store_id, state, readings, ticks, parameters, outputs, watch)
    until = ticks[-1] if ticks else NO_POSITION
    state = replace(state, lines=tuple(still_held(reading, until) for reading in readings))
    return Advanced(state, outputs, _status(store_id, state), tuple(watch.seconds), idle)


def _is_idle(readings: list[LineReading], complete: int) -> bool:
    """No records, and no line ahead of another: forgetting these ticks loses only the count of late records."""
    return all(not reading.records and reading.last_tick_ms == complete for reading in readings)


def _lines(state: StoreState) -> "zip[tuple[topics.Topic, LineState]]":
    return zip(LINES, state.lines, strict=True)


def _ticks_to_take(readings: list[LineReading], taken: int, complete: int) -> list[int]:
    """Ticks read on every line and not taken; on all lines at most `complete`, so any line's list may name them."""
    seen = {tick for reading in readings for tick in reading.ticks}
    # A tick read in an earlier batch on some lines is named again by the line that completes it now.
    return sorted(tick for tick in seen if taken < tick <= complete)


def _take_ticks(
    store_id: str,
    state: StoreState,
    readings: list[LineReading],
    ticks: list[int],
    parameters: Parameters,
    outputs: list[Output],
    watch: "_Watch",
) -> StoreState:
    slices = [_Slices(reading, ticks[-1]) for reading in readings]
    for tick in ticks:
        cuts = [cut.take(tick) for cut in slices]
        quiet = not any(stop > start for start, stop in cuts)
        if not quiet or tick >= _next_due(state):
            moment = Moment(store_id, tick, _is_new_day(state.taken_ms, tick), parameters.planning)
            state = _take_tick(state, slices, cuts, moment, parameters.tick_ms, outputs, watch)
        state = replace(state, taken_ms=tick)
    return state


def _is_new_day(taken_ms: int, tick_ms: int) -> bool:
    return taken_ms == NO_POSITION or taken_ms // DAY_MS != tick_ms // DAY_MS


def _next_due(state: StoreState) -> int:
    return min(
        state.aggregator.book.next_due_ms,
        state.lots.next_due_ms,
        state.back_room.book.next_due_ms,
        state.back_lots.next_due_ms,
        state.alerts.next_due_ms,
        state.restock_due_ms,
        state.supplier_due_ms,
        state.wh_alerts.next_due_ms,
        state.removal_due_ms,
        state.discounts.next_due_ms,
        state.features.next_due_ms,
        state.inbox.next_due_ms,
    )


class _Slices:
    """One line's due records in canonical order, handed out tick by tick."""

    def __init__(self, reading: LineReading, until_ms: int) -> None:
        order = canonical_order(reading, until_ms)
        self.records: list[Struct] = [reading.records[i] for i in order]
        self.timestamps = reading.timestamp_ms[order]
        self._effective = reading.effective_ms[order]
        self._next = 0

    def take(self, tick_ms: int) -> tuple[int, int]:
        """Start and stop of the records whose effective tick is at most `tick_ms` and that were not handed out."""
        start = self._next
        if start < len(self._effective) and self._effective[start] <= tick_ms:
            self._next = int(np.searchsorted(self._effective, tick_ms, side="right"))
        return start, self._next


class _Watch:
    """Adds up the time of each job."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = 0.0
        self.seconds = [0.0 for _ in JOBS]

    def start(self) -> None:
        self._last = self._clock()

    def lap(self, job: int) -> None:
        now = self._clock()
        self.seconds[job] += now - self._last
        self._last = now


def _take_tick(
    state: StoreState,
    slices: list[_Slices],
    cuts: list[tuple[int, int]],
    moment: Moment,
    grid_ms: int,
    outputs: list[Output],
    watch: _Watch,
) -> StoreState:
    by_line: dict[str, tuple[list[Any], IntArray]] = {
        line.name: state.inbox.joined(
            line.name, moment.tick_ms, cut.records[start:stop], cut.timestamps[start:stop]
        )
        for line, cut, (start, stop) in zip(LINES, slices, cuts, strict=True)
    }
    config = by_line[topics.STORE_CONFIG.name][0]
    moment = replace(moment, open=_is_open(state.open, config))
    profiles = [row.profile for row in config if row.profile is not None]
    shelves = state.shelves.with_profiles(profiles) if profiles else state.shelves
    records = Records(
        moves=as_moves(*by_line[topics.SHELF_EVENTS.name], shelves),
        warehouse=as_warehouse_moves(*by_line[topics.WH_EVENTS.name], shelves),
        receipts=by_line[topics.POS_TRANSACTIONS.name][0],
        counts=by_line[topics.STOCK_COUNTS.name][0],
        config=config,
        commands=by_line[topics.COMMANDS.name][0],
        catalog=state.catalog.after(config),
    )
    watch.start()
    aggregator, aggregated, changed = shelf_aggregator.step(state.aggregator, records, shelves, moment)
    watch.lap(0)
    lots, updated, lots_changed = batch_state_updater.step(state.lots, records, shelves, moment)
    watch.lap(1)
    back_room, stored, _ = wh_aggregator.step(state.back_room, records, shelves, moment)
    watch.lap(2)
    back_lots, sorted_in, _ = wh_batch_state_updater.step(state.back_lots, records, shelves, moment)
    watch.lap(3)
    stock = shelf_alert_engine.Stock(shelves, aggregator.book.balance, aggregator.book.counted, lots.lots)
    touched = np.union1d(changed, lots_changed)
    alerts, alerted = shelf_alert_engine.step(state.alerts, records, stock, touched, bool(profiles), moment)
    watch.lap(4)
    owner = shelf_alert_engine.NAME
    taken, due_ms = shelf_restock_manager.step(alerts.plans, owner, back_lots.lots, shelves, moment)
    watch.lap(5)
    refilled = shelf_refill_bridge.step(records, moment)
    watch.lap(6)
    supplier, ordered, changed_orders = supplier_manager.step(
        state.supplier, state.wh_alerts.plans, records, shelves, moment
    )
    watch.lap(7)
    room = wh_alert_engine.BackRoom(
        shelves, back_room.book.balance, back_room.book.counted, back_lots.lots, alerts.plans.wanted
    )
    wh_alerts, orders, wh_alerted = wh_alert_engine.step(
        state.wh_alerts, supplier.orders, changed_orders, room, records, bool(profiles), moment
    )
    supplier = supplier_manager.after(supplier, orders)
    watch.lap(8)
    on_shelf = Goods(stock.units, stock.counted, lots.lots)
    behind = Goods(np.maximum(room.balance, 0), room.counted, back_lots.lots)
    removal, removed = removal_scheduler.step(state.removal, on_shelf, behind, records, shelves, moment)
    watch.lap(9)
    discounts, discounted = daily_discount_manager.step(state.discounts, records, on_shelf, shelves, moment)
    watch.lap(10)
    seen = shelf_daily_features.Seen(shelves, on_shelf, behind, alerts, wh_alerts, supplier.orders, discounts)
    features, described = shelf_daily_features.step(state.features, _seen(state), seen, records, moment)
    watch.lap(11)
    emitted = (
        *(aggregated, updated, stored, sorted_in, alerted, taken, refilled, ordered, wh_alerted),
        *(removed, discounted, described),
    )
    obeyed = {event_id for one in emitted for event_id in one.obeyed}
    alerted.refusals += [_not_obeyed(one) for one in records.commands if one.event_id not in obeyed]
    for one in emitted:
        outputs.extend(one.outputs)
        outputs.extend(_refused(moment.store_id, refusal) for refusal in one.refusals)
    inbox, facts = state.inbox.after(moment.tick_ms, emitted, grid_ms)
    outputs.extend(facts)
    return replace(
        state,
        shelves=shelves,
        catalog=records.catalog,
        aggregator=aggregator,
        lots=lots,
        back_room=back_room,
        back_lots=back_lots,
        alerts=alerts,
        restock_due_ms=due_ms,
        supplier=supplier,
        supplier_due_ms=supplier_manager.next_due(supplier, wh_alerts.plans, moment),
        wh_alerts=wh_alerts,
        removal=removal,
        removal_due_ms=removal_scheduler.next_due(removal, moment),
        discounts=discounts,
        features=features,
        inbox=inbox,
        open=moment.open,
        counts=tuple(_counted(old, one) for old, one in zip(state.counts, emitted, strict=True)),
    )


def _seen(state: StoreState) -> shelf_daily_features.Seen:
    """The store after the last tick that was taken."""
    units, behind = state.aggregator.book, state.back_room.book
    return shelf_daily_features.Seen(
        state.shelves,
        Goods(np.maximum(units.balance, 0), units.counted, state.lots.lots),
        Goods(np.maximum(behind.balance, 0), behind.counted, state.back_lots.lots),
        state.alerts,
        state.wh_alerts,
        state.supplier.orders,
        state.discounts,
    )


def _is_open(before: bool, config: Iterable[StoreConfig]) -> bool:
    """What the last record that says it says."""
    said = [row.status for row in config if row.status is not None]
    return said[-1] == "open" if said else before


def _counted(old: JobCounts, emitted: Emitted) -> JobCounts:
    return JobCounts(
        events_in=old.events_in + emitted.events_in,
        events_out=old.events_out + len(emitted.outputs) + len(emitted.facts),
        dropped=old.dropped + emitted.dropped + len(emitted.refusals),
    )


def _rejected(store_id: str, bad: Rejected) -> Output:
    letter = DeadLetter(
        dead_letter_id=derived_id(APPLICATION, bad.line, bad.place, bad.value.hex()),
        source=bad.line,
        position=str(bad.place),
        store_id=store_id,
        event_id=None,
        reason=bad.reason,
        field=None,
        value=bad.value.decode(errors="backslashreplace"),
    )
    return _dead_letter(letter)


def _refused(store_id: str, refusal: Refusal) -> Output:
    event_id: str = refusal.record.event_id  # type: ignore[attr-defined]
    letter = DeadLetter(
        dead_letter_id=derived_id(APPLICATION, refusal.line, store_id, event_id, refusal.field or ""),
        source=refusal.line,
        position="",
        store_id=store_id,
        event_id=event_id,
        reason=refusal.reason,
        field=refusal.field,
        value=encode(refusal.record).decode(),
    )
    return _dead_letter(letter)


def _not_obeyed(command: Command) -> Refusal:
    """A command that no job could carry out."""
    if command.command != "acknowledge":
        reason, name = "plan_not_open: the store has no open plan with this id", "plan_id"
    else:
        reason = "alert_not_open: the store has no open alert of this id, or of this shelf and type"
        name = "alert_id" if command.alert_id is not None else "shelf_id"
    return Refusal(topics.COMMANDS.name, command, reason, name)


def _dead_letter(letter: DeadLetter) -> Output:
    return Output(topics.DEAD_LETTERS.name, key_of(topics.DEAD_LETTERS.key, letter), encode(letter))


def _status(store_id: str, state: StoreState) -> list[JobStatus]:
    """One row per job, empty while no tick was taken."""
    if state.taken_ms == NO_POSITION:
        return []
    rows = (
        len(state.shelves),
        len(state.lots.lots),
        len(state.shelves),
        len(state.back_lots.lots),
        sum(int((b.status != 0).sum()) for b in state.alerts.books) + int(state.alerts.plans.is_open.sum()),
        0,
        len(state.inbox.facts),
        len(state.supplier.orders),
        sum(int((b.status != 0).sum()) for b in state.wh_alerts.books),
        sum(int(b.is_active.sum()) for b in state.removal.books),
        len(state.discounts.promotions) + int(state.discounts.book.is_active.sum()),
        len(state.shelves),
    )
    return [
        JobStatus(
            application=APPLICATION,
            job=job,
            store_id=store_id,
            tick=from_epoch_ms(state.taken_ms),
            events_in=counts.events_in,
            events_out=counts.events_out,
            late=state.late,
            dropped=counts.dropped,
            state_rows=size,
            state_bytes=0,
            facts=state.inbox.count,
            version=state.taken_ms,
        )
        for job, counts, size in zip(JOBS, state.counts, rows, strict=True)
    ]
