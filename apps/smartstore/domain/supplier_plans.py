"""Supplier plans and orders of one store (docs/stock-rules.md, Supplier plans, Supplier orders).

A shelf has at most one pending plan; what was ordered for it before may still be on its way. The `wh-alert-engine` owns
the plans, the `supplier-manager` the orders; each changes only its own columns.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from smartstore.contracts.outputs import WhSupplierPlan
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.domain.balance import NONE
from smartstore.domain.shelves import BoolArray, IntArray, Shelves, grown, no_ints
from smartstore.domain.tick import Moment, moment_or_none

PLAN_OWNER = "wh-alert-engine"
ORDER_OWNER = "supplier-manager"
NO_PLAN, PENDING, ORDERED, CANCELLED = range(4)


@dataclass(frozen=True)
class PlanBook:
    """The pending or last plan of each shelf, one element per shelf; quantities in units, times in epoch ms."""

    status: IntArray = field(default_factory=no_ints)
    number: IntArray = field(default_factory=no_ints)
    """How many plans the shelf has had; the current one's n is one less."""
    suggested: IntArray = field(default_factory=no_ints)
    stock: IntArray = field(default_factory=no_ints)
    """Units in the back room when the plan was made."""
    on_order: IntArray = field(default_factory=no_ints)
    reorder_point: IntArray = field(default_factory=no_ints)
    created_ms: IntArray = field(default_factory=no_ints)
    approved_ms: IntArray = field(default_factory=no_ints)
    closed_ms: IntArray = field(default_factory=no_ints)
    """When it was ordered or cancelled, also after it was ordered."""

    def sized(self, size: int) -> "PlanBook":
        """Arrays of its own for so many shelves, to be changed in place within one step."""
        return PlanBook(
            status=grown(self.status, size, NO_PLAN),
            number=grown(self.number, size, 0),
            suggested=grown(self.suggested, size, 0),
            stock=grown(self.stock, size, 0),
            on_order=grown(self.on_order, size, 0),
            reorder_point=grown(self.reorder_point, size, 0),
            created_ms=grown(self.created_ms, size, NONE),
            approved_ms=grown(self.approved_ms, size, NONE),
            closed_ms=grown(self.closed_ms, size, NONE),
        )


@dataclass(frozen=True)
class OrderBook:
    """The open orders, one element per order, in the order in which they were placed.

    The first columns are those of the plan that was ordered.
    """

    shelf: IntArray = field(default_factory=no_ints)
    number: IntArray = field(default_factory=no_ints)
    """The plan's n."""
    quantity: IntArray = field(default_factory=no_ints)
    stock: IntArray = field(default_factory=no_ints)
    on_order: IntArray = field(default_factory=no_ints)
    reorder_point: IntArray = field(default_factory=no_ints)
    created_ms: IntArray = field(default_factory=no_ints)
    approved_ms: IntArray = field(default_factory=no_ints)
    ordered_ms: IntArray = field(default_factory=no_ints)
    due_ms: IntArray = field(default_factory=no_ints)
    """When the supplier will deliver."""
    delivered: IntArray = field(default_factory=no_ints)
    sent: IntArray = field(default_factory=no_ints)
    """Whether the delivery was stated (1); it arrives with the next tick."""
    called_off: IntArray = field(default_factory=no_ints)
    """Whether its plan was cancelled (1), by the plan's owner."""

    def __len__(self) -> int:
        return len(self.shelf)

    def copy(self) -> "OrderBook":
        """Arrays of its own, to be changed in place within one step."""
        return OrderBook(**{name: column.copy() for name, column in vars(self).items()})

    def take(self, rows: IntArray) -> "OrderBook":
        """Only these rows, in this order."""
        return OrderBook(**{name: column[rows] for name, column in vars(self).items()})

    def with_orders(self, plans: PlanBook, shelves: IntArray, tick_ms: int, due_ms: int) -> "OrderBook":
        """With an order for the pending plan of each of these shelves."""
        size = len(shelves)
        new = {
            "shelf": shelves,
            "number": plans.number[shelves] - 1,
            "quantity": plans.suggested[shelves],
            "stock": plans.stock[shelves],
            "on_order": plans.on_order[shelves],
            "reorder_point": plans.reorder_point[shelves],
            "created_ms": plans.created_ms[shelves],
            "approved_ms": plans.approved_ms[shelves],
            "ordered_ms": np.full(size, tick_ms),
            "due_ms": np.full(size, due_ms),
        }
        none = np.zeros(size, np.int64)
        return OrderBook(
            **{name: np.concatenate([column, new.get(name, none)]) for name, column in vars(self).items()}
        )

    def units_on_order(self, size: int) -> IntArray:
        """Per shelf, of `size` shelves, the units ordered and not delivered."""
        missing = np.where(self.called_off, 0, np.maximum(self.quantity - self.delivered, 0))
        units: IntArray = np.bincount(self.shelf, weights=missing, minlength=size).astype(np.int64)
        return units

    @property
    def is_closed(self) -> BoolArray:
        """Which orders are delivered or called off."""
        closed: BoolArray = (self.delivered >= self.quantity) | (self.called_off == 1)
        return closed


def plan_id(store_id: str, shelf_id: str, number: int) -> str:
    """The id of a shelf's supplier plan number `number` (from 0)."""
    return derived_id(PLAN_OWNER, f"{store_id}/{shelf_id}", "supplier", number)


def order_id(plan: str) -> str:
    """The id of the order placed for a plan."""
    return derived_id(ORDER_OWNER, plan, "order")


def pending_records(
    plans: PlanBook, changed: Iterable[int], shelves: Shelves, moment: Moment
) -> Iterable[WhSupplierPlan]:
    """The public record of each shelf's plan that is pending or was cancelled before it was ordered."""
    for shelf in sorted(changed):
        yield WhSupplierPlan(
            supplier_plan_id=plan_id(moment.store_id, shelves.ids[shelf], int(plans.number[shelf]) - 1),
            store_id=moment.store_id,
            shelf_id=shelves.ids[shelf],
            status="pending" if plans.status[shelf] == PENDING else "cancelled",
            suggested_qty=int(plans.suggested[shelf]),
            delivered_qty=0,
            standard_batch_size=int(shelves.batch_size[shelf]),
            current_stock=int(plans.stock[shelf]),
            on_order=int(plans.on_order[shelf]),
            reorder_point=int(plans.reorder_point[shelf]),
            created_at=from_epoch_ms(int(plans.created_ms[shelf])),
            approved_at=moment_or_none(int(plans.approved_ms[shelf])),
            issued_at=None,
            closed_at=moment_or_none(int(plans.closed_ms[shelf])),
            updated_at=from_epoch_ms(moment.tick_ms),
            version=moment.tick_ms,
        )


def ordered_record(orders: OrderBook, row: int, shelves: Shelves, moment: Moment) -> WhSupplierPlan:
    """The public record of the plan that an order was placed for."""
    shelf = int(orders.shelf[row])
    delivered, tick = int(orders.delivered[row]), from_epoch_ms(moment.tick_ms)
    completed = delivered >= orders.quantity[row]
    cancelled = bool(orders.called_off[row]) and not completed
    return WhSupplierPlan(
        supplier_plan_id=plan_id(moment.store_id, shelves.ids[shelf], int(orders.number[row])),
        store_id=moment.store_id,
        shelf_id=shelves.ids[shelf],
        status="completed" if completed else "cancelled" if cancelled else "issued",
        suggested_qty=int(orders.quantity[row]),
        delivered_qty=delivered,
        standard_batch_size=int(shelves.batch_size[shelf]),
        current_stock=int(orders.stock[row]),
        on_order=int(orders.on_order[row]),
        reorder_point=int(orders.reorder_point[row]),
        created_at=from_epoch_ms(int(orders.created_ms[row])),
        approved_at=moment_or_none(int(orders.approved_ms[row])),
        issued_at=from_epoch_ms(int(orders.ordered_ms[row])),
        closed_at=tick if completed or cancelled else None,
        updated_at=tick,
        version=moment.tick_ms,
    )
