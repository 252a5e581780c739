"""shelf-aggregator: shelf_events and stock_counts → the units on every shelf (docs/stock-rules.md, Shelf balance)."""

from dataclasses import dataclass, field, replace

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import StockCount
from smartstore.contracts.fields import MOST_GRAMS
from smartstore.contracts.outputs import ShelfState
from smartstore.contracts.wire import from_epoch_ms
from smartstore.domain.lot_book import Place
from smartstore.domain.shelves import IntArray, Shelves, grown, no_ints
from smartstore.domain.tick import Emitted, Moment, Records, ShelfMoves, moment_or_none
from smartstore.domain.unit_book import UnitBook, apply, refuse_unknown

NAME = "shelf-aggregator"
PLACE = Place(NAME, "store")


@dataclass(frozen=True)
class State:
    """Units on each shelf, and the weight on its scale (grams)."""

    book: UnitBook = field(default_factory=UnitBook)
    weight_g: IntArray = field(default_factory=no_ints)


def step(state: State, records: Records, shelves: Shelves, moment: Moment) -> tuple[State, Emitted, IntArray]:
    """Apply one tick; returns the new state, what to emit, and the indices of the shelves that changed."""
    counts = [count for count in records.counts if count.location == "store"]
    emitted = Emitted(events_in=len(records.moves) + len(counts))
    weight = grown(state.weight_g, len(shelves), 0)
    moves = records.moves
    refuse_unknown(topics.SHELF_EVENTS, moves, emitted)
    known = moves.shelf >= 0
    np.add.at(weight, moves.shelf[known], moves.weight_g[known])
    book, changed, openings = apply(
        state.book.sized(len(shelves)), moves, counts, PLACE, shelves, moment, emitted
    )
    for count in openings:
        _weigh(weight, count, moves, shelves)
    state = replace(state, book=book, weight_g=weight)
    for shelf in changed.tolist():
        emitted.emit(topics.SHELF_STATE, shelf_state(state, shelf, shelves, moment))
    return state, emitted, changed


def shelf_state(state: State, shelf: int, shelves: Shelves, moment: Moment) -> ShelfState:
    """The public state of one shelf after the tick."""
    balance = int(state.book.balance[shelf])
    return ShelfState(
        store_id=moment.store_id,
        shelf_id=shelves.ids[shelf],
        item_category=shelves.categories[shelf],
        item_subcategory=shelves.subcategories[shelf],
        current_stock=max(balance, 0),
        deficit=max(-balance, 0),
        capacity=int(shelves.capacity[shelf]),
        shelf_weight_g=int(state.weight_g[shelf]),
        last_event_at=moment_or_none(int(state.book.last_event_ms[shelf])),
        updated_at=from_epoch_ms(moment.tick_ms),
        version=moment.tick_ms,
    )


def _weigh(weight: IntArray, opening: StockCount, moves: ShelfMoves, shelves: Shelves) -> None:
    """An opening count sets the scale too; what moved after it in the tick comes on top."""
    shelf = shelves.index[opening.shelf_id]
    later = int(moves.weight_g[moves.after(shelf, opening)].sum())
    weight[shelf] = min(opening.quantity * int(shelves.item_weight_g[shelf]), MOST_GRAMS) + later
