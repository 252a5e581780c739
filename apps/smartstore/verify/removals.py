"""Removals of expired goods of one store, recomputed (docs/stock-rules.md, Removals)."""

from collections.abc import Iterable, Iterator
from datetime import date

from smartstore.contracts.events import LotQuantity, ShelfEvent, WarehouseEvent
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.verify.lots import Lot, LotBook
from smartstore.verify.stock import ShelfBook

JOB = "removal-scheduler"
DAY_MS = 86_400_000
HOUR_MS = 3_600_000


class Removals:
    """The daily rounds of one store."""

    def __init__(self, shelves: ShelfBook, lots: LotBook, back_lots: LotBook, hour: int) -> None:
        self._shelves, self._lots, self._back_lots, self._hour = shelves, lots, back_lots, hour
        self._last_day = -1

    def round(self, tick: int) -> Iterator[tuple[str, ShelfEvent | WarehouseEvent]]:
        """(line, removal) of this tick; empty unless the day's round falls on it."""
        day = tick // DAY_MS
        if day == self._last_day or tick < day * DAY_MS + self._hour * HOUR_MS:
            return
        self._last_day = day
        today, store = from_epoch_ms(tick).date(), self._shelves.store_id
        for shelf_id, shelf in self._shelves.shelves.items():
            lots = list(self._lots.of_shelf(shelf_id))
            baskets = max(sum(max(lot.balance, 0) for lot in lots) - max(shelf.balance, 0), 0)
            sure = [(lot, lot.balance - baskets) for lot in _expired(lots, today) if lot.balance > baskets]
            if sure:
                named = [_quantity(lot, quantity) for lot, quantity in sure]
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
            for lot in _expired(self._back_lots.of_shelf(shelf_id), today):
                yield (
                    "wh_events",
                    WarehouseEvent(
                        event_id=derived_id(JOB, f"{store}/{shelf_id}/{lot.batch_code}", "wh_removal", day),
                        store_id=store,
                        timestamp=from_epoch_ms(tick),
                        event_type="removal",
                        shelf_id=shelf_id,
                        batch_code=lot.batch_code,
                        quantity=lot.balance,
                        received_date=lot.received,
                        expiry_date=lot.expiry,
                        reason="expired",
                    ),
                )


def _expired(lots: Iterable[Lot], today: date) -> list[Lot]:
    gone = [lot for lot in lots if lot.balance > 0 and lot.expiry is not None and lot.expiry < today]
    return sorted(gone, key=lambda lot: (lot.expiry or date.max, lot.batch_code))


def _quantity(lot: Lot, quantity: int) -> LotQuantity:
    return LotQuantity(
        batch_code=lot.batch_code, quantity=quantity, received_date=lot.received, expiry_date=lot.expiry
    )
