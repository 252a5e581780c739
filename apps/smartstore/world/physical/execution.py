"""Facts that jobs state in people's place: made true against what is physically there, or judged impossible."""

from collections import Counter
from datetime import date
from heapq import heappush
from typing import Any

from smartstore.contracts.events import JobRecord, LotQuantity, Markdown, StoreConfig, WarehouseEvent
from smartstore.contracts.wire import epoch_ms
from smartstore.domain.prices import basis_points
from smartstore.world.physical.facts import Facts
from smartstore.world.physical.plan import ShelfPlan
from smartstore.world.physical.stock import (
    UNKNOWN,
    Lot,
    StoreState,
    Task,
    lot_number,
    shelve,
    take,
    units,
)

RECEIVE, TAKE, SHELVE, NOTHING, LABEL = "receive", "take", "shelve", "nothing", "label"
CLEAR_SHELF, CLEAR_BACK_ROOM = "clear-shelf", "clear-back"
KINDS = {
    ("wh_events", "wh_in"): RECEIVE,
    ("wh_events", "wh_out"): TAKE,
    ("wh_events", "removal"): CLEAR_BACK_ROOM,
    ("wh_events", "shortage"): NOTHING,
    ("shelf_events", "putback"): SHELVE,
    ("shelf_events", "removal"): CLEAR_SHELF,
}
EPOCH = date(1970, 1, 1)


class Execution:
    """The people of one store who do what jobs say. `run` does one task; tasks must come in the agenda's order."""

    def __init__(self, shelves: tuple[ShelfPlan, ...], state: StoreState, facts: Facts) -> None:
        self._index = {plan.profile.shelf_id: place for place, plan in enumerate(shelves)}
        self._state = state
        self._facts = facts
        self._tasks = {
            RECEIVE: self._receive,
            TAKE: self._take,
            SHELVE: self._shelve,
            CLEAR_SHELF: self._clear_shelf,
            CLEAR_BACK_ROOM: self._clear_back_room,
            NOTHING: self._nothing,
            LABEL: self._label,
        }

    def plan(self, line: str, record: JobRecord) -> None:
        """Put a fact on the agenda: at its time, or at once when that has passed."""
        state = self._state
        at, number, event_id = max(epoch_ms(record.timestamp), state.now), state.next_task, record.event_id
        if not isinstance(record, StoreConfig):
            kind = KINDS.get((line, record.event_type), UNKNOWN_KIND)
            shelf = self._index.get(record.shelf_id, UNKNOWN)
            task = Task(at, number, kind, shelf, record.quantity or 0, _lots(record), event_id)
        elif record.markdown is not None:
            shelf = self._index.get(record.markdown.shelf_id, UNKNOWN)
            task = Task(at, number, LABEL, shelf, event_id=event_id, label=_label(record.markdown))
        else:
            task = Task(at, number, UNKNOWN_KIND, UNKNOWN, event_id=event_id)
        heappush(state.agenda, task)
        state.next_task += 1

    def run(self, task: Task) -> None:
        """Do the task, and judge its fact; what cannot be done whole is not done at all."""
        done = task.shelf != UNKNOWN and self._tasks.get(task.kind, self._never)(task)
        self._facts.judged(task.at, self._number(), task.shelf, task.quantity, task.event_id, applied=done)

    def _number(self) -> int:
        self._state.next_fact += 1
        return self._state.next_fact

    def _never(self, _task: Task) -> bool:
        return False

    def _nothing(self, _task: Task) -> bool:
        return True

    def _label(self, task: Task) -> bool:
        """A shelf gets one label a day, and none of a day before."""
        known, _ = self._state.labels.get(task.shelf, (UNKNOWN, 0))
        if task.label[0] <= known:
            return False
        self._state.labels[task.shelf] = task.label
        return True

    def _receive(self, task: Task) -> bool:
        """Off the supplier's truck, into the back room; every lot comes once."""
        (lot,) = task.lots
        places = self._state.back_room, self._state.transit, self._state.shelves
        here = any(known.number == lot.number for place in places for known in place[task.shelf])
        if here or lot.number == UNKNOWN:
            return False
        self._state.back_room[task.shelf].append(lot)
        return True

    def _take(self, task: Task) -> bool:
        """Out of the back room, onto the trolley."""
        taken = _take_all(self._state.back_room[task.shelf], task.lots)
        for lot in taken or ():
            shelve(self._state.transit[task.shelf], lot)
        return taken is not None

    def _shelve(self, task: Task) -> bool:
        """From the trolley onto the shelf; the scale sees it."""
        taken = _take_all(self._state.transit[task.shelf], task.lots)
        if taken is None:
            return False
        for lot in taken:
            shelve(self._state.shelves[task.shelf], lot)
        self._state.stock[task.shelf] += units(taken)
        self._facts.weighed(task.at, self._number(), task.shelf, units(taken))
        return True

    def _clear_shelf(self, task: Task) -> bool:
        """Off the shelf and away; the scale sees it."""
        taken = _take_all(self._state.shelves[task.shelf], task.lots)
        if taken is None:
            return False
        self._state.stock[task.shelf] -= units(taken)
        self._facts.weighed(task.at, self._number(), task.shelf, -units(taken))
        return True

    def _clear_back_room(self, task: Task) -> bool:
        return _take_all(self._state.back_room[task.shelf], task.lots) is not None


UNKNOWN_KIND = "unknown"


def _label(markdown: Markdown) -> tuple[int, int]:
    return (markdown.date - EPOCH).days, basis_points(markdown.pct)


def _lots(record: Any) -> list[Lot]:
    """The lots a record names, as the world numbers them."""
    if isinstance(record, WarehouseEvent):
        return [] if record.batch_code is None else [_lot(record)]
    named: list[LotQuantity] = record.lots or []
    return [_lot(lot) for lot in named]


def _lot(named: WarehouseEvent | LotQuantity) -> Lot:
    """A lot without dates came long ago and does not expire."""
    received = (named.received_date or date.min) - EPOCH
    expires = (named.expiry_date or date.max) - EPOCH
    return Lot(lot_number(named.batch_code or ""), received.days, expires.days, named.quantity)


def _take_all(lots: list[Lot], wanted: list[Lot]) -> list[Lot] | None:
    """Take every lot wanted, or nothing at all; a lot named twice counts with its sum."""
    sums: Counter[int] = Counter()
    for lot in wanted:
        sums[lot.number] += lot.shelf
    have = {lot.number: lot.shelf for lot in lots}
    if not sums or any(have.get(number, 0) < quantity for number, quantity in sums.items()):
        return None
    return [taken for number, quantity in sums.items() if (taken := take(lots, number, quantity)) is not None]
