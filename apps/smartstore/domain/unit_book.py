"""Units per shelf in one place (shelf or back room): moves, counts, deficits (docs/stock-rules.md, Shelf balance)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import ShelfEvent, StockCount, WarehouseEvent
from smartstore.contracts.outputs import Adjustment
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.domain.balance import NEVER, NONE, deficit_due, track_deficits
from smartstore.domain.lot_book import Place
from smartstore.domain.shelves import BoolArray, IntArray, Shelves, grown, no_bools, no_ints
from smartstore.domain.tick import Emitted, Moment, Moves, Refusal

AnyMoves = Moves[ShelfEvent] | Moves[WarehouseEvent]
UNKNOWN_SHELF = "unknown_shelf: the store has no profile of this shelf"


@dataclass(frozen=True)
class UnitBook:
    """Per shelf: signed balance (units), whether it was ever counted, and the two moments (epoch ms)."""

    balance: IntArray = field(default_factory=no_ints)
    counted: BoolArray = field(default_factory=no_bools)
    last_event_ms: IntArray = field(default_factory=no_ints)
    deficit_since_ms: IntArray = field(default_factory=no_ints)
    adjustments: IntArray = field(default_factory=no_ints)
    """How many adjustments a shelf has had; numbers their ids."""
    next_due_ms: int = NEVER

    def sized(self, size: int) -> "UnitBook":
        """The book for so many shelves."""
        if len(self.balance) == size:
            return self
        return replace(
            self,
            balance=grown(self.balance, size, 0),
            counted=grown(self.counted, size, False),
            last_event_ms=grown(self.last_event_ms, size, NONE),
            deficit_since_ms=grown(self.deficit_since_ms, size, NONE),
            adjustments=grown(self.adjustments, size, 0),
        )


def apply(
    book: UnitBook,
    moves: AnyMoves,
    counts: Sequence[StockCount],
    place: Place,
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> tuple[UnitBook, IntArray, list[StockCount]]:
    """Apply one tick to a book of the right size.

    Returns the new book, the indices of the shelves that changed, and the opening counts that were taken.
    """
    book, touched = _apply_moves(book, moves)
    book, counted, openings = _apply_counts(book, moves, counts, place, shelves, moment, emitted)
    since, overdue = track_deficits(book.balance, book.deficit_since_ms, moment.tick_ms, moment.lateness_ms)
    book = replace(book, deficit_since_ms=since)
    if len(overdue):
        book = _write_off(book, overdue, place, shelves, moment, emitted)
    book = replace(book, next_due_ms=deficit_due(book.deficit_since_ms, moment.lateness_ms))
    return book, np.unique(np.concatenate([touched, counted, overdue])), openings


def refuse_unknown(topic: topics.Topic, moves: AnyMoves, emitted: Emitted) -> None:
    """Refuse the moves of shelves that the store has no profile of."""
    for i in np.flatnonzero(moves.shelf < 0).tolist():
        emitted.refusals.append(Refusal(topic.name, moves.records[i], UNKNOWN_SHELF, "shelf_id"))


def _apply_moves(book: UnitBook, moves: AnyMoves) -> tuple[UnitBook, IntArray]:
    if not len(moves.shelf):
        return book, no_ints()
    known = moves.shelf >= 0
    shelf = moves.shelf[known]
    balance, last = book.balance.copy(), book.last_event_ms.copy()
    np.add.at(balance, shelf, moves.quantity[known])
    np.maximum.at(last, shelf, moves.timestamp_ms[known])
    return replace(book, balance=balance, last_event_ms=last), shelf


def _apply_counts(
    book: UnitBook,
    moves: AnyMoves,
    counts: Sequence[StockCount],
    place: Place,
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> tuple[UnitBook, IntArray, list[StockCount]]:
    """Set counted shelves; moves of the tick after a count still apply on top of it."""
    if not counts:
        return book, no_ints(), []
    balance, counted, adjustments = book.balance.copy(), book.counted.copy(), book.adjustments.copy()
    touched, openings = [], []
    for count in counts:
        shelf = shelves.index.get(count.shelf_id)
        if shelf is None:
            emitted.refusals.append(Refusal(topics.STOCK_COUNTS.name, count, UNKNOWN_SHELF, "shelf_id"))
            continue
        if count.count_type == "opening" and counted[shelf]:
            emitted.dropped += 1
            continue
        now = count.quantity + int(moves.quantity[moves.after(shelf, count)].sum())
        if count.count_type == "opening":
            openings.append(count)
        elif difference := now - int(balance[shelf]):
            _adjust(shelf, difference, "recount", adjustments, place, shelves, moment, emitted)
        balance[shelf], counted[shelf] = now, True
        touched.append(shelf)
    book = replace(book, balance=balance, counted=counted, adjustments=adjustments)
    return book, np.array(touched, np.int64), openings


def _write_off(
    book: UnitBook, overdue: IntArray, place: Place, shelves: Shelves, moment: Moment, emitted: Emitted
) -> UnitBook:
    balance, since, adjustments = (
        book.balance.copy(),
        book.deficit_since_ms.copy(),
        book.adjustments.copy(),
    )
    for shelf in overdue.tolist():
        missing = -int(balance[shelf])
        _adjust(shelf, missing, "unexplained_deficit", adjustments, place, shelves, moment, emitted)
        balance[shelf], since[shelf] = 0, NONE
    return replace(book, balance=balance, deficit_since_ms=since, adjustments=adjustments)


def _adjust(
    shelf: int,
    quantity: int,
    cause: str,
    adjustments: IntArray,
    place: Place,
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> None:
    key = f"{moment.store_id}/{shelves.ids[shelf]}"
    emitted.emit(
        topics.ADJUSTMENTS,
        Adjustment(
            adjustment_id=derived_id(place.job, key, cause, int(adjustments[shelf])),
            store_id=moment.store_id,
            shelf_id=shelves.ids[shelf],
            batch_code=None,
            location=place.location,
            quantity=quantity,
            cause=cause,  # type: ignore[arg-type]
            adjusted_at=from_epoch_ms(moment.tick_ms),
            version=moment.tick_ms,
        ),
    )
    adjustments[shelf] += 1
