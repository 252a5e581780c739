"""The lots of one place (store or back room): moves and counts, deficits, what to forget.

Rules: docs/stock-rules.md, Lot balance.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, NamedTuple

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import LotQuantity, StockCount
from smartstore.contracts.outputs import Adjustment
from smartstore.contracts.wire import derived_id, epoch_ms, from_epoch_ms
from smartstore.domain.balance import NEVER, NONE, deficit_due, track_deficits
from smartstore.domain.lots import NO_DATE, Lots, day_number
from smartstore.domain.shelves import BoolArray, IntArray, Shelves, grown
from smartstore.domain.tick import DAY_MS, Emitted, Moment, Records

UNKNOWN_LOT = "unknown"
"""The lot that stands for units taken when no lot of the shelf had stock."""
KEEP_EMPTY_MS = 7 * DAY_MS
"""How long an empty lot stays in the state after its last change."""


@dataclass(frozen=True)
class LotBook:
    """Lots of one place of a store, and which shelves had their opening count there."""

    lots: Lots
    counted: BoolArray
    next_due_ms: int = NEVER


class Place(NamedTuple):
    """Whose book it is: the job that keeps it, and where the lots lie."""

    job: str
    location: Literal["store", "warehouse"]


class Move(NamedTuple):
    """One change of one lot. `code` None: take from the lot that expires first."""

    timestamp_ms: int
    event_id: str
    shelf: int
    code: str | None
    quantity: int
    received: date | None = None
    expiry: date | None = None


def empty() -> LotBook:
    """The book of a place without lots."""
    return LotBook(Lots(), np.zeros(0, np.bool_))


def apply(
    book: LotBook,
    moves: list[Move],
    counts: list[StockCount],
    place: Place,
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> tuple[LotBook, IntArray]:
    """Apply one tick's moves and counts; returns the new book and the rows whose lots changed."""
    if len(book.counted) != len(shelves):
        book = replace(book, counted=grown(book.counted, len(shelves), False))
    if counts or any(move.code is None for move in moves):
        book, changed = _apply_in_order(book, moves, counts, place, shelves, moment, emitted)
    else:
        lots, changed = _apply_sums(book.lots, moves)
        book = replace(book, lots=lots)
    return _settle(book, changed, place, shelves, moment, emitted)


def dated(
    book: LotBook, changed: IntArray, records: Records, shelves: Shelves, moment: Moment
) -> tuple[LotBook, IntArray]:
    """Give lots the dates they lack, as the catalogue knows them; returns the new book and the rows changed by now.

    Looked at are the rows `changed` in this tick, and those of which the catalogue has news.
    """
    lots = book.lots
    rows = np.union1d(changed, _told_of(lots, records, shelves)) if records.catalog.rows else changed[:0]
    rows = rows[(lots.received[rows] == NO_DATE) | (lots.expiry[rows] == NO_DATE)]
    if not len(rows):
        return book, changed
    received, expiry, changed_ms = lots.received.copy(), lots.expiry.copy(), lots.changed_ms.copy()
    for row in rows.tolist():
        dates = records.catalog.dates(shelves.ids[int(lots.shelf[row])], lots.codes[row])
        _first_dates(received, expiry, row, *dates)
    gained = rows[(received[rows] != lots.received[rows]) | (expiry[rows] != lots.expiry[rows])]
    changed_ms[gained] = moment.tick_ms
    lots = replace(lots, received=received, expiry=expiry, changed_ms=changed_ms)
    return replace(book, lots=lots), np.union1d(changed, gained)


def _told_of(lots: Lots, records: Records, shelves: Shelves) -> IntArray:
    """The rows that this tick's configuration names."""
    named = [row.lot for row in records.config if row.lot is not None]
    keys = [(shelves.index.get(lot.shelf_id, NONE), lot.batch_code) for lot in named]
    return np.array([lots.index[key] for key in keys if key in lots.index], np.int64)


def forget(book: LotBook, moment: Moment) -> LotBook:
    """Drop lots that have been empty for long, on a new day."""
    return replace(book, lots=_without_old(book.lots, moment.tick_ms)) if moment.new_day else book


def _apply_sums(lots: Lots, moves: list[Move]) -> tuple[Lots, IntArray]:
    """Sums commute, so the order of the moves does not matter here."""
    if not moves:
        return lots, np.zeros(0, np.int64)
    moves.sort(key=lambda move: move[:2])
    lots = lots.with_lots([(move.shelf, move.code or UNKNOWN_LOT) for move in moves])
    rows = np.array([lots.index[move.shelf, move.code or UNKNOWN_LOT] for move in moves], np.int64)
    balance, last = lots.balance.copy(), lots.last_event_ms.copy()
    np.add.at(balance, rows, np.array([move.quantity for move in moves], np.int64))
    np.maximum.at(last, rows, np.array([move.timestamp_ms for move in moves], np.int64))
    received, expiry = lots.received.copy(), lots.expiry.copy()
    for row, move in zip(rows.tolist(), moves, strict=True):
        _first_dates(received, expiry, row, move.received, move.expiry)
    return replace(lots, balance=balance, last_event_ms=last, received=received, expiry=expiry), np.unique(
        rows
    )


def _first_dates(received: IntArray, expiry: IntArray, row: int, got: date | None, ends: date | None) -> None:
    """A lot keeps the first date known of it."""
    if got is not None and received[row] == NO_DATE:
        received[row] = day_number(got)
    if ends is not None and expiry[row] == NO_DATE:
        expiry[row] = day_number(ends)


def _apply_in_order(
    book: LotBook,
    moves: list[Move],
    counts: list[StockCount],
    place: Place,
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> tuple[LotBook, IntArray]:
    """One by one, where the order matters: counts, and sales whose lot the till did not scan."""
    counted, changed = book.counted.copy(), set[int]()
    lots = book.lots
    steps: list[tuple[tuple[int, str], Move | StockCount]] = [(move[:2], move) for move in moves]
    steps += [((epoch_ms(count.timestamp), count.event_id), count) for count in counts]
    steps.sort(key=lambda entry: entry[0])
    for _, item in steps:
        if isinstance(item, Move):
            parts = [item] if item.code is not None else _first_expiring(lots, item)
            lots, rows = _apply_sums(lots, parts)
            changed.update(rows.tolist())
            continue
        shelf = shelves.index.get(item.shelf_id)
        if shelf is None:
            continue
        if item.count_type == "opening" and counted[shelf]:
            emitted.dropped += 1
            continue
        counted[shelf] = True
        lots, counted_rows = _apply_count(lots, shelf, item, place, shelves, moment, emitted)
        changed.update(counted_rows)
    return replace(book, lots=lots, counted=counted), np.array(sorted(changed), np.int64)


def _first_expiring(lots: Lots, sale: Move) -> list[Move]:
    """Split a sale without lot over the lots with stock, by expiry (none last) and code; the rest is unknown."""
    rows = np.flatnonzero((lots.shelf == sale.shelf) & (lots.balance > 0)).tolist()
    rows.sort(
        key=lambda row: (NEVER if lots.expiry[row] == NO_DATE else int(lots.expiry[row]), lots.codes[row])
    )
    sale = sale._replace(expiry=None)  # the date is that of a lot the till did not name
    parts, left = [], -sale.quantity
    for row in rows:
        taken = min(left, int(lots.balance[row]))
        if taken:
            parts.append(sale._replace(code=lots.codes[row], quantity=-taken))
            left -= taken
    return [*parts, sale._replace(code=UNKNOWN_LOT, quantity=-left)] if left else parts


def _apply_count(
    lots: Lots,
    shelf: int,
    count: StockCount,
    place: Place,
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> tuple[Lots, list[int]]:
    """Set the shelf's lots to what was counted; a recount writes each difference as an adjustment."""
    if count.lots is None:
        return lots, []
    named: dict[str, list[LotQuantity]] = {}
    for lot in count.lots:
        named.setdefault(lot.batch_code, []).append(lot)
    lots = lots.with_lots([(shelf, code) for code in named])
    rows = np.flatnonzero(lots.shelf == shelf).tolist()
    balance, adjustments = lots.balance.copy(), lots.adjustments.copy()
    received, expiry = lots.received.copy(), lots.expiry.copy()
    changed = []
    for row in rows:
        entries = named.get(lots.codes[row], [])
        quantity = sum(entry.quantity for entry in entries)
        difference = quantity - int(balance[row])
        if not entries and (count.count_type == "opening" or not difference):
            continue
        for entry in entries:
            _first_dates(received, expiry, row, entry.received_date, entry.expiry_date)
        if difference and count.count_type == "recount":
            _adjust(lots, row, difference, "recount", adjustments, place, shelves, moment, emitted)
        balance[row] = quantity
        changed.append(row)
    counted = replace(lots, balance=balance, adjustments=adjustments, received=received, expiry=expiry)
    return counted, changed


def _settle(
    book: LotBook, changed: IntArray, place: Place, shelves: Shelves, moment: Moment, emitted: Emitted
) -> tuple[LotBook, IntArray]:
    """Follow deficits, write off those that nothing explained in time, and note when the next is due."""
    lots = book.lots
    since, overdue = track_deficits(lots.balance, lots.deficit_since_ms, moment.tick_ms, moment.lateness_ms)
    balance, adjustments = lots.balance, lots.adjustments
    if len(overdue):
        balance, adjustments = balance.copy(), adjustments.copy()
        for row in overdue.tolist():
            _adjust(
                lots,
                row,
                -int(balance[row]),
                "unexplained_deficit",
                adjustments,
                place,
                shelves,
                moment,
                emitted,
            )
            balance[row], since[row] = 0, NONE
        changed = np.unique(np.concatenate([changed, overdue]))
    changed_ms = lots.changed_ms
    if len(changed):
        changed_ms = changed_ms.copy()
        changed_ms[changed] = moment.tick_ms
    lots = replace(
        lots, balance=balance, adjustments=adjustments, deficit_since_ms=since, changed_ms=changed_ms
    )
    return replace(book, lots=lots, next_due_ms=deficit_due(since, moment.lateness_ms)), changed


def _adjust(
    lots: Lots,
    row: int,
    quantity: int,
    cause: str,
    adjustments: IntArray,
    place: Place,
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> None:
    shelf_id = shelves.ids[int(lots.shelf[row])]
    key = f"{moment.store_id}/{shelf_id}/{lots.codes[row]}"
    emitted.emit(
        topics.ADJUSTMENTS,
        Adjustment(
            adjustment_id=derived_id(place.job, key, cause, int(adjustments[row])),
            store_id=moment.store_id,
            shelf_id=shelf_id,
            batch_code=lots.codes[row],
            location=place.location,
            quantity=quantity,
            cause=cause,  # type: ignore[arg-type]
            adjusted_at=from_epoch_ms(moment.tick_ms),
            version=moment.tick_ms,
        ),
    )
    adjustments[row] += 1


def _without_old(lots: Lots, tick_ms: int) -> Lots:
    old = (lots.balance == 0) & (tick_ms - lots.changed_ms >= KEEP_EMPTY_MS)
    return lots.take(np.flatnonzero(~old)) if old.any() else lots
