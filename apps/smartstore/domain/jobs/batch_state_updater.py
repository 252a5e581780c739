"""batch-state-updater: receipts, refills, removals and counts → units per lot, and receipt lines.

Rules: docs/stock-rules.md, Lot balance.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import LotQuantity, PosTransaction, ShelfEvent, StockCount
from smartstore.contracts.outputs import Adjustment, PosTransactionLine, ShelfBatchState
from smartstore.contracts.wire import derived_id, epoch_ms, from_epoch_ms
from smartstore.domain.balance import NEVER, NONE, deficit_due, track_deficits
from smartstore.domain.lots import NO_DATE, Lots, day_number, day_of
from smartstore.domain.shelves import BoolArray, IntArray, Shelves, grown
from smartstore.domain.tick import DAY_MS, Emitted, Moment, Records, Refusal, moment_or_none

NAME = "batch-state-updater"
UNKNOWN_LOT = "unknown"
"""The lot that stands for units sold when no lot of the shelf had stock."""
KEEP_EMPTY_MS = 7 * DAY_MS
"""How long an empty lot stays in the state after its last change."""


@dataclass(frozen=True)
class State:
    """Lots of the store, and which shelves had their opening count."""

    lots: Lots
    counted: BoolArray
    next_due_ms: int = NEVER


class Move(NamedTuple):
    """One change of one lot. `code` None: take from the lot that expires first."""

    timestamp_ms: int
    event_id: str
    shelf: int
    code: str | None
    quantity: int
    received: date | None = None
    expiry: date | None = None


def empty() -> State:
    """The state of a store without lots."""
    return State(Lots(), np.zeros(0, np.bool_))


def step(state: State, records: Records, shelves: Shelves, moment: Moment) -> tuple[State, Emitted, IntArray]:
    """Apply one tick; returns the new state, what to emit, and the indices of the shelves whose lots changed."""
    counts = [count for count in records.counts if count.location == "store"]
    emitted = Emitted(events_in=len(records.receipts) + len(records.moves.with_lots) + len(counts))
    if len(state.counted) != len(shelves):
        state = replace(state, counted=grown(state.counted, len(shelves), False))
    for receipt in records.receipts:
        _emit_lines(receipt, moment, emitted)
    moves = [*_shelf_moves(records.moves.with_lots, shelves), *_sales(records.receipts, shelves, emitted)]
    if counts or any(move.code is None for move in moves):
        state, changed = _apply_in_order(state, moves, counts, shelves, moment, emitted)
    else:
        lots, changed = _apply_sums(state.lots, moves)
        state = replace(state, lots=lots)
    state, changed = _settle(state, changed, shelves, moment, emitted)
    for row in changed.tolist():
        emitted.emit(topics.SHELF_BATCH_STATE, _lot_state(state.lots, row, shelves, moment))
    changed_shelves = np.unique(state.lots.shelf[changed])
    if moment.new_day:
        state = replace(state, lots=_without_old(state.lots, moment.tick_ms))
    return state, emitted, changed_shelves


def _shelf_moves(events: tuple[ShelfEvent, ...], shelves: Shelves) -> Iterator[Move]:
    """Refills (+) and removals (−); unknown shelves were refused by the shelf-aggregator."""
    for event in events:
        shelf = shelves.index.get(event.shelf_id)
        if shelf is None or event.lots is None:
            continue
        sign = 1 if event.event_type == "putback" else -1
        at = epoch_ms(event.timestamp)
        for lot in event.lots:
            quantity = sign * lot.quantity
            yield Move(
                at, event.event_id, shelf, lot.batch_code, quantity, lot.received_date, lot.expiry_date
            )


def _sales(receipts: Sequence[PosTransaction], shelves: Shelves, emitted: Emitted) -> Iterator[Move]:
    for receipt in receipts:
        at = epoch_ms(receipt.timestamp)
        for place, item in enumerate(receipt.items):
            shelf = shelves.index.get(item.shelf_id)
            if shelf is None:
                reason = (
                    "unknown_shelf: the store has no profile of this shelf; the sale is kept, its lot is not"
                )
                field = f"items[{place}].shelf_id"
                emitted.refusals.append(Refusal(topics.POS_TRANSACTIONS.name, receipt, reason, field))
                continue
            yield Move(at, receipt.event_id, shelf, item.batch_code, -item.quantity, None, item.expiry_date)


def _emit_lines(receipt: PosTransaction, moment: Moment, emitted: Emitted) -> None:
    updated_at = from_epoch_ms(moment.tick_ms)
    for item in receipt.items:
        emitted.emit(
            topics.POS_TRANSACTION_LINES,
            PosTransactionLine(
                store_id=moment.store_id,
                transaction_id=receipt.transaction_id,
                line_no=item.line_no,
                shelf_id=item.shelf_id,
                batch_code=item.batch_code,
                expiry_date=item.expiry_date,
                customer_id=receipt.customer_id,
                sold_at=receipt.timestamp,
                quantity=item.quantity,
                unit_price_cents=item.unit_price_cents,
                discount_cents=item.discount_cents,
                total_cents=item.total_cents,
                updated_at=updated_at,
                version=moment.tick_ms,
            ),
        )


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
    state: State,
    moves: list[Move],
    counts: list[StockCount],
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> tuple[State, IntArray]:
    """One by one, where the order matters: counts, and sales whose lot the till did not scan."""
    counted, changed = state.counted.copy(), set[int]()
    lots = state.lots
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
        lots, counted_rows = _apply_count(lots, shelf, item, shelves, moment, emitted)
        changed.update(counted_rows)
    return replace(state, lots=lots, counted=counted), np.array(sorted(changed), np.int64)


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
    lots: Lots, shelf: int, count: StockCount, shelves: Shelves, moment: Moment, emitted: Emitted
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
            _adjust(lots, row, difference, "recount", adjustments, shelves, moment, emitted)
        balance[row] = quantity
        changed.append(row)
    counted = replace(lots, balance=balance, adjustments=adjustments, received=received, expiry=expiry)
    return counted, changed


def _settle(
    state: State, changed: IntArray, shelves: Shelves, moment: Moment, emitted: Emitted
) -> tuple[State, IntArray]:
    """Follow deficits, write off those that nothing explained in time, and note when the next is due."""
    lots = state.lots
    since, overdue = track_deficits(lots.balance, lots.deficit_since_ms, moment.tick_ms, moment.lateness_ms)
    balance, adjustments = lots.balance, lots.adjustments
    if len(overdue):
        balance, adjustments = balance.copy(), adjustments.copy()
        for row in overdue.tolist():
            _adjust(
                lots, row, -int(balance[row]), "unexplained_deficit", adjustments, shelves, moment, emitted
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
    return replace(state, lots=lots, next_due_ms=deficit_due(since, moment.lateness_ms)), changed


def _adjust(
    lots: Lots,
    row: int,
    quantity: int,
    cause: str,
    adjustments: IntArray,
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> None:
    shelf_id = shelves.ids[int(lots.shelf[row])]
    key = f"{moment.store_id}/{shelf_id}/{lots.codes[row]}"
    emitted.emit(
        topics.ADJUSTMENTS,
        Adjustment(
            adjustment_id=derived_id(NAME, key, cause, int(adjustments[row])),
            store_id=moment.store_id,
            shelf_id=shelf_id,
            batch_code=lots.codes[row],
            quantity=quantity,
            cause=cause,  # type: ignore[arg-type]
            adjusted_at=from_epoch_ms(moment.tick_ms),
            version=moment.tick_ms,
        ),
    )
    adjustments[row] += 1


def _lot_state(lots: Lots, row: int, shelves: Shelves, moment: Moment) -> ShelfBatchState:
    balance = int(lots.balance[row])
    return ShelfBatchState(
        store_id=moment.store_id,
        shelf_id=shelves.ids[int(lots.shelf[row])],
        batch_code=lots.codes[row],
        received_date=day_of(int(lots.received[row])),
        expiry_date=day_of(int(lots.expiry[row])),
        quantity_store=max(balance, 0),
        deficit=max(-balance, 0),
        last_event_at=moment_or_none(int(lots.last_event_ms[row])),
        updated_at=from_epoch_ms(moment.tick_ms),
        version=moment.tick_ms,
    )


def _without_old(lots: Lots, tick_ms: int) -> Lots:
    old = (lots.balance == 0) & (tick_ms - lots.changed_ms >= KEEP_EMPTY_MS)
    return lots.take(np.flatnonzero(~old)) if old.any() else lots
