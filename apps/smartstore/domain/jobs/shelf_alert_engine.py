"""shelf-alert-engine: stock, lots, policies and commands → alerts and their life (docs/stock-rules.md, Alerts)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import Command, ShelfPolicy
from smartstore.contracts.outputs import Alert
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.domain import restock_plans
from smartstore.domain.balance import NONE
from smartstore.domain.lots import NO_DATE, Lots, day_of
from smartstore.domain.policies import Limits, resolve, with_changes
from smartstore.domain.restock_plans import PlanBook
from smartstore.domain.shelves import BoolArray, IntArray, Shelves, grown, no_bools, no_ints
from smartstore.domain.tick import MINUTE_MS, Emitted, Moment, Records, Refusal, moment_or_none

NAME = "shelf-alert-engine"
AlertType = Literal["refill_request", "near_expiry"]
TYPES: tuple[AlertType, ...] = ("refill_request", "near_expiry")

CLOSED, OPEN, ACKNOWLEDGED = 0, 1, 2


@dataclass(frozen=True)
class Book:
    """The alerts of one type, one element per shelf: the current or last alert of each."""

    status: IntArray = field(default_factory=no_ints)
    """`CLOSED`, `OPEN` or `ACKNOWLEDGED`."""
    number: IntArray = field(default_factory=no_ints)
    """How many alerts the shelf has had; the current one's n is one less."""
    created_ms: IntArray = field(default_factory=no_ints)
    acknowledged_ms: IntArray = field(default_factory=no_ints)
    waiting: BoolArray = field(default_factory=no_bools)
    """Whether the condition holds while the cooldown keeps a new alert back."""

    def sized(self, size: int) -> "Book":
        """The book for so many shelves."""
        if len(self.status) == size:
            return self
        return Book(
            status=grown(self.status, size, CLOSED),
            number=grown(self.number, size, 0),
            created_ms=grown(self.created_ms, size, NONE),
            acknowledged_ms=grown(self.acknowledged_ms, size, NONE),
            waiting=grown(self.waiting, size, False),
        )

    def copy(self) -> "Book":
        """Arrays of its own, to be changed in place within one step."""
        return Book(
            status=self.status.copy(),
            number=self.number.copy(),
            created_ms=self.created_ms.copy(),
            acknowledged_ms=self.acknowledged_ms.copy(),
            waiting=self.waiting.copy(),
        )


@dataclass(frozen=True)
class State:
    """Alert books by type, the policies received, and the limits that follow from them."""

    books: tuple[Book, ...] = field(default_factory=lambda: (Book(), Book()))
    plans: PlanBook = field(default_factory=PlanBook)
    policies: Mapping[str, ShelfPolicy] = field(default_factory=dict)
    limits: Limits | None = None
    """Derived from policies, shelves and planning; None = to be resolved again."""
    next_due_ms: int = 0


@dataclass(frozen=True)
class Stock:
    """What the alert engine sees of a store after a tick."""

    shelves: Shelves
    balance: IntArray
    counted: BoolArray
    lots: Lots

    @property
    def units(self) -> IntArray:
        """Units on each shelf."""
        return np.maximum(self.balance, 0)


def step(
    state: State, records: Records, stock: Stock, changed: IntArray, profiles_changed: bool, moment: Moment
) -> tuple[State, Emitted]:
    """Apply one tick. `changed`: indices of the shelves whose balance or lots changed in it."""
    emitted = Emitted(events_in=len(records.commands) + len(changed))
    size = len(stock.shelves)
    state = replace(state, books=tuple(book.sized(size).copy() for book in state.books))
    policies = with_changes(state.policies, records.config, "policy")
    everything = moment.new_day or profiles_changed or policies is not state.policies
    if state.limits is None or profiles_changed or policies is not state.policies:
        limits = resolve(policies, stock.shelves, moment.store_id, moment.planning)
        state = replace(state, policies=policies, limits=limits)
    versions: dict[tuple[int, int], int] = {}
    _acknowledge(state, records.commands, stock, versions, moment, emitted)
    for kind in range(len(TYPES)):
        book = state.books[kind]
        shelves = np.arange(size) if everything else _candidates(book, changed, moment)
        _evaluate(state, kind, shelves, stock, versions, moment, emitted)
    plans = _plan(state, records, stock, moment, emitted)
    due_ms = min(_next_due(state.books, moment), restock_plans.next_due(plans, moment))
    return replace(state, plans=plans, next_due_ms=due_ms), emitted


def _plan(state: State, records: Records, stock: Stock, moment: Moment, emitted: Emitted) -> PlanBook:
    """Follow the open restock plans, and make one for every low shelf that has none."""
    shelves = stock.shelves
    plans = state.plans.sized(len(shelves))
    changed = restock_plans.follow(plans, records, shelves, NAME, moment, emitted)
    every = np.arange(len(shelves))
    low = _holds(state, TYPES.index("refill_request"), every, stock, moment)
    closed = [plan for plan in changed if not plans.is_open[plan]]
    for plan in restock_plans.records_of(plans, closed, shelves, NAME, moment):
        emitted.emit(topics.SHELF_RESTOCK_PLAN, plan)
    made = restock_plans.make(plans, low, stock.units, shelves, moment)
    rest = changed.difference(closed) | made
    for plan in restock_plans.records_of(plans, rest, shelves, NAME, moment):
        emitted.emit(topics.SHELF_RESTOCK_PLAN, plan)
    return plans


def _candidates(book: Book, changed: IntArray, moment: Moment) -> IntArray:
    ready = book.waiting & (book.created_ms + _cooldown_ms(moment.planning) <= moment.tick_ms)
    return np.union1d(changed, np.flatnonzero(ready)) if ready.any() else changed


def _cooldown_ms(planning: PlanningSettings) -> int:
    return planning.cooldown_minutes * MINUTE_MS


def _acknowledge(
    state: State,
    commands: Sequence[Command],
    stock: Stock,
    versions: dict[tuple[int, int], int],
    moment: Moment,
    emitted: Emitted,
) -> None:
    for command in commands:
        if command.command != "acknowledge":
            continue
        place = _open_alert(state.books, command, stock.shelves, moment.store_id)
        if place is None:
            reason = "alert_not_open: the store has no open alert of this id, or of this shelf and type"
            name = "alert_id" if command.alert_id is not None else "shelf_id"
            emitted.refusals.append(Refusal(topics.COMMANDS.name, command, reason, name))
            continue
        kind, shelf = place
        state.books[kind].status[shelf] = ACKNOWLEDGED
        state.books[kind].acknowledged_ms[shelf] = moment.tick_ms
        _emit(state, kind, shelf, "acknowledged", stock, versions, moment, emitted)


def _open_alert(
    books: tuple[Book, ...], command: Command, shelves: Shelves, store_id: str
) -> tuple[int, int] | None:
    """(type index, shelf index) of the open alert a command means."""
    if command.alert_id is None:
        if command.alert_type not in TYPES or command.shelf_id not in shelves.index:
            return None
        kind, shelf = TYPES.index(command.alert_type), shelves.index[command.shelf_id]
        return (kind, shelf) if books[kind].status[shelf] == OPEN else None
    for kind, book in enumerate(books):
        for shelf in np.flatnonzero(book.status == OPEN).tolist():
            if _alert_id(store_id, shelves.ids[shelf], kind, int(book.number[shelf]) - 1) == command.alert_id:
                return kind, shelf
    return None


def _evaluate(
    state: State,
    kind: int,
    shelves: IntArray,
    stock: Stock,
    versions: dict[tuple[int, int], int],
    moment: Moment,
    emitted: Emitted,
) -> None:
    """Open and resolve the alerts of one type on these shelves; changes the book in place."""
    if not len(shelves):
        return
    book = state.books[kind]
    holds = _holds(state, kind, shelves, stock, moment)
    active = book.status[shelves] != CLOSED
    first = book.number[shelves] == 0
    cooled = first | (moment.tick_ms >= book.created_ms[shelves] + _cooldown_ms(moment.planning))
    book.waiting[shelves] = holds & ~active & ~cooled
    for shelf in shelves[holds & ~active & cooled].tolist():
        book.status[shelf], book.created_ms[shelf], book.acknowledged_ms[shelf] = OPEN, moment.tick_ms, NONE
        book.number[shelf] += 1
        _emit(state, kind, shelf, "open", stock, versions, moment, emitted)
    for shelf in shelves[active & ~holds].tolist():
        book.status[shelf] = CLOSED
        _emit(state, kind, shelf, "resolved", stock, versions, moment, emitted)


def _holds(state: State, kind: int, shelves: IntArray, stock: Stock, moment: Moment) -> BoolArray:
    limits = state.limits
    assert limits is not None
    counted = stock.counted[shelves]
    if TYPES[kind] == "refill_request":
        units = stock.units[shelves]
        low = 100.0 * units / stock.shelves.capacity[shelves] < limits.threshold_pct[shelves]
        low_now: BoolArray = counted & (low | (units < limits.min_qty[shelves]))
        return low_now
    earliest = stock.lots.earliest_expiry(len(stock.shelves), moment.today)[shelves]
    soon: BoolArray = earliest - moment.today <= limits.near_expiry_days[shelves]
    ending: BoolArray = counted & (earliest != NO_DATE) & soon
    return ending


def _next_due(books: tuple[Book, ...], moment: Moment) -> int:
    due = moment.next_day_ms
    for book in books:
        if book.waiting.any():
            due = min(due, int(book.created_ms[book.waiting].min()) + _cooldown_ms(moment.planning))
    return due


def _alert_id(store_id: str, shelf_id: str, kind: int, number: int) -> str:
    return derived_id(NAME, f"{store_id}/{shelf_id}", TYPES[kind], number)


def _emit(
    state: State,
    kind: int,
    shelf: int,
    status: Literal["open", "acknowledged", "resolved"],
    stock: Stock,
    versions: dict[tuple[int, int], int],
    moment: Moment,
    emitted: Emitted,
) -> None:
    book, limits, shelves = state.books[kind], state.limits, stock.shelves
    assert limits is not None
    units, capacity = int(stock.units[shelf]), int(shelves.capacity[shelf])
    earliest = int(stock.lots.earliest_expiry(len(shelves), moment.today)[shelf]) if kind else NO_DATE
    target = -(-capacity * moment.planning.target_pct // 100)
    n = versions.get((kind, shelf), 0)
    versions[kind, shelf] = n + 1
    tick = from_epoch_ms(moment.tick_ms)
    emitted.emit(
        topics.ALERTS,
        Alert(
            alert_id=_alert_id(moment.store_id, shelves.ids[shelf], kind, int(book.number[shelf]) - 1),
            store_id=moment.store_id,
            shelf_id=shelves.ids[shelf],
            alert_type=TYPES[kind],
            location="store",
            status=status,
            item_category=shelves.categories[shelf],
            item_subcategory=shelves.subcategories[shelf],
            current_stock=units,
            capacity=capacity,
            stock_pct=100.0 * units / capacity,
            threshold_pct=float(limits.threshold_pct[shelf]),
            min_qty=int(limits.min_qty[shelf]),
            suggested_qty=max(0, int(target) - units) if kind == 0 else 0,
            expiry_date=day_of(earliest),
            created_at=from_epoch_ms(int(book.created_ms[shelf])),
            acknowledged_at=moment_or_none(int(book.acknowledged_ms[shelf])),
            resolved_at=tick if status == "resolved" else None,
            updated_at=tick,
            version=moment.tick_ms + n,
        ),
    )
