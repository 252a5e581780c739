"""Removals of expired goods of one store, and their alerts, recomputed (docs/stock-rules.md, Removals)."""

from collections.abc import Iterable, Iterator
from datetime import date
from functools import partial

from smartstore.contracts.events import Command, LotQuantity, ShelfEvent, ShelfProfile, WarehouseEvent
from smartstore.contracts.fields import MOST_UNITS
from smartstore.contracts.limits import portions
from smartstore.contracts.outputs import AlertType
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.verify.alert_life import AlertLife, Key, Situation
from smartstore.verify.back_room import BackRoomBook
from smartstore.verify.histories import ExpectedKeys
from smartstore.verify.lots import Lot, LotBook
from smartstore.verify.stock import ShelfBook

JOB = "removal-scheduler"
TYPE: AlertType = "expired_removal"
DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000


class Removals:
    """The daily rounds of one store, and the alerts that say what lies there."""

    def __init__(
        self,
        shelves: ShelfBook,
        lots: LotBook,
        rooms: BackRoomBook,
        back_lots: LotBook,
        planning: PlanningSettings,
        expected: ExpectedKeys,
    ) -> None:
        """`expected`: of alerts."""
        self._shelves, self._lots, self._rooms, self._back_lots = shelves, lots, rooms, back_lots
        self._hour = planning.removal_hour
        cooldown_ms, store = planning.cooldown_minutes * MINUTE_MS, shelves.store_id
        self._store = AlertLife(JOB, "store", store, cooldown_ms, expected)
        self._warehouse = AlertLife(JOB, "warehouse", store, cooldown_ms, expected, prefix="wh_")
        self._round = 0
        """Tick of the last round."""
        self._is_open = True

    def apply_status(self, *, is_open: bool) -> None:
        """The store was opened or closed; in a closed one there is no round and no alert."""
        self._is_open = is_open

    def close(self, tick: int, commands: Iterable[Command]) -> set[str]:
        """End the tick, after its stock is known; returns the ids of the commands carried out."""
        hour = self._hour * HOUR_MS
        if self._is_open and self._round // DAY_MS < tick // DAY_MS and tick % DAY_MS >= hour:
            self._round = tick
        obeyed = set()
        for life, look in ((self._store, self._on_shelf), (self._warehouse, self._behind)):
            situation = partial(look, tick)
            obeyed |= {one.event_id for one in commands if life.acknowledge(tick, one, situation)}
            for shelf_id in self._shelves.shelves if tick == self._round else life.active(TYPE):
                life.evaluate(tick, (shelf_id, TYPE), situation((shelf_id, TYPE)))
        return obeyed

    def round(self, tick: int) -> Iterator[tuple[str, ShelfEvent | WarehouseEvent]]:
        """(line, removal) of this tick, after `close`; empty unless the day's round falls on it."""
        if tick != self._round:
            return
        day, store = tick // DAY_MS, self._shelves.store_id
        for shelf_id in self._shelves.shelves:
            sure = self._sure(tick, shelf_id)
            if sure:
                named = next(portions(sure))
                yield (
                    "shelf_events",
                    ShelfEvent(
                        event_id=derived_id(JOB, f"{store}/{shelf_id}", "removal", day),
                        store_id=store,
                        timestamp=from_epoch_ms(tick),
                        event_type="removal",
                        shelf_id=shelf_id,
                        quantity=sum(lot.quantity for lot in named),
                        lots=named,
                        reason="expired",
                    ),
                )
            for lot in _expired(self._back_lots.of_shelf(shelf_id), tick):
                yield (
                    "wh_events",
                    WarehouseEvent(
                        event_id=derived_id(JOB, f"{store}/{shelf_id}/{lot.batch_code}", "wh_removal", day),
                        store_id=store,
                        timestamp=from_epoch_ms(tick),
                        event_type="removal",
                        shelf_id=shelf_id,
                        batch_code=lot.batch_code,
                        quantity=min(lot.balance, MOST_UNITS),
                        received_date=lot.received,
                        expiry_date=lot.expiry,
                        reason="expired",
                    ),
                )

    def _sure(self, tick: int, shelf_id: str) -> list[LotQuantity]:
        """What surely lies on the shelf of expired lots."""
        shelf, lots = self._shelves.shelves[shelf_id], list(self._lots.of_shelf(shelf_id))
        baskets = max(sum(max(lot.balance, 0) for lot in lots) - max(shelf.balance, 0), 0)
        return [
            _quantity(lot, lot.balance - baskets) for lot in _expired(lots, tick) if lot.balance > baskets
        ]

    def _on_shelf(self, tick: int, key: Key) -> Situation:
        shelf_id, _ = key
        shelf, profile = self._shelves.shelves[shelf_id], self._shelves.profiles[shelf_id]
        expired = self._sure(tick, shelf_id)
        return _situation(
            expired, profile, max(shelf.balance, 0), profile.capacity, opened=shelf.opened and self._is_open
        )

    def _behind(self, tick: int, key: Key) -> Situation:
        shelf_id, _ = key
        room, profile = self._rooms.rooms.get(shelf_id), self._shelves.profiles[shelf_id]
        expired = [_quantity(lot, lot.balance) for lot in _expired(self._back_lots.of_shelf(shelf_id), tick)]
        stock, opened = (0, False) if room is None else (max(room.balance, 0), room.opened)
        return _situation(
            expired, profile, stock, profile.warehouse_capacity, opened=opened and self._is_open
        )


def _situation(
    expired: list[LotQuantity], profile: ShelfProfile, stock: int, capacity: int, *, opened: bool
) -> Situation:
    first = expired[0].expiry_date if expired else None
    units = sum(lot.quantity for lot in expired)
    return Situation(opened and bool(expired), profile, stock, capacity, 0.0, 0, units, first)


def _expired(lots: Iterable[Lot], tick: int) -> list[Lot]:
    today = from_epoch_ms(tick).date()
    gone = [lot for lot in lots if lot.balance > 0 and lot.expiry is not None and lot.expiry < today]
    return sorted(gone, key=lambda lot: (lot.expiry or date.max, lot.batch_code))


def _quantity(lot: Lot, quantity: int) -> LotQuantity:
    return LotQuantity(
        batch_code=lot.batch_code, quantity=quantity, received_date=lot.received, expiry_date=lot.expiry
    )
