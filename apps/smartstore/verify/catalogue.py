"""The batch catalogue of one store, recomputed (docs/stock-rules.md, Batch catalogue)."""

from datetime import date

from smartstore.contracts.events import CatalogLot


class Catalogue:
    """Rows by lot: the store's own, and the one for all stores."""

    def __init__(self) -> None:
        self._own: dict[tuple[str, str], CatalogLot] = {}
        self._common: dict[tuple[str, str], CatalogLot] = {}
        self.news: list[tuple[str, str]] = []
        """(shelf, lot) of the rows of this tick; whoever closes the tick clears it."""

    def apply(self, row: CatalogLot, *, delete: bool) -> None:
        """A row was written or deleted."""
        rows = self._common if row.store_id is None else self._own
        key = row.shelf_id, row.batch_code
        if delete:
            rows.pop(key, None)
        else:
            rows[key] = row
        self.news.append(key)

    def dates(self, shelf_id: str, batch_code: str) -> tuple[date | None, date | None]:
        """When the lot was received and when it expires, as far as it is known."""
        rows = [row for rows in (self._own, self._common) if (row := rows.get((shelf_id, batch_code)))]
        received = next((row.received_date for row in rows if row.received_date), None)
        return received, next((row.expiry_date for row in rows if row.expiry_date), None)
