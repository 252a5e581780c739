"""Daily features of one store's shelves, recomputed (docs/stock-rules.md, Daily features)."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

from smartstore.contracts.events import Event, PosTransaction, ShelfEvent, WarehouseEvent
from smartstore.contracts.outputs import ShelfDailyFeatures
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.wire import from_epoch_ms
from smartstore.verify.alerts import AlertBook
from smartstore.verify.back_room import BackRoomBook
from smartstore.verify.discounts import DiscountBook
from smartstore.verify.histories import ExpectedKeys, RecordHistory
from smartstore.verify.lots import LotBook
from smartstore.verify.stock import ShelfBook
from smartstore.verify.supplier import SupplierBook

ALERT_DAYS = 30
WEEK = timedelta(days=6)
"""From a day to the last one of seven."""


class Books(NamedTuple):
    """What the rows are made of."""

    shelves: ShelfBook
    lots: LotBook
    back_room: BackRoomBook
    alerts: AlertBook
    supplier: SupplierBook
    discounts: DiscountBook


@dataclass
class DayCounts:
    """What happened on one day, by shelf."""

    people: int = 0
    sold: Counter[str] = field(default_factory=Counter)
    stockouts: Counter[str] = field(default_factory=Counter)
    refilled: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    wh_removed: Counter[str] = field(default_factory=Counter)
    alerts: set[str] = field(default_factory=set)
    wh_alerts: set[str] = field(default_factory=set)
    on_order: dict[str, int] = field(default_factory=dict)


class FeatureBook:
    """All rows of one store. Call `begin` before a tick is applied, `close` after."""

    def __init__(self, books: Books, planning: PlanningSettings, expected: ExpectedKeys) -> None:
        self._books, self._planning, self._expected = books, planning, expected
        self._day: date | None = None
        self._counts = DayCounts()
        self._past: dict[date, DayCounts] = {}
        self._units: dict[str, int] = {}

    def begin(self, tick: int) -> None:
        """The first tick of a day ends the day before it."""
        today = from_epoch_ms(tick).date()
        if today == self._day:
            return
        shelves = self._books.shelves.shelves
        if self._day is not None:
            for shelf_id in shelves:
                self._row(tick, shelf_id, self._day)
            self._past[self._day] = self._counts
        oldest = today - timedelta(days=ALERT_DAYS)
        self._past = {day: counts for day, counts in self._past.items() if day >= oldest}
        on_order = {shelf_id: self._books.supplier.on_order(shelf_id) for shelf_id in shelves}
        self._day, self._counts = today, DayCounts(on_order=on_order)

    def close(self, records: Iterable[Event], changed: Iterable[str]) -> None:
        """Count a tick; `changed`: shelves whose units may have changed. Shelves without profile do not count."""
        counts, shelves = self._counts, self._books.shelves.shelves
        for record in records:
            if type(record) is PosTransaction:
                counts.people += 1
                for item in record.items:
                    if item.shelf_id in shelves:
                        counts.sold[item.shelf_id] += item.quantity
            elif type(record) is ShelfEvent and record.lots and record.shelf_id in shelves:
                column = counts.removed if record.event_type == "removal" else counts.refilled
                column[record.shelf_id] += record.quantity or 0
            elif (
                type(record) is WarehouseEvent
                and record.event_type == "removal"
                and record.shelf_id in shelves
            ):
                counts.wh_removed[record.shelf_id] += record.quantity
        for shelf_id in changed:
            units = max(shelves[shelf_id].balance, 0)
            counts.stockouts[shelf_id] += self._units.get(shelf_id, 0) > 0 and not units
            self._units[shelf_id] = units
        counts.alerts |= self._books.alerts.asking()
        counts.wh_alerts |= self._books.supplier.asking()

    def _row(self, tick: int, shelf_id: str, day: date) -> None:
        books, counts = self._books, self._counts
        profile, store = books.shelves.profiles[shelf_id], books.shelves.store_id
        units, room = max(books.shelves.shelves[shelf_id].balance, 0), profile.warehouse_capacity
        there = books.back_room.rooms.get(shelf_id)
        behind = 0 if there is None else max(there.balance, 0)
        limits = books.alerts.limits(shelf_id)
        threshold = math.ceil(limits.threshold_pct * profile.capacity / 100)
        record = ShelfDailyFeatures(
            store_id=store,
            shelf_id=shelf_id,
            item_category=profile.item_category,
            item_subcategory=profile.item_subcategory,
            feature_date=day,
            day_of_week=day.weekday(),
            is_weekend=day.weekday() in (5, 6),
            warehouse_inbound_day=day.weekday() in self._planning.delivery_weekdays,
            refill_day=counts.refilled[shelf_id] > 0,
            item_price_cents=profile.item_price_cents,
            people_count=counts.people,
            sales_qty=counts.sold[shelf_id],
            stockout_events=counts.stockouts[shelf_id],
            shelf_capacity=profile.capacity,
            current_stock_shelf=units,
            shelf_fill_ratio=units / profile.capacity,
            warehouse_capacity=room,
            current_stock_warehouse=behind,
            warehouse_fill_ratio=behind / room if room else 0.0,
            pending_supplier_qty=counts.on_order.get(shelf_id, 0),
            standard_batch_size=profile.standard_batch_size,
            is_shelf_alert=shelf_id in counts.alerts,
            is_warehouse_alert=shelf_id in counts.wh_alerts,
            batches_to_order=books.supplier.planned_on(shelf_id, day) // profile.standard_batch_size,
            expired_qty_shelf=counts.removed[shelf_id],
            expired_qty_wh=counts.wh_removed[shelf_id],
            moved_wh_to_shelf=counts.refilled[shelf_id],
            shelf_threshold_qty=max(threshold, limits.min_qty),
            wh_reorder_point_qty=books.supplier.reorder_point(shelf_id),
            updated_at=from_epoch_ms(tick),
            version=tick,
            **self._discounts(shelf_id, day),
            **self._expiries(shelf_id, day),
            **self._history(shelf_id, day),
        )
        history: RecordHistory[ShelfDailyFeatures] = RecordHistory(len(self._expected))
        self._expected.add((store, shelf_id, day), history)
        history.add(record)

    def _discounts(self, shelf_id: str, day: date) -> dict[str, Any]:
        book = self._books.discounts
        marked, base = book.discount(shelf_id, day), float(book.base(shelf_id, day, day))
        off = base if marked is None else marked.discount_pct
        soon = marked is not None or book.base(shelf_id, day, day + WEEK) > 0
        return {"discount_pct": off, "is_discounted": off > 0, "is_discounted_next_7d": soon}

    def _expiries(self, shelf_id: str, day: date) -> dict[str, Any]:
        lots = [
            ((lot.expiry - day).days, lot.balance)
            for lot in self._books.lots.of_shelf(shelf_id)
            if lot.balance > 0 and lot.expiry is not None and lot.expiry >= day
        ]
        days = [left for left, _ in lots]
        return {
            "min_expiration_days": min(days, default=None),
            "avg_expiration_days": sum(days) / len(days) if days else None,
            "qty_expiring_next_7d": sum(units for left, units in lots if left <= WEEK.days),
        }

    def _history(self, shelf_id: str, day: date) -> dict[str, Any]:
        def sold(days: int) -> int:
            since = day - timedelta(days=days)
            return sum(counts.sold[shelf_id] for past, counts in self._past.items() if past >= since)

        oldest = day - timedelta(days=ALERT_DAYS)
        month = [counts for past, counts in self._past.items() if past >= oldest]
        return {
            "alerts_last_30d_shelf": sum(shelf_id in counts.alerts for counts in month),
            "alerts_last_30d_wh": sum(shelf_id in counts.wh_alerts for counts in month),
            "sales_last_1d": sold(1),
            "sales_last_7d": sold(7),
            "sales_last_14d": sold(14),
        }
