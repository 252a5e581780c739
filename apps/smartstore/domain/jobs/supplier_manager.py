"""supplier-manager: supplier plans → orders at the cut-offs, deliveries and receipts.

Rules: docs/stock-rules.md, Supplier orders. It runs before the `wh-alert-engine` and sees the plans as the last tick
left them. Deliveries are stated only where jobs stand in for people (`execution: Assumed`); receipts follow from what
arrived, whoever reported it.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import WarehouseEvent
from smartstore.contracts.limits import days_after
from smartstore.contracts.outputs import SupplierOrder, SupplierReceipt
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.domain.balance import NEVER, NONE
from smartstore.domain.shelves import ENDLESS, Shelves
from smartstore.domain.supplier_calendar import HOUR_MS, due_delivery, next_cutoff
from smartstore.domain.supplier_plans import (
    ORDER_OWNER,
    PENDING,
    OrderBook,
    PlanBook,
    order_id,
    plan_id,
)
from smartstore.domain.tick import Emitted, Moment, Records

NAME = ORDER_OWNER


@dataclass(frozen=True)
class State:
    """The open orders, and the next cut-off (epoch ms, `NONE` before the store's first tick)."""

    orders: OrderBook = field(default_factory=OrderBook)
    cutoff_ms: int = NONE


def step(
    state: State, plans: PlanBook, records: Records, shelves: Shelves, moment: Moment
) -> tuple[State, Emitted, list[int]]:
    """Apply one tick; returns the state with the orders that ended in it, and the rows of orders that changed."""
    emitted = Emitted()
    orders = state.orders.copy()
    changed = _received(orders, records, shelves, moment, emitted)
    changed |= set(np.flatnonzero(orders.called_off).tolist())
    cutoff_ms = state.cutoff_ms if state.cutoff_ms != NONE else next_cutoff(moment.tick_ms, moment.planning)
    orders, cutoff_ms, placed = _placed(orders, plans, cutoff_ms, moment)
    if moment.planning.execution == "Assumed":
        _deliver(orders, shelves, moment, emitted)
    rows = sorted(changed | placed)
    for row in rows:
        emitted.emit(topics.SUPPLIER_ORDERS, _order(orders, row, shelves, moment))
    emitted.events_in += len(placed)
    return State(orders, cutoff_ms), emitted, rows


def after(state: State, orders: OrderBook) -> State:
    """The state after a tick: without the orders that ended in `step`; the rest as the plans' owner left them."""
    return replace(state, orders=orders.take(np.flatnonzero(~state.orders.is_closed)))


def next_due(state: State, plans: PlanBook, moment: Moment) -> int:
    """When there is something to do next (epoch ms): a cut-off, a delivery, an approved plan, an order called off."""
    orders = state.orders
    if orders.called_off.any() or ((plans.status == PENDING) & (plans.approved_ms != NONE)).any():
        return moment.tick_ms + 1
    waiting = orders.due_ms[orders.sent == 0]
    due = int(waiting.min()) if len(waiting) and moment.planning.execution == "Assumed" else NEVER
    pending = bool((plans.status == PENDING).any())
    return min(due, state.cutoff_ms if pending else NEVER)


def _received(
    orders: OrderBook, records: Records, shelves: Shelves, moment: Moment, emitted: Emitted
) -> set[int]:
    """Goods that arrived for an order: one receipt each; returns the rows of the orders concerned."""
    known = (records.warehouse.shelf >= 0).tolist()
    arrived = [
        event
        for event, is_known in zip(records.warehouse.records, known, strict=True)
        if is_known and event.event_type == "wh_in" and event.plan_id is not None
    ]
    rows = _rows_by_id(orders, shelves, moment.store_id) if arrived else {}
    changed = set()
    for event in arrived:
        emitted.events_in += 1
        emitted.emit(topics.SUPPLIER_RECEIPTS, _receipt(event, moment))
        row = rows.get(event.plan_id or "")
        if row is not None and shelves.ids[int(orders.shelf[row])] == event.shelf_id:
            orders.delivered[row] += event.quantity
            changed.add(row)
    return changed


def _rows_by_id(orders: OrderBook, shelves: Shelves, store_id: str) -> dict[str, int]:
    keys = zip(orders.shelf.tolist(), orders.number.tolist(), strict=True)
    return {
        order_id(plan_id(store_id, shelves.ids[shelf], number)): row
        for row, (shelf, number) in enumerate(keys)
    }


def _placed(
    orders: OrderBook, plans: PlanBook, cutoff_ms: int, moment: Moment
) -> tuple[OrderBook, int, set[int]]:
    """At a cut-off all pending plans are ordered, before it those approved.

    Returns the orders, the next cut-off, and the new rows. Cut-offs that passed without a tick count as one.
    """
    pending = plans.status == PENDING
    if moment.tick_ms >= cutoff_ms:
        coming = next_cutoff(moment.tick_ms, moment.planning)
        while (later := next_cutoff(cutoff_ms, moment.planning)) < coming:
            cutoff_ms = later
    else:
        coming = cutoff_ms
        pending &= plans.approved_ms != NONE
    shelves = np.flatnonzero(pending)
    if not len(shelves):
        return orders, coming, set()
    first = len(orders)
    due_ms = due_delivery(cutoff_ms, moment.tick_ms, moment.planning)
    orders = orders.with_orders(plans, shelves, moment.tick_ms, due_ms)
    return orders, coming, set(range(first, len(orders)))


def _deliver(orders: OrderBook, shelves: Shelves, moment: Moment, emitted: Emitted) -> None:
    """State the arrival of what is missing of every order that is due, once: one lot each, as fresh as promised."""
    waiting = (orders.sent == 0) & (orders.called_off == 0) & (orders.delivered < orders.quantity)
    due = waiting & (orders.due_ms <= moment.tick_ms)
    today = from_epoch_ms(moment.tick_ms).date()
    for row in np.flatnonzero(due).tolist():
        orders.sent[row] = 1
        shelf, number = int(orders.shelf[row]), int(orders.number[row])
        order = order_id(plan_id(moment.store_id, shelves.ids[shelf], number))
        keeps = int(shelves.life_days[shelf])
        emitted.fact(
            topics.WH_EVENTS,
            WarehouseEvent(
                event_id=derived_id(NAME, order, "wh_in"),
                store_id=moment.store_id,
                timestamp=from_epoch_ms(moment.tick_ms),
                event_type="wh_in",
                shelf_id=shelves.ids[shelf],
                batch_code=f"S{number:07d}",
                quantity=int(orders.quantity[row] - orders.delivered[row]),
                received_date=today,
                expiry_date=None if keeps == ENDLESS else days_after(today, keeps),
                plan_id=order,
                reason="supplier_delivery",
            ),
        )


def _order(orders: OrderBook, row: int, shelves: Shelves, moment: Moment) -> SupplierOrder:
    shelf_id = shelves.ids[int(orders.shelf[row])]
    plan = plan_id(moment.store_id, shelf_id, int(orders.number[row]))
    quantity, delivered = int(orders.quantity[row]), int(orders.delivered[row])
    due_ms, tick = int(orders.due_ms[row]), from_epoch_ms(moment.tick_ms)
    complete = delivered >= quantity
    cancelled = bool(orders.called_off[row]) and not complete
    return SupplierOrder(
        order_id=order_id(plan),
        store_id=moment.store_id,
        shelf_id=shelf_id,
        supplier_plan_id=plan,
        status=_status(complete=complete, cancelled=cancelled, delivered=delivered),
        ordered_qty=quantity,
        delivered_qty=delivered,
        ordered_at=from_epoch_ms(int(orders.ordered_ms[row])),
        cutoff_at=from_epoch_ms(due_ms - moment.planning.order_lead_hours * HOUR_MS),
        due_at=from_epoch_ms(due_ms),
        closed_at=tick if complete or cancelled else None,
        updated_at=tick,
        version=moment.tick_ms,
    )


def _status(
    *, complete: bool, cancelled: bool, delivered: int
) -> Literal["ordered", "partial", "delivered", "cancelled"]:
    if complete:
        return "delivered"
    if cancelled:
        return "cancelled"
    return "partial" if delivered else "ordered"


def _receipt(event: WarehouseEvent, moment: Moment) -> SupplierReceipt:
    return SupplierReceipt(
        receipt_id=derived_id(NAME, event.event_id, "receipt"),
        order_id=event.plan_id or "",
        store_id=moment.store_id,
        shelf_id=event.shelf_id,
        batch_code=event.batch_code or "",
        quantity=event.quantity,
        received_date=event.received_date,
        expiry_date=event.expiry_date,
        received_at=event.timestamp,
        updated_at=from_epoch_ms(moment.tick_ms),
        version=moment.tick_ms,
    )
