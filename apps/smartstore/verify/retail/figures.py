"""Retail figures of each store up to the acknowledged tick: sales, service, availability, waste, lead times."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import msgspec

from smartstore.contracts.outputs import LedgerNote
from smartstore.verify.histories import ShelfHistory
from smartstore.verify.ledger import Ledger, NoteLine
from smartstore.verify.replay import Truth

MINUTE_MS = 60_000


@dataclass
class LeadTimes:
    """From plan to goods, in simulated minutes."""

    minutes: list[float] = field(default_factory=list)

    def quantile(self, share: float) -> float | None:
        """The nearest-rank quantile, None without a value."""
        ordered = sorted(self.minutes)
        return ordered[max(ceil(share * len(ordered)), 1) - 1] if ordered else None


@dataclass
class StoreFigures:
    """One store; the sum of several is the estate."""

    store_id: str
    receipts: int = 0
    units_sold: int = 0
    revenue_cents: int = 0
    lost_units: int | None = None
    """Units that customers wanted and did not find; only a simulated or replayed world knows them."""
    stock_outs: int = 0
    """How often a shelf ran empty."""
    empty_ms: int = 0
    """Shelf time (summed over shelves) without stock."""
    shelf_ms: int = 0
    wasted_on_shelf: int = 0
    wasted_in_back_room: int = 0
    delivered_units: int = 0
    restock: LeadTimes = field(default_factory=LeadTimes)
    supplier: LeadTimes = field(default_factory=LeadTimes)

    @property
    def service_level(self) -> float | None:
        """Units sold of units wanted (fill rate)."""
        if self.lost_units is None or not self.units_sold + self.lost_units:
            return None
        return self.units_sold / (self.units_sold + self.lost_units)

    @property
    def availability(self) -> float | None:
        """Share of shelf time with stock (on-shelf availability)."""
        return 1 - self.empty_ms / self.shelf_ms if self.shelf_ms else None

    @property
    def wasted(self) -> int:
        """Units taken away because they had expired."""
        return self.wasted_on_shelf + self.wasted_in_back_room

    @property
    def waste_share(self) -> float | None:
        """Units wasted of units that left the store."""
        left = self.units_sold + self.wasted
        return self.wasted / left if left else None


def measure(truth: Truth, tick: int, lost_units: dict[str, int] | None) -> list[StoreFigures]:
    """The figures of each store, by id. `tick` in epoch ms; `lost_units` by store, None if nobody knows them."""
    stores: dict[str, StoreFigures] = {}

    def of(store_id: Any) -> StoreFigures:
        return stores.setdefault(str(store_id), StoreFigures(str(store_id)))

    for (store_id, _), history in truth.shelves.all():
        _availability(of(store_id), history, tick)
    _sales(truth, tick, of)
    for (store_id, _), flows in truth.flows.items():
        figures = of(store_id)
        figures.wasted_on_shelf += flows.removed
        figures.wasted_in_back_room += flows.back_removed
        figures.delivered_units += flows.delivered
    for (store_id, _), history in truth.plans.all():
        of(store_id).restock.minutes += _completed(history.records, tick, "completed", "created_at")
    for (store_id, _), history in truth.orders.all():
        of(store_id).supplier.minutes += _completed(history.records, tick, "delivered", "ordered_at")
    if lost_units is not None:
        for store_id, figures in stores.items():
            figures.lost_units = lost_units.get(store_id, 0)
    return [stores[store_id] for store_id in sorted(stores)]


def total(stores: Iterable[StoreFigures]) -> StoreFigures:
    """All stores together."""
    whole = StoreFigures("all")
    for one in stores:
        for name in (
            *("receipts", "units_sold", "revenue_cents", "stock_outs", "empty_ms", "shelf_ms"),
            *("wasted_on_shelf", "wasted_in_back_room", "delivered_units"),
        ):
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
        if one.lost_units is not None:
            whole.lost_units = (whole.lost_units or 0) + one.lost_units
        whole.restock.minutes += one.restock.minutes
        whole.supplier.minutes += one.supplier.minutes
    return whole


def lost_sales(ledger: Ledger, until_seq: int) -> dict[str, int]:
    """Units by store that customers wanted and did not find, as the world noted them."""
    lost: dict[str, int] = {}
    for _, line in ledger.lines(until_seq=until_seq):
        if type(line) is NoteLine:
            note = msgspec.json.decode(line.data, type=LedgerNote)
            if note.kind == "lost_sale":
                lost[note.store_id] = lost.get(note.store_id, 0) + note.quantity
    return lost


def _availability(figures: StoreFigures, history: ShelfHistory, tick: int) -> None:
    since: int | None = None
    for index, version in enumerate(history.versions):
        if version > tick:
            break
        empty = history.record(index).current_stock == 0
        if empty and since is None:
            since = version
            figures.stock_outs += 1
        elif not empty and since is not None:
            figures.empty_ms += version - since
            since = None
    if since is not None:
        figures.empty_ms += tick - since
    if history.versions and history.versions[0] <= tick:
        figures.shelf_ms += tick - history.versions[0]


def _sales(truth: Truth, tick: int, of: Any) -> None:
    for store_id, taken, receipt in truth.sales.receipts():
        if taken <= tick:
            figures = of(store_id)
            figures.receipts += 1
            figures.units_sold += sum(item.quantity for item in receipt.items)
            figures.revenue_cents += sum(item.total_cents for item in receipt.items)


def _completed(records: list[Any], tick: int, status: str, since: str) -> list[float]:
    """Minutes from `since` to the end, for a life that ended well by the tick."""
    last = next((one for one in reversed(records) if one.version <= tick), None)
    if last is None or last.status != status:
        return []
    return [(last.closed_at - getattr(last, since)).total_seconds() / 60]
