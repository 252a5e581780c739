"""Lot balances of one store, recomputed (docs/stock-rules.md, Lot balance)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from smartstore.contracts.events import LotQuantity, PosItem, ShelfEvent, StockCount, WarehouseEvent
from smartstore.verify.catalogue import Catalogue
from smartstore.verify.histories import BackLotHistory, ExpectedKeys, LotHistory
from smartstore.verify.stock import Correction
from smartstore.verify.ticks import whole_milliseconds

UNKNOWN_LOT = "unknown"
"""Takes what a receipt line without lot cannot find on the shelf's lots."""
KEPT_MS = 7 * 86_400_000
"""How long an empty lot stays in the state."""


@dataclass(slots=True, eq=False)
class Lot:
    """One lot's running state."""

    shelf_id: str
    batch_code: str
    history: LotHistory
    balance: int = 0
    received: date | None = None
    expiry: date | None = None
    last_event_at: datetime | None = None
    negative_since: int | None = None
    changed_at: int = 0


class LotBook:
    """All lots of one store. Call the `apply`s of a tick in order, then `close` it."""

    def __init__(
        self,
        store_id: str,
        expected: ExpectedKeys,
        corrections: list[Correction],
        catalogue: Catalogue,
        location: Literal["store", "warehouse"] = "store",
    ) -> None:
        self.store_id = store_id
        self._catalogue = catalogue
        self._location = location
        self._history = LotHistory if location == "store" else BackLotHistory
        self._expected = expected
        self._corrections = corrections
        self._shelves: dict[str, dict[str, Lot]] = {}
        self._touched: dict[tuple[str, str], Lot] = {}
        self._negative: dict[tuple[str, str], Lot] = {}

    def of_shelf(self, shelf_id: str) -> Iterable[Lot]:
        """The lots in the state of one shelf."""
        return self._shelves.get(shelf_id, {}).values()

    def earliest_expiry(self, shelf_id: str, today: date) -> date | None:
        """The first day on which a lot with stock expires that has not expired before `today`."""
        dates = [lot.expiry for lot in self.of_shelf(shelf_id) if lot.balance > 0 and lot.expiry]
        return min((day for day in dates if day >= today), default=None)

    def apply_event(self, event: ShelfEvent) -> None:
        """A refill (putback with lots) or a removal."""
        sign = 1 if event.event_type == "putback" else -1
        for named in event.lots or ():
            self._move(
                self._named(event.shelf_id, named), sign * named.quantity, whole_milliseconds(event.timestamp)
            )

    def apply_movement(self, event: WarehouseEvent) -> None:
        """A movement of one lot in the back room; a shortage moves none."""
        if event.batch_code is None:
            return
        lot = self._lot(event.shelf_id, event.batch_code)
        lot.received = lot.received or event.received_date
        lot.expiry = lot.expiry or event.expiry_date
        sign = 1 if event.event_type == "wh_in" else -1
        self._move(lot, sign * event.quantity, whole_milliseconds(event.timestamp))

    def apply_item(self, item: PosItem, sold_at: datetime) -> None:
        """One receipt line."""
        if item.batch_code is not None:
            lot = self._lot(item.shelf_id, item.batch_code)
            lot.expiry = lot.expiry or item.expiry_date
            self._move(lot, -item.quantity, sold_at)
            return
        rest = item.quantity
        stocked = [lot for lot in self.of_shelf(item.shelf_id) if lot.balance > 0]
        for lot in sorted(
            stocked, key=lambda lot: (lot.expiry is None, lot.expiry or date.max, lot.batch_code)
        ):
            if not rest:
                break
            taken = min(rest, lot.balance)
            self._move(lot, -taken, sold_at)
            rest -= taken
        if rest:
            self._move(self._lot(item.shelf_id, UNKNOWN_LOT), -rest, sold_at)

    def apply_count(self, tick: int, count: StockCount) -> int:
        """A count by lots; returns by how much an opening count changed the lots' sum."""
        if count.lots is None:
            return 0
        targets: dict[str, int] = {}
        for named in count.lots:
            self._named(count.shelf_id, named)
            targets[named.batch_code] = targets.get(named.batch_code, 0) + named.quantity
        opened = 0
        for lot in list(self.of_shelf(count.shelf_id)):
            if count.count_type == "opening" and lot.batch_code not in targets:
                continue
            difference = targets.get(lot.batch_code, 0) - lot.balance
            if count.count_type == "opening":
                opened += difference
            elif difference:
                self._correct(tick, lot, "recount", difference)
            lot.balance += difference
            self._touched[lot.shelf_id, lot.batch_code] = lot
        return opened

    def close(self, tick: int, lateness_ms: int, new_day: bool) -> set[str]:
        """End the tick; returns the shelves with a changed lot."""
        self._date()
        for key, lot in self._touched.items():
            if lot.balance >= 0:
                lot.negative_since = None
                self._negative.pop(key, None)
            elif lot.negative_since is None:
                lot.negative_since = tick
                self._negative[key] = lot
        for key, lot in list(self._negative.items()):
            if tick - (lot.negative_since or 0) >= lateness_ms:
                self._correct(tick, lot, "unexplained_deficit", -lot.balance)
                lot.balance, lot.negative_since = 0, None
                del self._negative[key]
                self._touched[key] = lot
        for lot in self._touched.values():
            lot.history.add(tick, lot.balance, (lot.received, lot.expiry), lot.last_event_at)
            if lot.history.mandatory(len(lot.history.versions) - 1):
                lot.changed_at = tick
        changed = {shelf_id for shelf_id, _ in self._touched}
        self._touched.clear()
        if new_day:
            self._forget(tick)
        return changed

    def _date(self) -> None:
        """Lots that changed, and those of which the catalogue has news, get the dates they lack."""
        told = (self._shelves.get(shelf_id, {}).get(code) for shelf_id, code in self._catalogue.news)
        for lot in [*self._touched.values(), *filter(None, told)]:
            received, expiry = self._catalogue.dates(lot.shelf_id, lot.batch_code)
            found = lot.received or received, lot.expiry or expiry
            if found != (lot.received, lot.expiry):
                lot.received, lot.expiry = found
                self._touched[lot.shelf_id, lot.batch_code] = lot

    def _forget(self, tick: int) -> None:
        for lots in self._shelves.values():
            gone = [
                code for code, lot in lots.items() if not lot.balance and tick - lot.changed_at >= KEPT_MS
            ]
            for code in gone:
                del lots[code]

    def _move(self, lot: Lot, quantity: int, moment: datetime) -> None:
        lot.balance += quantity
        if lot.last_event_at is None or moment > lot.last_event_at:
            lot.last_event_at = moment
        self._touched[lot.shelf_id, lot.batch_code] = lot

    def _named(self, shelf_id: str, named: LotQuantity) -> Lot:
        """The lot, with its dates filled in where they were not known."""
        lot = self._lot(shelf_id, named.batch_code)
        lot.received = lot.received or named.received_date
        lot.expiry = lot.expiry or named.expiry_date
        return lot

    def _lot(self, shelf_id: str, batch_code: str) -> Lot:
        lots = self._shelves.setdefault(shelf_id, {})
        lot = lots.get(batch_code)
        if lot is None:
            key = (self.store_id, shelf_id, batch_code)
            history = self._expected.find(key)
            if history is None:
                history = self._history(*key, ordinal=len(self._expected))
                self._expected.add(key, history)
            lot = lots[batch_code] = Lot(shelf_id, batch_code, history)
        return lot

    def _correct(self, tick: int, lot: Lot, cause: str, quantity: int) -> None:
        self._corrections.append(
            Correction(self.store_id, lot.shelf_id, lot.batch_code, cause, tick, quantity, self._location)
        )
