"""batch-state-updater: receipts, refills, removals and counts → units per lot, and receipt lines.

Rules: docs/stock-rules.md, Lot balance.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import PosTransaction, ShelfEvent
from smartstore.contracts.outputs import PosTransactionLine, ShelfBatchState
from smartstore.contracts.wire import epoch_ms, from_epoch_ms
from smartstore.domain.lot_book import LotBook, Move, Place, apply, dated, forget
from smartstore.domain.lots import Lots, day_of
from smartstore.domain.shelves import IntArray, Shelves
from smartstore.domain.tick import Emitted, Moment, Records, Refusal, moment_or_none

NAME = "batch-state-updater"
PLACE = Place(NAME, "store")


def step(
    book: LotBook, records: Records, shelves: Shelves, moment: Moment
) -> tuple[LotBook, Emitted, IntArray]:
    """Apply one tick; returns the new book, what to emit, and the indices of the shelves whose lots changed."""
    counts = [count for count in records.counts if count.location == "store"]
    emitted = Emitted(events_in=len(records.receipts) + len(records.moves.with_lots) + len(counts))
    receipts_of = Counter[str]()
    for receipt in records.receipts:
        _emit_lines(receipt, receipts_of[receipt.transaction_id], moment, emitted)
        receipts_of[receipt.transaction_id] += 1
    moves = [*_shelf_moves(records.moves.with_lots, shelves), *_sales(records.receipts, shelves, emitted)]
    book, changed = apply(book, moves, counts, PLACE, shelves, moment, emitted)
    book, changed = dated(book, changed, records, shelves, moment)
    for row in changed.tolist():
        emitted.emit(topics.SHELF_BATCH_STATE, _lot_state(book.lots, row, shelves, moment))
    changed_shelves = np.unique(book.lots.shelf[changed])
    return forget(book, moment), emitted, changed_shelves


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


def _emit_lines(receipt: PosTransaction, before: int, moment: Moment, emitted: Emitted) -> None:
    """`before`: receipts of the same transaction earlier in the tick; the last one counts."""
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
                version=moment.tick_ms + before,
            ),
        )


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
