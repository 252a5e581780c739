"""What is known of lots beforehand (docs/stock-rules.md, Batch catalogue)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from smartstore.contracts.events import CatalogLot, StoreConfig

Dates = tuple[date | None, date | None]
"""Received, expiry."""


@dataclass(frozen=True)
class Catalog:
    """The rows of the batch catalogue that a store has received, by key."""

    rows: Mapping[str, CatalogLot] = field(default_factory=dict)

    def after(self, config: Sequence[StoreConfig]) -> "Catalog":
        """The catalogue after a tick's configuration; the same object when there is nothing new."""
        changes = [(row.lot, row.op) for row in config if row.lot is not None]
        if not changes:
            return self
        rows = dict(self.rows)
        for lot, op in changes:
            if op == "delete":
                rows.pop(lot.row_key, None)
            else:
                rows[lot.row_key] = lot
        return Catalog(rows)

    def dates(self, shelf_id: str, batch_code: str) -> Dates:
        """The dates of a lot as far as they are known."""
        return self._dates.get((shelf_id, batch_code), (None, None))

    @cached_property
    def _dates(self) -> dict[tuple[str, str], Dates]:
        """By shelf and lot; date by date, a row of the store beats one for all."""
        known: dict[tuple[str, str], Dates] = {}
        for lot in sorted(self.rows.values(), key=lambda lot: lot.store_id is not None):
            received, expiry = known.get((lot.shelf_id, lot.batch_code), (None, None))
            known[lot.shelf_id, lot.batch_code] = lot.received_date or received, lot.expiry_date or expiry
        return known
