"""shelf-alert-engine: stock, lots, policies and commands → alerts and their life (docs/stock-rules.md, Alerts)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import ShelfPolicy
from smartstore.domain import restock_plans
from smartstore.domain.alert_book import AlertBook, AlertDesk, Kind, Situation
from smartstore.domain.lots import NO_DATE, Lots
from smartstore.domain.policies import Limits, resolve, with_changes
from smartstore.domain.restock_plans import PlanBook
from smartstore.domain.shelves import BoolArray, IntArray, Shelves
from smartstore.domain.tick import Emitted, Moment, Records

NAME = "shelf-alert-engine"
KINDS = (Kind(NAME, "refill_request", "store"), Kind(NAME, "near_expiry", "store"))
REFILL, NEAR_EXPIRY = range(2)


@dataclass(frozen=True)
class State:
    """Alert books by type, the policies received, and the limits that follow from them."""

    books: tuple[AlertBook, ...] = field(default_factory=lambda: tuple(AlertBook() for _ in KINDS))
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
    state = replace(state, books=tuple(book.sized(size) for book in state.books))
    policies = with_changes(state.policies, records.config, "policy")
    decided = any(row.kind == "status" for row in records.config)
    everything = moment.new_day or profiles_changed or policies is not state.policies or decided
    if state.limits is None or profiles_changed or policies is not state.policies:
        limits = resolve(policies, stock.shelves, moment.store_id, moment.planning)
        state = replace(state, policies=policies, limits=limits)
    desks = [_desk(state, kind, stock, moment, emitted) for kind in range(len(KINDS))]
    for command in records.commands:
        if command.command == "acknowledge" and any(desk.acknowledge(command) for desk in desks):
            emitted.obeyed.add(command.event_id)
    for kind, desk in enumerate(desks):
        shelves = np.arange(size) if everything else np.union1d(changed, desk.book.ready(moment))
        desk.evaluate(shelves, _holds(state, kind, shelves, stock, moment))
    plans = _plan(state, records, stock, moment, emitted)
    due_ms = min(*(book.next_due(moment) for book in state.books), restock_plans.next_due(plans, moment))
    return replace(state, plans=plans, next_due_ms=due_ms), emitted


def _plan(state: State, records: Records, stock: Stock, moment: Moment, emitted: Emitted) -> PlanBook:
    """Follow the open restock plans, and make one for every low shelf that has none."""
    shelves = stock.shelves
    plans = state.plans.sized(len(shelves))
    changed = restock_plans.follow(plans, records, shelves, NAME, moment, emitted)
    every = np.arange(len(shelves))
    low = _holds(state, REFILL, every, stock, moment)
    closed = [plan for plan in changed if not plans.is_open[plan]]
    for plan in restock_plans.records_of(plans, closed, shelves, NAME, moment):
        emitted.emit(topics.SHELF_RESTOCK_PLAN, plan)
    made = restock_plans.make(plans, low, stock.units, shelves, moment)
    rest = changed.difference(closed) | made
    for plan in restock_plans.records_of(plans, rest, shelves, NAME, moment):
        emitted.emit(topics.SHELF_RESTOCK_PLAN, plan)
    return plans


def _holds(state: State, kind: int, shelves: IntArray, stock: Stock, moment: Moment) -> BoolArray:
    limits = state.limits
    assert limits is not None
    counted = stock.counted[shelves] & moment.open
    if kind == REFILL:
        units = stock.units[shelves]
        low = 100.0 * units / stock.shelves.capacity[shelves] < limits.threshold_pct[shelves]
        low_now: BoolArray = counted & (low | (units < limits.min_qty[shelves]))
        return low_now
    earliest = stock.lots.earliest_expiry(len(stock.shelves), moment.today)[shelves]
    soon: BoolArray = earliest - moment.today <= limits.near_expiry_days[shelves]
    ending: BoolArray = counted & (earliest != NO_DATE) & soon
    return ending


def _desk(state: State, kind: int, stock: Stock, moment: Moment, emitted: Emitted) -> AlertDesk:
    limits, shelves, planning = state.limits, stock.shelves, moment.planning
    assert limits is not None

    def situation(shelf: int) -> Situation:
        units, capacity = int(stock.units[shelf]), int(shelves.capacity[shelf])
        target = int(-(-capacity * planning.target_pct // 100))
        earliest = stock.lots.earliest_expiry(len(shelves), moment.today) if kind == NEAR_EXPIRY else None
        return Situation(
            units=units,
            capacity=capacity,
            threshold_pct=float(limits.threshold_pct[shelf]),
            min_qty=int(limits.min_qty[shelf]),
            suggested_qty=max(0, target - units) if kind == REFILL else 0,
            expiry=NO_DATE if earliest is None else int(earliest[shelf]),
        )

    return AlertDesk(KINDS[kind], state.books[kind], shelves, situation, moment, emitted)
