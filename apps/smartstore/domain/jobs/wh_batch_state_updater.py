"""wh-batch-state-updater: wh_events and stock_counts → units per lot in the back room.

Rules: docs/stock-rules.md, Back room.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import WarehouseEvent
from smartstore.contracts.outputs import WhBatchState
from smartstore.contracts.wire import epoch_ms, from_epoch_ms
from smartstore.domain.lot_book import LotBook, Move, Place, apply, dated, forget
from smartstore.domain.lots import Lots, day_of
from smartstore.domain.shelves import IntArray, Shelves
from smartstore.domain.tick import Emitted, Moment, Records, moment_or_none

NAME = "wh-batch-state-updater"
PLACE = Place(NAME, "warehouse")


def step(
    book: LotBook, records: Records, shelves: Shelves, moment: Moment
) -> tuple[LotBook, Emitted, IntArray]:
    """Apply one tick; returns the new book, what to emit, and the indices of the shelves whose lots changed."""
    counts = [count for count in records.counts if count.location == "warehouse"]
    events = records.warehouse.records
    emitted = Emitted(events_in=len(events) + len(counts))
    book, changed = apply(book, list(_moves(events, shelves)), counts, PLACE, shelves, moment, emitted)
    book, changed = dated(book, changed, records, shelves, moment)
    for row in changed.tolist():
        emitted.emit(topics.WH_BATCH_STATE, _lot_state(book.lots, row, shelves, moment))
    changed_shelves = np.unique(book.lots.shelf[changed])
    return forget(book, moment), emitted, changed_shelves


def _moves(events: Sequence[WarehouseEvent], shelves: Shelves) -> Iterator[Move]:
    """Unknown shelves were refused by the wh-aggregator; a shortage moves nothing."""
    for event in events:
        shelf = shelves.index.get(event.shelf_id)
        if shelf is None or event.batch_code is None:
            continue
        quantity = event.quantity if event.event_type == "wh_in" else -event.quantity
        at = epoch_ms(event.timestamp)
        yield Move(
            at, event.event_id, shelf, event.batch_code, quantity, event.received_date, event.expiry_date
        )


def _lot_state(lots: Lots, row: int, shelves: Shelves, moment: Moment) -> WhBatchState:
    balance = int(lots.balance[row])
    return WhBatchState(
        store_id=moment.store_id,
        shelf_id=shelves.ids[int(lots.shelf[row])],
        batch_code=lots.codes[row],
        received_date=day_of(int(lots.received[row])),
        expiry_date=day_of(int(lots.expiry[row])),
        quantity_warehouse=max(balance, 0),
        deficit=max(-balance, 0),
        last_event_at=moment_or_none(int(lots.last_event_ms[row])),
        updated_at=from_epoch_ms(moment.tick_ms),
        version=moment.tick_ms,
    )
