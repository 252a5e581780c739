"""removal-scheduler: expired lots → alerts, and taken off the shelf and out of the back room.

Rules: docs/stock-rules.md, Removals. It takes goods away only where jobs stand in for people (`execution: Assumed`);
otherwise people learn of them by the alerts.
"""

from dataclasses import dataclass, field

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import LotQuantity, ShelfEvent, WarehouseEvent
from smartstore.contracts.fields import MOST_UNITS
from smartstore.contracts.limits import portions
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.domain import daily_round
from smartstore.domain.alert_book import AlertBook, AlertDesk, Kind, Situation
from smartstore.domain.daily_round import NO_DAY
from smartstore.domain.goods import Goods
from smartstore.domain.lots import NO_DATE, Lots, day_of
from smartstore.domain.shelves import IntArray, Shelves
from smartstore.domain.tick import Emitted, Moment, Records

NAME = "removal-scheduler"
KINDS = (Kind(NAME, "expired_removal", "store"), Kind(NAME, "expired_removal", "warehouse", prefix="wh_"))

Expired = dict[int, list[tuple[int, int]]]
"""By shelf: rows of its expired lots by expiry and code, with the units to take away."""


@dataclass(frozen=True)
class State:
    """The day (since 1970-01-01) of the last round, and the alerts by kind."""

    day: int = NO_DAY
    books: tuple[AlertBook, ...] = field(default_factory=lambda: tuple(AlertBook() for _ in KINDS))


def step(
    state: State, on_shelf: Goods, behind: Goods, records: Records, shelves: Shelves, moment: Moment
) -> tuple[State, Emitted]:
    """Once a day, at the first tick from the removal hour on, a round; between rounds only alerts end.

    `on_shelf`, `behind`: in the store and in the back room, after this tick.
    """
    emitted = Emitted()
    is_round = moment.tick_ms >= next_due(state, moment)
    if not is_round and not any(book.is_active.any() for book in state.books):
        return state, emitted
    state = State(state.day, tuple(book.sized(len(shelves)) for book in state.books))
    expired = (
        _expired(on_shelf, _baskets(on_shelf), moment.today),
        _expired(behind, np.zeros_like(behind.units), moment.today),
    )
    desks = [
        _desk(kind, book, goods, found, shelves, moment, emitted)
        for kind, book, goods, found in zip(KINDS, state.books, (on_shelf, behind), expired, strict=True)
    ]
    for command in records.commands:
        for desk in desks:
            if command.command == "acknowledge" and desk.acknowledge(command):
                emitted.obeyed.add(command.event_id)
    for desk, goods, found in zip(desks, (on_shelf, behind), expired, strict=True):
        there = np.isin(np.arange(len(shelves)), list(found)) & goods.counted & moment.open
        concerned = np.arange(len(shelves)) if is_round else np.flatnonzero(desk.book.is_active)
        desk.evaluate(concerned, there[concerned])
    if not is_round:
        return state, emitted
    emitted.events_in = sum(len(lots) for found in expired for lots in found.values())
    if moment.planning.execution == "Assumed":
        _take_away(on_shelf.lots, expired[0], behind.lots, expired[1], shelves, moment, emitted)
    return State(moment.today, state.books), emitted


def next_due(state: State, moment: Moment) -> int:
    """When the next round is (epoch ms)."""
    return daily_round.due_ms(state.day, moment.planning.removal_hour, moment)


def _expired(goods: Goods, baskets: IntArray, today: int) -> Expired:
    """What surely lies there of expired lots; `baskets`: units of each shelf whose lot nobody knows.

    Every lot is taken to have all of its shelf's units in baskets; what they did not have goes the next day.
    """
    lots = goods.lots
    rows = np.flatnonzero((lots.expiry != NO_DATE) & (lots.expiry < today) & (lots.balance > 0)).tolist()
    found: Expired = {}
    for row in sorted(rows, key=lambda row: (int(lots.shelf[row]), int(lots.expiry[row]), lots.codes[row])):
        shelf = int(lots.shelf[row])
        units = int(lots.balance[row] - baskets[shelf])
        if units > 0:
            found.setdefault(shelf, []).append((row, units))
    return found


def _baskets(goods: Goods) -> IntArray:
    """Units of each shelf's lots that are in the store but not on the shelf."""
    there = np.maximum(goods.lots.balance, 0)
    in_store = np.bincount(goods.lots.shelf, weights=there, minlength=len(goods.units)).astype(np.int64)
    in_baskets: IntArray = np.maximum(in_store - goods.units, 0)
    return in_baskets


def _desk(
    kind: Kind,
    book: AlertBook,
    goods: Goods,
    found: Expired,
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> AlertDesk:
    capacity = shelves.capacity if kind.location == "store" else shelves.warehouse_capacity

    def situation(shelf: int) -> Situation:
        lots = found.get(shelf, [])
        return Situation(
            units=int(goods.units[shelf]),
            capacity=int(capacity[shelf]),
            threshold_pct=0.0,
            min_qty=0,
            suggested_qty=sum(units for _, units in lots),
            expiry=int(goods.lots.expiry[lots[0][0]]) if lots else NO_DATE,
        )

    return AlertDesk(kind, book, shelves, situation, moment, emitted)


def _take_away(
    lots: Lots,
    expired: Expired,
    back_lots: Lots,
    behind: Expired,
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> None:
    """One removal per shelf, one per lot of the back room; what one cannot name goes in the next round."""
    for shelf, rows in expired.items():
        named = [_quantity(lots, row, units) for row, units in rows]
        emitted.fact(topics.SHELF_EVENTS, _off_the_shelf(shelves.ids[shelf], next(portions(named)), moment))
    for shelf, rows in behind.items():
        for row, units in rows:
            lot = _quantity(back_lots, row, min(units, MOST_UNITS))
            emitted.fact(topics.WH_EVENTS, _out_of_the_back_room(shelves.ids[shelf], lot, moment))


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
