"""wh-aggregator: wh_events and stock_counts → the units of every SKU in the back room and on their way to the shelf.

Rules: docs/stock-rules.md, Back room.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.outputs import WhState
from smartstore.contracts.wire import from_epoch_ms
from smartstore.domain.lot_book import Place
from smartstore.domain.shelves import IntArray, Shelves, grown, no_ints
from smartstore.domain.tick import Emitted, Moment, Records, moment_or_none
from smartstore.domain.unit_book import UnitBook, apply, refuse_unknown

NAME = "wh-aggregator"
PLACE = Place(NAME, "warehouse")


@dataclass(frozen=True)
class State:
    """Units in the back room by shelf, and the signed sum of what left for the shelf and has not arrived."""

    book: UnitBook = field(default_factory=UnitBook)
    transit: IntArray = field(default_factory=no_ints)


def step(state: State, records: Records, shelves: Shelves, moment: Moment) -> tuple[State, Emitted, IntArray]:
    """Apply one tick; returns the new state, what to emit, and the indices of the shelves that changed."""
    counts = [count for count in records.counts if count.location == "warehouse"]
    moves = records.warehouse
    emitted = Emitted(events_in=len(moves.records) + len(counts))
    refuse_unknown(topics.WH_EVENTS, moves, emitted)
    transit, moving = _moved(state.transit, records, shelves)
    book, changed, _ = apply(state.book.sized(len(shelves)), moves, counts, PLACE, shelves, moment, emitted)
    state = replace(state, book=book, transit=transit)
    changed = np.union1d(changed, moving)
    for shelf in changed.tolist():
        emitted.emit(topics.WH_STATE, _wh_state(state, shelf, shelves, moment))
    return state, emitted, changed


def _moved(transit: IntArray, records: Records, shelves: Shelves) -> tuple[IntArray, IntArray]:
    """What left the back room, less what was put on the shelf lot by lot; and the shelves concerned."""
    transit = grown(transit, len(shelves), 0)
    moving = []
    for event in records.warehouse.records:
        shelf = shelves.index.get(event.shelf_id)
        if event.event_type == "wh_out" and shelf is not None:
            transit[shelf] += event.quantity
            moving.append(shelf)
    for refill in records.moves.with_lots:
        shelf = shelves.index.get(refill.shelf_id)
        if refill.event_type == "putback" and shelf is not None:
            transit[shelf] -= refill.quantity or 0
            moving.append(shelf)
    return transit, np.array(moving, np.int64)


def _wh_state(state: State, shelf: int, shelves: Shelves, moment: Moment) -> WhState:
    balance = int(state.book.balance[shelf])
    return WhState(
        store_id=moment.store_id,
        shelf_id=shelves.ids[shelf],
        item_category=shelves.categories[shelf],
        item_subcategory=shelves.subcategories[shelf],
        wh_current_stock=max(balance, 0),
        deficit=max(-balance, 0),
        in_transit=max(int(state.transit[shelf]), 0),
        capacity=int(shelves.warehouse_capacity[shelf]),
        last_event_at=moment_or_none(int(state.book.last_event_ms[shelf])),
        updated_at=from_epoch_ms(moment.tick_ms),
        version=moment.tick_ms,
    )
