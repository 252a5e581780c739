"""shelf-aggregator: shelf_events and stock_counts → the units on every shelf (docs/stock-rules.md, Shelf balance)."""

from dataclasses import dataclass, replace

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import StockCount
from smartstore.contracts.outputs import Adjustment, ShelfState
from smartstore.contracts.wire import derived_id, epoch_ms, from_epoch_ms
from smartstore.domain.balance import NEVER, NONE, deficit_due, track_deficits
from smartstore.domain.shelves import BoolArray, IntArray, Shelves, grown
from smartstore.domain.tick import Emitted, Moment, Records, Refusal, ShelfMoves, moment_or_none

NAME = "shelf-aggregator"


@dataclass(frozen=True)
class State:
    """Per shelf: signed balance (units), whether it was ever counted, weight, and the two moments (epoch ms)."""

    balance: IntArray
    counted: BoolArray
    weight_g: IntArray
    last_event_ms: IntArray
    deficit_since_ms: IntArray
    adjustments: IntArray
    """How many adjustments a shelf has had; numbers their ids."""
    next_due_ms: int = NEVER


def empty() -> State:
    """The state of a store without shelves."""
    zeros = np.zeros(0, np.int64)
    return State(zeros, np.zeros(0, np.bool_), zeros, zeros, zeros, zeros)


def step(state: State, records: Records, shelves: Shelves, moment: Moment) -> tuple[State, Emitted, IntArray]:
    """Apply one tick; returns the new state, what to emit, and the indices of the shelves that changed."""
    emitted = Emitted(events_in=len(records.moves) + len(records.counts))
    state = _sized(state, len(shelves))
    state, touched = _apply_moves(state, records.moves, emitted)
    state, counted = _apply_counts(state, records, shelves, moment, emitted)
    since, overdue = track_deficits(state.balance, state.deficit_since_ms, moment.tick_ms, moment.lateness_ms)
    state = replace(state, deficit_since_ms=since)
    if len(overdue):
        state = _write_off(state, overdue, shelves, moment, emitted)
    state = replace(state, next_due_ms=deficit_due(state.deficit_since_ms, moment.lateness_ms))
    changed = np.unique(np.concatenate([touched, counted, overdue]))
    for shelf in changed.tolist():
        emitted.emit(topics.SHELF_STATE, shelf_state(state, shelf, shelves, moment))
    return state, emitted, changed


def shelf_state(state: State, shelf: int, shelves: Shelves, moment: Moment) -> ShelfState:
    """The public state of one shelf after the tick."""
    balance = int(state.balance[shelf])
    return ShelfState(
        store_id=moment.store_id,
        shelf_id=shelves.ids[shelf],
        item_category=shelves.categories[shelf],
        item_subcategory=shelves.subcategories[shelf],
        current_stock=max(balance, 0),
        deficit=max(-balance, 0),
        capacity=int(shelves.capacity[shelf]),
        shelf_weight_g=int(state.weight_g[shelf]),
        last_event_at=moment_or_none(int(state.last_event_ms[shelf])),
        updated_at=from_epoch_ms(moment.tick_ms),
        version=moment.tick_ms,
    )


def _sized(state: State, size: int) -> State:
    if len(state.balance) == size:
        return state
    return replace(
        state,
        balance=grown(state.balance, size, 0),
        counted=grown(state.counted, size, False),
        weight_g=grown(state.weight_g, size, 0),
        last_event_ms=grown(state.last_event_ms, size, NONE),
        deficit_since_ms=grown(state.deficit_since_ms, size, NONE),
        adjustments=grown(state.adjustments, size, 0),
    )


def _apply_moves(state: State, moves: ShelfMoves, emitted: Emitted) -> tuple[State, IntArray]:
    if not len(moves):
        return state, np.zeros(0, np.int64)
    known = moves.shelf >= 0
    if not known.all():
        for i in np.flatnonzero(~known).tolist():
            reason = "unknown_shelf: the store has no profile of this shelf"
            emitted.refusals.append(Refusal(topics.SHELF_EVENTS.name, moves.records[i], reason, "shelf_id"))
    shelf = moves.shelf[known]
    balance, weight, last = state.balance.copy(), state.weight_g.copy(), state.last_event_ms.copy()
    np.add.at(balance, shelf, moves.quantity[known])
    np.add.at(weight, shelf, moves.weight_g[known])
    np.maximum.at(last, shelf, moves.timestamp_ms[known])
    return replace(state, balance=balance, weight_g=weight, last_event_ms=last), shelf


def _apply_counts(
    state: State, records: Records, shelves: Shelves, moment: Moment, emitted: Emitted
) -> tuple[State, IntArray]:
    """Set counted shelves; moves of the tick after a recount still apply on top of it."""
    counts = [count for count in records.counts if count.location == "store"]
    if not counts:
        return state, np.zeros(0, np.int64)
    balance, counted, weight = state.balance.copy(), state.counted.copy(), state.weight_g.copy()
    adjustments, touched = state.adjustments.copy(), []
    for count in counts:
        shelf = shelves.index.get(count.shelf_id)
        if shelf is None:
            reason = "unknown_shelf: the store has no profile of this shelf"
            emitted.refusals.append(Refusal(topics.STOCK_COUNTS.name, count, reason, "shelf_id"))
            continue
        if count.count_type == "opening":
            if counted[shelf]:
                emitted.dropped += 1
                continue
            later, later_weight = _moves_after(records.moves, shelf, count)
            balance[shelf] = count.quantity + later
            weight[shelf] = count.quantity * shelves.item_weight_g[shelf] + later_weight
        else:
            later, _ = _moves_after(records.moves, shelf, count)
            difference = count.quantity + later - int(balance[shelf])
            if difference:
                _adjust(shelf, difference, "recount", adjustments, shelves, moment, emitted)
            balance[shelf] = count.quantity + later
        counted[shelf] = True
        touched.append(shelf)
    state = replace(state, balance=balance, counted=counted, weight_g=weight, adjustments=adjustments)
    return state, np.array(touched, np.int64)


def _moves_after(moves: ShelfMoves, shelf: int, count: StockCount) -> tuple[int, int]:
    """Units and grams that moved on `shelf` in this tick after the count, in canonical order."""
    units = grams = 0
    place = (epoch_ms(count.timestamp), count.event_id)
    for i in np.flatnonzero(moves.shelf == shelf).tolist():
        if (int(moves.timestamp_ms[i]), moves.records[i].event_id) > place:
            units += int(moves.quantity[i])
            grams += int(moves.weight_g[i])
    return units, grams


def _write_off(state: State, overdue: IntArray, shelves: Shelves, moment: Moment, emitted: Emitted) -> State:
    balance, since, adjustments = (
        state.balance.copy(),
        state.deficit_since_ms.copy(),
        state.adjustments.copy(),
    )
    for shelf in overdue.tolist():
        _adjust(shelf, -int(balance[shelf]), "unexplained_deficit", adjustments, shelves, moment, emitted)
        balance[shelf], since[shelf] = 0, NONE
    return replace(state, balance=balance, deficit_since_ms=since, adjustments=adjustments)


def _adjust(
    shelf: int,
    quantity: int,
    cause: str,
    adjustments: IntArray,
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> None:
    key = f"{moment.store_id}/{shelves.ids[shelf]}"
    emitted.emit(
        topics.ADJUSTMENTS,
        Adjustment(
            adjustment_id=derived_id(NAME, key, cause, int(adjustments[shelf])),
            store_id=moment.store_id,
            shelf_id=shelves.ids[shelf],
            batch_code=None,
            quantity=quantity,
            cause=cause,  # type: ignore[arg-type]
            adjusted_at=from_epoch_ms(moment.tick_ms),
            version=moment.tick_ms,
        ),
    )
    adjustments[shelf] += 1
