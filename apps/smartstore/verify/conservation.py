"""Conservation of units (DESIGN: per shelf and per SKU), with the system's own rows and the ledger's flows.

A shelf counts when none of its rows is ahead of the acknowledged tick.
"""

from dataclasses import dataclass

from smartstore.contracts.outputs import ShelfBatchState, ShelfState, WhBatchState, WhState
from smartstore.verify.differences import Check
from smartstore.verify.stock import Correction, Flows

ShelfKey = tuple[str, str]


@dataclass(slots=True)
class _Holding:
    shelf: int = 0
    lots: int = 0
    adjusted: int = 0
    adjusted_lots: int = 0
    back: int = 0
    back_lots: int = 0
    adjusted_back: int = 0
    newest: int = -1


class Conservation:
    """Collects rows as they stream past, then checks the sums."""

    def __init__(self, until: int, skus: dict[ShelfKey, str]) -> None:
        """`until`: rows with a version at or above it are ahead; `skus` by shelf."""
        self._until = until
        self._skus = skus
        self._holdings: dict[ShelfKey, _Holding] = {}
        self._adjustments = 0

    def shelf(self, row: ShelfState) -> None:
        """A row of state.shelf_state."""
        holding = self._holding(row.store_id, row.shelf_id, row.version)
        holding.shelf += row.current_stock - row.deficit

    def lot(self, row: ShelfBatchState) -> None:
        """A row of state.shelf_batch_state."""
        holding = self._holding(row.store_id, row.shelf_id, row.version)
        holding.lots += row.quantity_store - row.deficit

    def back_room(self, row: WhState) -> None:
        """A row of state.wh_state."""
        holding = self._holding(row.store_id, row.shelf_id, row.version)
        holding.back += row.wh_current_stock - row.deficit

    def back_lot(self, row: WhBatchState) -> None:
        """A row of state.wh_batch_state."""
        holding = self._holding(row.store_id, row.shelf_id, row.version)
        holding.back_lots += row.quantity_warehouse - row.deficit

    def correction(self, row: Correction) -> None:
        """A row of ops.adjustments."""
        if row.tick >= self._until:
            return
        self._adjustments += 1
        holding = self._holding(row.store_id, row.shelf_id, row.tick)
        if row.location == "warehouse":
            holding.adjusted_back += row.quantity if row.batch_code is None else 0
        elif row.batch_code is None:
            holding.adjusted += row.quantity
        else:
            holding.adjusted_lots += row.quantity

    def finish(self, check: Check, flows: dict[ShelfKey, Flows], *, faultless: bool) -> None:
        """Check the sums; in a `faultless` run nothing may have been adjusted."""
        by_sku: dict[tuple[str, str], list[ShelfKey]] = {}
        for key, flow in flows.items():
            holding = self._holdings.get(key)
            if holding is None or holding.newest >= self._until:
                continue
            check.compared += 1
            by_sku.setdefault((key[0], self._skus.get(key, key[1])), []).append(key)
            lots = holding.lots - holding.adjusted_lots - flow.counted_lots
            shelf = holding.shelf - holding.adjusted - flow.counted
            if lots != shelf + flow.baskets:
                wanted = (
                    f"lots = shelf {holding.shelf} + baskets {flow.baskets} (less adjustments and counts)"
                )
                check.differs("lots and shelf disagree", "/".join(key), wanted, f"lots {holding.lots}")
            if faultless and holding.back != holding.back_lots:
                check.differs(
                    "back room and its lots disagree", "/".join(key), holding.back, holding.back_lots
                )
            if faultless and flow.baskets < 0:
                check.differs("baskets are negative", "/".join(key), "0 or more units", flow.baskets)
        for (store, sku), keys in by_sku.items():
            self._check_sku(check, f"{store} SKU {sku}", [(self._holdings[key], flows[key]) for key in keys])
        if faultless and self._adjustments:
            check.differs(
                "adjusted without a fault", "ops.adjustments", "no adjustment", f"{self._adjustments} rows"
            )

    @staticmethod
    def _check_sku(check: Check, where: str, shelves: list[tuple[_Holding, Flows]]) -> None:
        check.compared += 1
        came = sum(
            f.counted + f.back_counted + f.delivered + h.adjusted + h.adjusted_back for h, f in shelves
        )
        stand = sum(h.shelf + h.back + f.transit for h, f in shelves)
        gone = sum(f.baskets + f.paid + f.removed + f.back_removed for _, f in shelves)
        if came != stand + gone:
            check.differs(
                "units are not conserved",
                where,
                f"initial + delivered + adjusted = {came}",
                f"on shelf, in back room, in transit {stand} + baskets, sold, removed {gone}",
            )

    def _holding(self, store_id: str, shelf_id: str, version: int) -> _Holding:
        holding = self._holdings.get((store_id, shelf_id))
        if holding is None:
            holding = self._holdings[store_id, shelf_id] = _Holding()
        holding.newest = max(holding.newest, version)
        return holding
