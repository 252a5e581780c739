"""wh-alert-engine: back room, orders, demand and policies → alerts of the back room, and supplier plans.

Rules: docs/stock-rules.md, Supplier plans. It owns the plans; the `supplier-manager` turns them into orders and runs
before it, so an order placed in a tick is known here in the same tick.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import Command, WhPolicy
from smartstore.contracts.fields import MOST_UNITS
from smartstore.contracts.settings import PlanningSettings
from smartstore.domain import demand, supplier_plans
from smartstore.domain.alert_book import AlertBook, AlertDesk, Kind, Situation, cooldown_ms
from smartstore.domain.balance import NEVER, NONE
from smartstore.domain.demand import MILLI, Demand
from smartstore.domain.lots import NO_DATE, Lots
from smartstore.domain.policies import NO_REORDER_POINT, reorder_point, with_changes
from smartstore.domain.shelves import BoolArray, IntArray, Shelves
from smartstore.domain.supplier_calendar import protection_ms
from smartstore.domain.supplier_plans import CANCELLED, ORDERED, PENDING, OrderBook, PlanBook
from smartstore.domain.tick import DAY_MS, Emitted, Moment, Records

NAME = supplier_plans.PLAN_OWNER
KINDS = (Kind(NAME, "supplier_request", "warehouse"), Kind(NAME, "near_expiry", "warehouse"))
SUPPLIER, NEAR_EXPIRY = range(2)


@dataclass(frozen=True)
class State:
    """Alert books by kind, plans, demand, and the policies received."""

    books: tuple[AlertBook, ...] = field(default_factory=lambda: tuple(AlertBook() for _ in KINDS))
    plans: PlanBook = field(default_factory=PlanBook)
    demand: Demand = field(default_factory=Demand)
    policies: Mapping[str, WhPolicy] = field(default_factory=dict)
    set_points: IntArray | None = None
    """What policies set, per shelf, or `NO_REORDER_POINT`; None = to be resolved again."""
    next_due_ms: int = 0


class BackRoom(NamedTuple):
    """What the job sees of a store after a tick; arrays have one element per shelf."""

    shelves: Shelves
    balance: IntArray
    counted: BoolArray
    lots: Lots
    promised: IntArray
    """Units that open restock plans still want."""


class Needs(NamedTuple):
    """What each shelf's SKU needs of the supplier; one element per shelf."""

    units: IntArray
    """In the back room."""
    on_order: IntArray
    reorder_point: IntArray
    low: BoolArray
    """Whether the position is below the reorder point."""
    quantity: IntArray
    """Units to order where the position is below it, in whole batches, as far as they fit."""


def step(
    state: State,
    orders: OrderBook,
    changed_orders: list[int],
    room: BackRoom,
    records: Records,
    profiles_changed: bool,
    moment: Moment,
) -> tuple[State, OrderBook, Emitted]:
    """Apply one tick. `changed_orders`: rows of the orders that changed in it.

    Returns the state, the orders with those called off, and what to emit.
    """
    emitted = Emitted(events_in=len(records.receipts) + len(changed_orders))
    shelves = room.shelves
    size = len(shelves)
    sold = demand.follow(state.demand, records.receipts, shelves, moment)
    state = replace(
        state,
        demand=sold,
        books=tuple(book.sized(size) for book in state.books),
        plans=state.plans.sized(size),
    )
    policies = with_changes(state.policies, records.config, "wh_policy")
    if state.set_points is None or profiles_changed or policies is not state.policies:
        points = reorder_point(policies, shelves, moment.store_id)
        state = replace(state, policies=policies, set_points=points)
    rows = {row for row in changed_orders if not orders.called_off[row]}
    orders = orders.copy()
    _mark_ordered(state.plans, orders, rows, moment)
    changed = _obey(state.plans, orders, rows, records, shelves, moment, emitted)
    if not moment.open:
        changed |= _give_up(state.plans, orders, rows, moment)
    for row in sorted(rows):
        emitted.emit(topics.WH_SUPPLIER_PLAN, supplier_plans.ordered_record(orders, row, shelves, moment))
    cancelled = {shelf for shelf in changed if state.plans.status[shelf] == CANCELLED}
    _emit_pending(state.plans, cancelled, room, moment, emitted)
    needs = _needs(state, orders, room, moment)
    _alert(state, needs, room, records, moment, emitted)
    pending = changed.difference(cancelled) | _plan(state.plans, needs, moment)
    _emit_pending(state.plans, pending, room, moment, emitted)
    due = (*(book.next_due(moment) for book in state.books), _cooled(state.plans, moment))
    return replace(state, next_due_ms=min(due)), orders, emitted


def level(milli: IntArray, planning: PlanningSettings) -> IntArray:
    """Order-up-to level in units, per shelf, for a demand in thousandths of a unit a day.

    Expected demand x over the protection interval plus a safety stock of z·√x, rounded up (base-stock policy with
    periodic review and Poisson demand: Silver, Pyke, Thomas, Inventory and Production Management, 4th ed., ch. 6).
    """
    expected = milli * protection_ms(planning) / (MILLI * DAY_MS)
    up_to: IntArray = np.ceil(expected + planning.safety_factor * np.sqrt(expected)).astype(np.int64)
    return up_to


def _emit_pending(
    plans: PlanBook, changed: set[int], room: BackRoom, moment: Moment, emitted: Emitted
) -> None:
    for plan in supplier_plans.pending_records(plans, changed, room.shelves, moment):
        emitted.emit(topics.WH_SUPPLIER_PLAN, plan)


def _mark_ordered(plans: PlanBook, orders: OrderBook, rows: set[int], moment: Moment) -> None:
    for row in rows:
        if orders.ordered_ms[row] == moment.tick_ms:
            shelf = int(orders.shelf[row])
            plans.status[shelf], plans.closed_ms[shelf] = ORDERED, moment.tick_ms


def _obey(
    plans: PlanBook,
    orders: OrderBook,
    rows: set[int],
    records: Records,
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> set[int]:
    """Approve or cancel; returns the shelves whose pending plan changed, and adds the rows of orders called off."""
    commands = [one for one in records.commands if one.command != "acknowledge"]
    if not commands:
        return set()
    pending = {
        supplier_plans.plan_id(moment.store_id, shelves.ids[shelf], int(plans.number[shelf]) - 1): shelf
        for shelf in np.flatnonzero(plans.status == PENDING).tolist()
    }
    changed = set()
    for command in commands:
        shelf = pending.get(command.plan_id or "")
        if shelf is None or plans.status[shelf] != PENDING:
            row = _meant_order(orders, command, shelves, moment)
            if row is not None:
                _call_off(plans, orders, row, moment)
                rows.add(row)
                emitted.obeyed.add(command.event_id)
            continue
        if command.command == "approve":
            plans.approved_ms[shelf] = moment.tick_ms
        else:
            plans.status[shelf], plans.closed_ms[shelf] = CANCELLED, moment.tick_ms
        emitted.obeyed.add(command.event_id)
        changed.add(shelf)
    return changed


def _give_up(plans: PlanBook, orders: OrderBook, rows: set[int], moment: Moment) -> set[int]:
    """A closed store orders nothing; as by `cancel` of all that can be cancelled."""
    pending = np.flatnonzero(plans.status == PENDING)
    plans.status[pending], plans.closed_ms[pending] = CANCELLED, moment.tick_ms
    for row in np.flatnonzero(~orders.is_closed & (orders.sent == 0)).tolist():
        _call_off(plans, orders, row, moment)
        rows.add(row)
    return set(pending.tolist())


def _meant_order(orders: OrderBook, command: Command, shelves: Shelves, moment: Moment) -> int | None:
    """The order whose plan a command cancels, if its goods have not been delivered yet."""
    if command.command != "cancel":
        return None
    for row in np.flatnonzero(~orders.is_closed & (orders.sent == 0)).tolist():
        shelf_id = shelves.ids[int(orders.shelf[row])]
        if supplier_plans.plan_id(moment.store_id, shelf_id, int(orders.number[row])) == command.plan_id:
            return int(row)
    return None


def _call_off(plans: PlanBook, orders: OrderBook, row: int, moment: Moment) -> None:
    orders.called_off[row] = 1
    shelf = orders.shelf[row]
    if plans.status[shelf] != PENDING:
        plans.status[shelf], plans.closed_ms[shelf] = CANCELLED, moment.tick_ms


def levels(state: State, shelves: Shelves, moment: Moment) -> tuple[IntArray, IntArray]:
    """Per shelf the reorder point and the order-up-to level, in units: a policy's point, else what demand asks for."""
    set_points = state.set_points
    if set_points is None:
        set_points = reorder_point(state.policies, shelves, moment.store_id)
    planning = moment.planning
    computed = level(state.demand.estimate(shelves, planning.opening_demand_pct), planning)
    point = np.where(set_points == NO_REORDER_POINT, computed, set_points)
    return point, np.maximum(point, computed)


def _needs(state: State, orders: OrderBook, room: BackRoom, moment: Moment) -> Needs:
    shelves = room.shelves
    units, on_order = np.maximum(room.balance, 0), orders.units_on_order(len(shelves))
    point, up_to = levels(state, shelves, moment)
    position = units + on_order - room.promised
    short = position < point
    batches = np.minimum(-(-(up_to - position) // shelves.batch_size), MOST_UNITS // shelves.batch_size)
    limited = shelves.warehouse_capacity > 0
    room_left = np.maximum(shelves.warehouse_capacity - units - on_order, 0) // shelves.batch_size
    batches = np.where(limited, np.minimum(batches, room_left), batches)
    quantity = np.where(short, np.maximum(batches, 0) * shelves.batch_size, 0)
    return Needs(units, on_order, point, room.counted & short & moment.open, quantity)


def _alert(
    state: State, needs: Needs, room: BackRoom, records: Records, moment: Moment, emitted: Emitted
) -> None:
    shelves = room.shelves
    earliest = room.lots.earliest_expiry(len(shelves), moment.today)
    soon = earliest - moment.today <= moment.planning.wh_near_expiry_days
    holds = (needs.low, room.counted & (earliest != NO_DATE) & soon & moment.open)

    def situation(kind: int, shelf: int) -> Situation:
        return Situation(
            units=int(needs.units[shelf]),
            capacity=int(shelves.warehouse_capacity[shelf]),
            threshold_pct=0.0,
            min_qty=int(needs.reorder_point[shelf]),
            suggested_qty=int(needs.quantity[shelf]) if kind == SUPPLIER else 0,
            expiry=int(earliest[shelf]) if kind == NEAR_EXPIRY else NO_DATE,
        )

    desks = [
        AlertDesk(KINDS[kind], book, shelves, partial(situation, kind), moment, emitted)
        for kind, book in enumerate(state.books)
    ]
    for command in records.commands:
        if command.command == "acknowledge" and any(desk.acknowledge(command) for desk in desks):
            emitted.obeyed.add(command.event_id)
    for desk, condition in zip(desks, holds, strict=True):
        desk.evaluate(np.arange(len(shelves)), condition)


def _plan(plans: PlanBook, needs: Needs, moment: Moment) -> set[int]:
    """A plan for every low SKU without a pending one; a pending one grows with the need until it is approved.

    After a cancellation there is no new plan before the cooldown is over.
    """
    pending = plans.status == PENDING
    cooled = (plans.status != CANCELLED) | (moment.tick_ms >= plans.closed_ms + cooldown_ms(moment.planning))
    made = np.flatnonzero(needs.low & ~pending & cooled & (needs.quantity > 0))
    plans.status[made] = PENDING
    plans.number[made] += 1
    plans.suggested[made], plans.stock[made] = needs.quantity[made], needs.units[made]
    plans.on_order[made], plans.reorder_point[made] = needs.on_order[made], needs.reorder_point[made]
    plans.created_ms[made] = moment.tick_ms
    plans.approved_ms[made] = plans.closed_ms[made] = NONE
    more = np.flatnonzero(pending & (plans.approved_ms == NONE) & (needs.quantity > plans.suggested))
    plans.suggested[more] = needs.quantity[more]
    return {*made.tolist(), *more.tolist()}


def _cooled(plans: PlanBook, moment: Moment) -> int:
    """When the cooldown after a cancellation ends next (epoch ms), or `NEVER`."""
    ends = plans.closed_ms[plans.status == CANCELLED] + cooldown_ms(moment.planning)
    coming = ends[ends > moment.tick_ms]
    return int(coming.min()) if len(coming) else NEVER
