"""A client's books as the rows that the tables must have."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from tests.e2e.client_books import Books, Row

TABLES = {
    "state.shelf_state": "store_id, shelf_id, current_stock, deficit, capacity, item_category, shelf_weight_g,"
    " last_event_at",
    "state.shelf_batch_state": "store_id, shelf_id, batch_code, quantity_store, deficit, received_date, expiry_date,"
    " last_event_at",
    "state.wh_state": "store_id, shelf_id, wh_current_stock, deficit, in_transit, capacity, item_category,"
    " last_event_at",
    "state.wh_batch_state": "store_id, shelf_id, batch_code, quantity_warehouse, deficit, received_date, expiry_date,"
    " last_event_at",
    "ops.pos_transaction_lines": "store_id, transaction_id, line_no, shelf_id, batch_code, expiry_date, customer_id,"
    " sold_at, quantity, unit_price_cents, discount_cents, total_cents",
    "ops.wh_events": "store_id, event_id, event_type, shelf_id, batch_code, quantity, plan_id",
    "ops.supplier_receipts": "store_id, order_id, shelf_id, batch_code, quantity, received_at",
    "ops.adjustments": "store_id, shelf_id, batch_code, location, quantity, cause",
    "ops.dead_letters": "store_id, source, event_id, reason, field",
    "ref.stores": "store_id, name",
}
"""The columns that the client's books know."""


def expected(books: Iterable[Books]) -> dict[str, Counter[Row]]:
    """By table, the rows that the books of all stores ask for."""
    rows: dict[str, Counter[Row]] = {table: Counter() for table in TABLES}
    for one in books:
        for table, row in _rows(one):
            rows[table][one.store, *row] += 1
    return rows


def unlike(books: dict[str, Counter[Row]], tables: dict[str, list[Row]]) -> list[str]:
    """Rows that are in the books or in the tables only; a reason counts with its first word."""
    found = []
    for table, wanted in books.items():
        shown = Counter(tables[table])
        if table == "ops.dead_letters":
            shown = Counter((*row[:3], row[3].partition(":")[0], row[4]) for row in tables[table])
        found += [f"{table}, only in the books: {_shown(row)}" for row in (wanted - shown).elements()]
        found += [f"{table}, only in the table: {_shown(row)}" for row in (shown - wanted).elements()]
    return sorted(found)


def _shown(row: Row) -> tuple[Any, ...]:
    return tuple(str(value) if isinstance(value, datetime) else value for value in row)


def _rows(books: Books) -> Iterator[tuple[str, Row]]:
    """(table, row without its store) of one store's books."""
    for shelf, place in books.shelves.items():
        stock, missing = max(place.units, 0), max(-place.units, 0)
        capacity, category = place.profile["capacity"], place.profile["item_category"]
        yield (
            "state.shelf_state",
            (shelf, stock, missing, capacity, category, books.weight_g[shelf], place.last_event),
        )
    for shelf, place in books.rooms.items():
        stock, missing, transit = max(place.units, 0), max(-place.units, 0), max(books.transit[shelf], 0)
        capacity, category = place.profile["warehouse_capacity"], place.profile["item_category"]
        yield "state.wh_state", (shelf, stock, missing, transit, capacity, category, place.last_event)
    for table, places in (("state.shelf_batch_state", books.shelves), ("state.wh_batch_state", books.rooms)):
        for shelf, place in places.items():
            for code, lot in place.lots.items():
                balance = max(lot.units, 0), max(-lot.units, 0)
                yield table, (shelf, code, *balance, lot.received, lot.expiry, lot.last_event)
    for (transaction, number), line in books.lines.items():
        yield "ops.pos_transaction_lines", (transaction, number, *line)
    for event_id, movement in books.movements.items():
        yield "ops.wh_events", (event_id, *movement)
    for table, counted in (
        ("ops.supplier_receipts", books.deliveries),
        ("ops.adjustments", books.adjustments),
        ("ops.dead_letters", books.letters),
    ):
        for row in counted.elements():
            yield table, row
    yield "ref.stores", (books.name,)
