"""A client's books beside the tables in Postgres."""

from collections import Counter
from collections.abc import Iterable, Iterator

from tests.e2e.client_books import Books, Row
from tests.estate import Estate


def expected_tables(books: Iterable[Books]) -> dict[str, Counter[Row]]:
    """By query, the rows that the client's books ask for."""
    rows: dict[str, Counter[Row]] = {query: Counter() for query in QUERIES.values()}
    for one in books:
        for name, row in _rows(one):
            rows[QUERIES[name]][one.store, *row] += 1
    return rows


QUERIES = {
    "shelf": "select store_id, shelf_id, current_stock, deficit, capacity, item_category, shelf_weight_g,"
    " last_event_at from state.shelf_state",
    "lot": "select store_id, shelf_id, batch_code, quantity_store, deficit, received_date, expiry_date,"
    " last_event_at from state.shelf_batch_state",
    "room": "select store_id, shelf_id, wh_current_stock, deficit, in_transit, capacity, item_category,"
    " last_event_at from state.wh_state",
    "room lot": "select store_id, shelf_id, batch_code, quantity_warehouse, deficit, received_date, expiry_date,"
    " last_event_at from state.wh_batch_state",
    "line": "select store_id, transaction_id, line_no, shelf_id, batch_code, expiry_date, customer_id, sold_at,"
    " quantity, unit_price_cents, discount_cents, total_cents from ops.pos_transaction_lines",
    "movement": "select store_id, event_id, event_type, shelf_id, batch_code, quantity, plan_id from ops.wh_events",
    "delivery": "select store_id, order_id, shelf_id, batch_code, quantity, received_at from ops.supplier_receipts",
    "adjustment": "select store_id, shelf_id, batch_code, location, quantity, cause from ops.adjustments",
    "letter": "select store_id, source, event_id, split_part(reason, ':', 1), field from ops.dead_letters",
    "store": "select store_id, name from ref.stores",
}


def _rows(books: Books) -> Iterator[tuple[str, Row]]:
    """(table, row without its store) of one store's books."""
    for shelf, place in books.shelves.items():
        stock, missing = max(place.units, 0), max(-place.units, 0)
        capacity, category = place.profile["capacity"], place.profile["item_category"]
        yield "shelf", (shelf, stock, missing, capacity, category, books.weight_g[shelf], place.last_event)
    for shelf, place in books.rooms.items():
        stock, missing, transit = max(place.units, 0), max(-place.units, 0), max(books.transit[shelf], 0)
        capacity, category = place.profile["warehouse_capacity"], place.profile["item_category"]
        yield "room", (shelf, stock, missing, transit, capacity, category, place.last_event)
    for name, places in (("lot", books.shelves), ("room lot", books.rooms)):
        for shelf, place in places.items():
            for code, lot in place.lots.items():
                balance = max(lot.units, 0), max(-lot.units, 0)
                yield name, (shelf, code, *balance, lot.received, lot.expiry, lot.last_event)
    for (transaction, number), line in books.lines.items():
        yield "line", (transaction, number, *line)
    for event_id, movement in books.movements.items():
        yield "movement", (event_id, *movement)
    for name, counted in (
        ("delivery", books.deliveries),
        ("adjustment", books.adjustments),
        ("letter", books.letters),
    ):
        for row in counted.elements():
            yield name, row
    yield "store", (books.name,)


def differences(estate: Estate, books: Iterable[Books]) -> list[str]:
    """Rows that are in the books or in the tables only."""
    found = []
    for query, wanted in expected_tables(books).items():
        shown = Counter(estate.rows(query))
        found += [f"only in the books: {row} ({query})" for row in (wanted - shown).elements()]
        found += [f"only in the table: {row} ({query})" for row in (shown - wanted).elements()]
    return found
