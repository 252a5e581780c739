"""removal-scheduler: expired lots → taken off the shelf and out of the back room (docs/stock-rules.md, Removals).

Works only where jobs stand in for people (`execution: Assumed`).
"""

from collections.abc import Iterator

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import LotQuantity, ShelfEvent, WarehouseEvent
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.domain.balance import NEVER
from smartstore.domain.lots import NO_DATE, Lots, day_of
from smartstore.domain.shelves import IntArray, Shelves
from smartstore.domain.tick import DAY_MS, Emitted, Moment

NAME = "removal-scheduler"
HOUR_MS = 3_600_000
NO_DAY = -1


def step(
    last_day: int, units: IntArray, lots: Lots, back_lots: Lots, shelves: Shelves, moment: Moment
) -> tuple[int, Emitted]:
    """Once a day, at the first tick from the removal hour on; returns the day (since 1970-01-01) of the last round.

    `units`: on each shelf; `lots`, `back_lots`: of the store and of the back room; all after this tick.
    """
    emitted = Emitted()
    if moment.tick_ms < next_due(last_day, moment):
        return last_day, emitted
    for shelf, named in _expired_in_store(lots, units, moment.today):
        emitted.events_in += len(named)
        emitted.fact(topics.SHELF_EVENTS, _off_the_shelf(shelves.ids[shelf], named, moment))
    for row in _expired(back_lots, moment.today):
        emitted.events_in += 1
        shelf_id = shelves.ids[int(back_lots.shelf[row])]
        lot = _quantity(back_lots, row, int(back_lots.balance[row]))
        emitted.fact(topics.WH_EVENTS, _out_of_the_back_room(shelf_id, lot, moment))
    return moment.today, emitted


def next_due(last_day: int, moment: Moment) -> int:
    """When the next round is (epoch ms)."""
    if moment.planning.execution != "Assumed" or not moment.open:
        return NEVER
    return _round_of(last_day, moment)


def _round_of(last_day: int, moment: Moment) -> int:
    day = moment.today if last_day < moment.today else moment.today + 1
    return day * DAY_MS + moment.planning.removal_hour * HOUR_MS


def _expired(lots: Lots, today: int) -> list[int]:
    """Rows of expired lots with units, by shelf, expiry and code."""
    rows = np.flatnonzero((lots.expiry != NO_DATE) & (lots.expiry < today) & (lots.balance > 0)).tolist()
    return sorted(rows, key=lambda row: (int(lots.shelf[row]), int(lots.expiry[row]), lots.codes[row]))


def _expired_in_store(lots: Lots, units: IntArray, today: int) -> Iterator[tuple[int, list[LotQuantity]]]:
    """Per shelf what surely lies on it of its expired lots.

    Nobody knows whose lots the baskets hold, so every lot is taken to have all of the shelf's units in baskets; what
    they did not have goes the next day.
    """
    rows = _expired(lots, today)
    if not rows:
        return
    there = np.maximum(lots.balance, 0)
    in_store = np.bincount(lots.shelf, weights=there, minlength=len(units)).astype(np.int64)
    baskets = np.maximum(in_store - np.maximum(units, 0), 0)
    by_shelf: dict[int, list[LotQuantity]] = {}
    for row in rows:
        shelf = int(lots.shelf[row])
        quantity = int(lots.balance[row] - baskets[shelf])
        if quantity > 0:
            by_shelf.setdefault(shelf, []).append(_quantity(lots, row, quantity))
    yield from by_shelf.items()


def _quantity(lots: Lots, row: int, quantity: int) -> LotQuantity:
    return LotQuantity(
        batch_code=lots.codes[row],
        quantity=quantity,
        received_date=day_of(int(lots.received[row])),
        expiry_date=day_of(int(lots.expiry[row])),
    )


def _off_the_shelf(shelf_id: str, lots: list[LotQuantity], moment: Moment) -> ShelfEvent:
    return ShelfEvent(
        event_id=derived_id(NAME, f"{moment.store_id}/{shelf_id}", "removal", moment.today),
        store_id=moment.store_id,
        timestamp=from_epoch_ms(moment.tick_ms),
        event_type="removal",
        shelf_id=shelf_id,
        quantity=sum(lot.quantity for lot in lots),
        lots=lots,
        reason="expired",
    )


def _out_of_the_back_room(shelf_id: str, lot: LotQuantity, moment: Moment) -> WarehouseEvent:
    return WarehouseEvent(
        event_id=derived_id(
            NAME, f"{moment.store_id}/{shelf_id}/{lot.batch_code}", "wh_removal", moment.today
        ),
        store_id=moment.store_id,
        timestamp=from_epoch_ms(moment.tick_ms),
        event_type="removal",
        shelf_id=shelf_id,
        batch_code=lot.batch_code,
        quantity=lot.quantity,
        received_date=lot.received_date,
        expiry_date=lot.expiry_date,
        reason="expired",
    )
