"""shelf-daily-features: what a day was, per shelf, once it is over (docs/stock-rules.md, Daily features).

It keeps the day's counts and emits the rows at the first tick of a later day, from the state before that tick: so no
row holds anything from after its day.
"""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.outputs import ShelfDailyFeatures
from smartstore.contracts.wire import from_epoch_ms
from smartstore.domain.daily_round import NO_DAY
from smartstore.domain.goods import Goods
from smartstore.domain.jobs import daily_discount_manager, shelf_alert_engine, wh_alert_engine
from smartstore.domain.lots import NO_DATE, Lots
from smartstore.domain.policies import resolve
from smartstore.domain.prices import percent
from smartstore.domain.shelves import BoolArray, IntArray, Shelves, grown, no_ints
from smartstore.domain.supplier_plans import OrderBook
from smartstore.domain.tick import DAY_MS, Emitted, Moment, Records

NAME = "shelf-daily-features"
ALERT_DAYS = 30
SALES_DAYS = 14
WEEK_DAYS = 7


@dataclass(frozen=True)
class Counts:
    """Of the day so far, and of the days before; one element per shelf."""

    sold: IntArray = field(default_factory=no_ints)
    stockouts: IntArray = field(default_factory=no_ints)
    refilled: IntArray = field(default_factory=no_ints)
    removed: IntArray = field(default_factory=no_ints)
    wh_removed: IntArray = field(default_factory=no_ints)
    alert: IntArray = field(default_factory=no_ints)
    """1 when the shelf asked for a refill on the day, `wh_alert` when the back room asked the supplier."""
    wh_alert: IntArray = field(default_factory=no_ints)
    on_order: IntArray = field(default_factory=no_ints)
    """Units, when the day began."""
    alert_days: IntArray = field(default_factory=no_ints)
    """The same for the days before, bit n for n + 1 days ago."""
    wh_alert_days: IntArray = field(default_factory=no_ints)

    def sized(self, size: int) -> "Counts":
        """Arrays of its own for so many shelves, to be changed in place within one step."""
        return Counts(**{name: grown(column, size, 0) for name, column in vars(self).items()})


@dataclass(frozen=True)
class State:
    """The day that is counted (since 1970-01-01), its receipts, and the counts."""

    day: int = NO_DAY
    people: int = 0
    counts: Counts = field(default_factory=Counts)
    sales: tuple[IntArray, ...] = (no_ints(),) * SALES_DAYS
    """Units sold per shelf, one, two … days before."""

    @property
    def next_due_ms(self) -> int:
        """When the day is over (epoch ms)."""
        return (self.day + 1) * DAY_MS


class Seen(NamedTuple):
    """What the job sees of a store after a tick."""

    shelves: Shelves
    on_shelf: Goods
    behind: Goods
    alerts: shelf_alert_engine.State
    wh_alerts: wh_alert_engine.State
    orders: OrderBook
    discounts: daily_discount_manager.State


def step(state: State, before: Seen, after: Seen, records: Records, moment: Moment) -> tuple[State, Emitted]:
    """Apply one tick; `before` and `after` it."""
    emitted = Emitted()
    if state.day != moment.today:
        if state.day != NO_DAY:
            _emit_rows(state, before, moment, emitted)
        state = _begun(state, before, moment)
    state = replace(
        state, counts=state.counts.sized(len(after.shelves)), people=state.people + len(records.receipts)
    )
    _count(state.counts, before, after, records)
    return state, emitted


def _begun(state: State, before: Seen, moment: Moment) -> State:
    """The first tick of a day: what was counted becomes history; days without a tick sold nothing."""
    size, passed = len(before.shelves), 1 if state.day == NO_DAY else moment.today - state.day
    old = state.counts.sized(size)
    nothing = (np.zeros(size, np.int64),) * min(passed - 1, SALES_DAYS)
    sales = (*nothing, old.sold, *(grown(column, size, 0) for column in state.sales))
    counts = Counts(
        on_order=before.orders.units_on_order(size),
        alert_days=_remembered(old.alert_days, old.alert, passed),
        wh_alert_days=_remembered(old.wh_alert_days, old.wh_alert, passed),
    )
    return State(moment.today, 0, counts, sales[:SALES_DAYS])


def _remembered(days: IntArray, last: IntArray, passed: int) -> IntArray:
    """Flags of the days before, once `passed` days are over of which the first one had the flag `last`."""
    if passed > ALERT_DAYS:
        return np.zeros_like(days)
    return (((days << 1) | last) << (passed - 1)) & ((1 << ALERT_DAYS) - 1)


def _count(counts: Counts, before: Seen, after: Seen, records: Records) -> None:
    """Add what a tick brought."""
    find = after.shelves.index.get
    for receipt in records.receipts:
        for item in receipt.items:
            if (shelf := find(item.shelf_id)) is not None:
                counts.sold[shelf] += item.quantity
    for event in records.moves.with_lots:
        if (shelf := find(event.shelf_id)) is not None:
            column = counts.removed if event.event_type == "removal" else counts.refilled
            column[shelf] += event.quantity or 0
    for gone in records.warehouse.records:
        if gone.event_type == "removal" and (shelf := find(gone.shelf_id)) is not None:
            counts.wh_removed[shelf] += gone.quantity
    stocked = grown(before.on_shelf.units, len(after.shelves), 0) > 0
    counts.stockouts[stocked & (after.on_shelf.units == 0)] += 1
    counts.alert[after.alerts.books[shelf_alert_engine.REFILL].is_active] = 1
    counts.wh_alert[after.wh_alerts.books[wh_alert_engine.SUPPLIER].is_active] = 1


def _emit_rows(state: State, seen: Seen, moment: Moment, emitted: Emitted) -> None:
    shelves = seen.shelves
    emitted.events_in = len(shelves)
    fixed = _of_the_day(state, moment)
    columns = {name: column.tolist() for name, column in _columns(state, seen, moment).items()}
    for shelf in range(len(shelves)):
        values: dict[str, Any] = {name: column[shelf] for name, column in columns.items()}
        if values["min_expiration_days"] == NO_DATE:
            values |= {"min_expiration_days": None, "avg_expiration_days": None}
        emitted.emit(
            topics.SHELF_DAILY_FEATURES,
            ShelfDailyFeatures(
                shelf_id=shelves.ids[shelf],
                item_category=shelves.categories[shelf],
                item_subcategory=shelves.subcategories[shelf],
                **fixed,
                **values,
            ),
        )


def _of_the_day(state: State, moment: Moment) -> dict[str, Any]:
    """What is the same for all shelves."""
    day = from_epoch_ms(state.day * DAY_MS).date()
    return {
        "store_id": moment.store_id,
        "feature_date": day,
        "day_of_week": day.weekday(),
        "is_weekend": day.weekday() >= 5,
        "warehouse_inbound_day": day.weekday() in moment.planning.delivery_weekdays,
        "people_count": state.people,
        "updated_at": from_epoch_ms(moment.tick_ms),
        "version": moment.tick_ms,
    }


def _columns(state: State, seen: Seen, moment: Moment) -> dict[str, np.ndarray[Any, Any]]:
    """The columns that differ by shelf."""
    shelves, counts, day, planning = seen.shelves, state.counts, state.day, moment.planning
    size = len(shelves)
    limits = resolve(seen.alerts.policies, shelves, moment.store_id, planning)
    threshold = np.ceil(limits.threshold_pct * shelves.capacity / 100).astype(np.int64)
    plans = seen.wh_alerts.plans.sized(size)
    planned = np.where(plans.created_ms // DAY_MS == day, plans.suggested // shelves.batch_size, 0)
    discount, soon = _discounts(seen.discounts, size, day)
    units, behind, room = seen.on_shelf.units, seen.behind.units, shelves.warehouse_capacity
    return {
        "refill_day": counts.refilled > 0,
        "item_price_cents": shelves.item_price_cents,
        "discount_pct": np.array([percent(points) for points in discount.tolist()]),
        "is_discounted": discount > 0,
        "is_discounted_next_7d": soon,
        "sales_qty": counts.sold,
        "stockout_events": counts.stockouts,
        "shelf_capacity": shelves.capacity,
        "current_stock_shelf": units,
        "shelf_fill_ratio": units / shelves.capacity,
        "warehouse_capacity": room,
        "current_stock_warehouse": behind,
        "warehouse_fill_ratio": np.where(room > 0, behind / np.maximum(room, 1), 0.0),
        "pending_supplier_qty": counts.on_order,
        "standard_batch_size": shelves.batch_size,
        **_expiries(seen.on_shelf.lots, size, day),
        "alerts_last_30d_shelf": np.bitwise_count(counts.alert_days),
        "alerts_last_30d_wh": np.bitwise_count(counts.wh_alert_days),
        "is_shelf_alert": counts.alert > 0,
        "is_warehouse_alert": counts.wh_alert > 0,
        "batches_to_order": planned,
        "expired_qty_shelf": counts.removed,
        "expired_qty_wh": counts.wh_removed,
        "moved_wh_to_shelf": counts.refilled,
        "shelf_threshold_qty": np.maximum(threshold, limits.min_qty),
        "wh_reorder_point_qty": wh_alert_engine.levels(seen.wh_alerts, shelves, moment)[0],
        "sales_last_1d": _sum(state.sales[:1], size),
        "sales_last_7d": _sum(state.sales[:WEEK_DAYS], size),
        "sales_last_14d": _sum(state.sales, size),
    }


def _discounts(seen: daily_discount_manager.State, size: int, day: int) -> tuple[IntArray, BoolArray]:
    """What came off on the day (basis points), and whether anything does on it or is announced for the next six."""
    promotion = seen.promotions.in_force(size, day, day)
    marked = grown(seen.discount, size, 0) * (seen.day == day)
    soon = (marked > 0) | (seen.promotions.in_force(size, day, day + WEEK_DAYS - 1) > 0)
    return np.where(marked > 0, marked, promotion), soon


def _expiries(lots: Lots, size: int, day: int) -> dict[str, np.ndarray[Any, Any]]:
    """Of lots with stock that have a date and have not expired; `NO_DATE` as the least where there is none."""
    rows = np.flatnonzero((lots.balance > 0) & (lots.expiry != NO_DATE) & (lots.expiry >= day))
    shelf, left, there = lots.shelf[rows], lots.expiry[rows] - day, lots.balance[rows]
    number = np.bincount(shelf, minlength=size)
    least = lots.earliest_expiry(size, day)
    soon = np.where(left < WEEK_DAYS, there, 0)
    return {
        "min_expiration_days": np.where(least == NO_DATE, NO_DATE, least - day),
        "avg_expiration_days": np.bincount(shelf, weights=left, minlength=size) / np.maximum(number, 1),
        "qty_expiring_next_7d": np.bincount(shelf, weights=soon, minlength=size).astype(np.int64),
    }


def _sum(days: tuple[IntArray, ...], size: int) -> IntArray:
    total = np.zeros(size, np.int64)
    for sold in days:
        total += grown(sold, size, 0)
    return total
