"""Builds the records of one store from what physically happened, with their identifiers, in the order they
happened."""

from datetime import date, timedelta
from functools import lru_cache

from smartstore.contracts.events import (
    FootTraffic,
    LotQuantity,
    PosItem,
    PosTransaction,
    ShelfEvent,
)
from smartstore.contracts.outputs import LedgerNote
from smartstore.contracts.topics import FOOT_TRAFFIC, LEDGER, POS_TRANSACTIONS, SHELF_EVENTS
from smartstore.contracts.wire import from_epoch_ms
from smartstore.world.chance import id_prefix
from smartstore.world.model import Emission
from smartstore.world.physical.plan import ShelfPlan
from smartstore.world.physical.stock import Lot

Dated = tuple[int, str, Emission]
"""An emission with the time (epoch ms) and the identifier that order it."""

SLOTS = ("00:00-06:59", "07:00-09:59", "10:00-13:59", "14:00-16:59", "17:00-19:59", "20:00-23:59")
SLOT_STARTS = (0, 7, 10, 14, 17, 20)
"""First hour (UTC) of each part of the day."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_SLOT_OF_HOUR = tuple(
    SLOTS[max(i for i, start in enumerate(SLOT_STARTS) if start <= hour)] for hour in range(24)
)


class Facts:
    """Collects one store's records; `take` hands them over.

    `number` arguments are the last 48 bits of identifiers: from the day plan for what customers do, counted in the
    store's state for what people do at a job's word.
    """

    def __init__(self, seed: int, store_id: str, shelves: tuple[ShelfPlan, ...]) -> None:
        self._store_id = store_id
        self._ids = [plan.profile.shelf_id for plan in shelves]
        self._weights = [plan.profile.item_weight_g for plan in shelves]
        prefixes = {
            purpose: id_prefix(seed, store_id, purpose)
            for purpose in ("shelf", "scale", "visit", "receipt", "lost", "staff-scale", "judged")
        }
        self._shelf_prefix = prefixes["shelf"]
        self._scale_prefix = prefixes["scale"]
        self._visit_prefix = prefixes["visit"]
        self._receipt_prefix = prefixes["receipt"]
        self._lost_prefix = prefixes["lost"]
        self._staff_scale_prefix = prefixes["staff-scale"]
        self._judged_prefix = prefixes["judged"]
        self._out: list[Dated] = []

    def take(self) -> list[Dated]:
        """What was collected since the last call."""
        out, self._out = self._out, []
        return out

    def visit(self, at: int, number: int, customer: str, exit_ms: int) -> None:
        """Somebody enters and will leave at `exit_ms`."""
        entry = from_epoch_ms(at)
        event_id = f"{self._visit_prefix}{number:012x}"
        record = FootTraffic(
            event_id=event_id,
            store_id=self._store_id,
            timestamp=entry,
            customer_id=customer,
            entry_time=entry,
            exit_time=from_epoch_ms(exit_ms),
            trip_duration_minutes=(exit_ms - at) // 60_000,
            weekday=WEEKDAYS[entry.weekday()],
            time_slot=_SLOT_OF_HOUR[entry.hour],
        )
        self._out.append((at, event_id, Emission(FOOT_TRAFFIC.name, record)))

    def customer_moved(
        self, at: int, number: int, customer: str, shelf: int, quantity: int, *, picked: bool
    ) -> None:
        """A customer picked units off the shelf or put them back; the scale sees it too."""
        moment = from_epoch_ms(at)
        event_id = f"{self._shelf_prefix}{number:012x}"
        scale_id = f"{self._scale_prefix}{number:012x}"
        store_id, shelf_id = self._store_id, self._ids[shelf]
        action = ShelfEvent(
            event_id=event_id,
            store_id=store_id,
            timestamp=moment,
            event_type="pickup" if picked else "putback",
            shelf_id=shelf_id,
            customer_id=customer,
            quantity=quantity,
        )
        grams = self._weights[shelf] * quantity
        scale = ShelfEvent(
            event_id=scale_id,
            store_id=store_id,
            timestamp=moment,
            event_type="weight_change",
            shelf_id=shelf_id,
            customer_id=customer,
            delta_weight_g=-grams if picked else grams,
        )
        self._out.append((at, event_id, Emission(SHELF_EVENTS.name, action)))
        self._out.append((at, scale_id, Emission(SHELF_EVENTS.name, scale)))

    def weighed(self, at: int, number: int, shelf: int, quantity: int) -> None:
        """The scale saw people put units on the shelf (or take them off, negative)."""
        scale_id = f"{self._staff_scale_prefix}{number:012x}"
        record = ShelfEvent(
            event_id=scale_id,
            store_id=self._store_id,
            timestamp=from_epoch_ms(at),
            event_type="weight_change",
            shelf_id=self._ids[shelf],
            delta_weight_g=self._weights[shelf] * quantity,
        )
        self._out.append((at, scale_id, Emission(SHELF_EVENTS.name, record)))

    def judged(
        self, at: int, number: int, shelf: int, quantity: int, event_id: str, *, applied: bool
    ) -> None:
        """A job's fact was made true, or could not be."""
        note_id = f"{self._judged_prefix}{number:012x}"
        record = LedgerNote(
            note_id=note_id,
            store_id=self._store_id,
            kind="applied" if applied else "impossible",
            shelf_id=self._ids[shelf] if shelf >= 0 else None,
            quantity=quantity,
            event_id=event_id,
            timestamp=from_epoch_ms(at),
        )
        self._out.append((at, note_id, Emission(LEDGER.name, record)))

    def paid(self, at: int, number: int, customer: str, transaction: str, items: list[PosItem]) -> None:
        """A customer paid for the basket."""
        event_id = f"{self._receipt_prefix}{number:012x}"
        record = PosTransaction(
            event_id=event_id,
            store_id=self._store_id,
            timestamp=from_epoch_ms(at),
            transaction_id=transaction,
            customer_id=customer,
            items=items,
        )
        self._out.append((at, event_id, Emission(POS_TRANSACTIONS.name, record)))

    def lost(self, at: int, number: int, shelf: int, quantity: int) -> None:
        """A customer wanted units that were not there."""
        note_id = f"{self._lost_prefix}{number:012x}"
        record = LedgerNote(
            note_id=note_id,
            store_id=self._store_id,
            kind="lost_sale",
            shelf_id=self._ids[shelf],
            quantity=quantity,
            event_id=None,
            timestamp=from_epoch_ms(at),
        )
        self._out.append((at, note_id, Emission(LEDGER.name, record)))

    def line(
        self, line_no: int, shelf: int, lot: Lot, quantity: int, unit_price: int, discount: int
    ) -> PosItem:
        """One line of a receipt; money in cents."""
        return PosItem(
            line_no=line_no,
            shelf_id=self._ids[shelf],
            quantity=quantity,
            unit_price_cents=unit_price,
            discount_cents=discount,
            total_cents=quantity * unit_price - discount,
            batch_code=lot.code,
            expiry_date=calendar_day(lot.expiry),
        )


def lot_quantity(lot: Lot) -> LotQuantity:
    """A lot's units outside baskets, as a record names them."""
    return LotQuantity(
        batch_code=lot.code,
        quantity=lot.shelf,
        received_date=calendar_day(lot.received),
        expiry_date=calendar_day(lot.expiry),
    )


@lru_cache(maxsize=8192)
def calendar_day(day: int) -> date:
    """The date so many days after 1970-01-01."""
    return date(1970, 1, 1) + timedelta(days=day)
