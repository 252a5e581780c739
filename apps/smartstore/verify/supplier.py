"""Supplier plans, orders, deliveries and alerts of the back room of one store, recomputed (docs/stock-rules.md)."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from smartstore.contracts.events import Command, PosTransaction, WarehouseEvent, WhPolicy
from smartstore.contracts.fields import MOST_UNITS
from smartstore.contracts.limits import days_after
from smartstore.contracts.outputs import AlertType, SupplierOrder, SupplierReceipt, WhSupplierPlan
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.verify.alert_life import AlertLife, Key, Situation
from smartstore.verify.back_room import BackRoomBook
from smartstore.verify.histories import ExpectedKeys, RecordHistory
from smartstore.verify.lots import LotBook
from smartstore.verify.policies import reorder_point_for
from smartstore.verify.restock import RestockBook
from smartstore.verify.stock import ShelfBook

OWNER, MANAGER = "wh-alert-engine", "supplier-manager"
TYPES: tuple[AlertType, ...] = ("supplier_request", "near_expiry")
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


@dataclass(slots=True, eq=False)
class Plan:
    """One supplier plan, and its order once it is placed."""

    plan_id: str
    shelf_id: str
    number: int
    history: RecordHistory[WhSupplierPlan]
    suggested: int
    stock: int
    on_order: int
    reorder_point: int
    created: int
    status: Literal["pending", "issued", "completed", "cancelled"] = "pending"
    approved: int | None = None
    issued: int | None = None
    closed: int | None = None
    due: int = 0
    delivered: int = 0
    sent: bool = False


class Calendar:
    """When the supplier comes."""

    def __init__(self, planning: PlanningSettings) -> None:
        self._weekdays, self._hour = planning.delivery_weekdays, planning.delivery_hour
        self.lead = planning.order_lead_hours * HOUR_MS

    def delivery_after(self, moment: int) -> int:
        """The first delivery after a moment (epoch ms)."""
        for day in range(moment // DAY_MS, moment // DAY_MS + 9):
            at = day * DAY_MS + self._hour * HOUR_MS
            if at > moment and from_epoch_ms(at).weekday() in self._weekdays:
                return at
        raise AssertionError("there is a delivery every week")

    def cutoff_after(self, moment: int) -> int:
        """The first cut-off after a moment (epoch ms)."""
        return self.delivery_after(moment + self.lead) - self.lead

    def protection(self) -> int:
        """The longest time from a cut-off to the delivery after its own, in ms."""
        at, gaps = self.delivery_after(0), []
        for _ in range(8):
            following = self.delivery_after(at)
            gaps.append(following - at)
            at = following
        return max(gaps) + self.lead


class SupplierBook:
    """The back room's plans and alerts of one store."""

    def __init__(
        self,
        shelves: ShelfBook,
        rooms: BackRoomBook,
        lots: LotBook,
        restock: RestockBook,
        planning: PlanningSettings,
        expected: "SupplierExpectations",
    ) -> None:
        """`lots`: of the back room."""
        self._shelves, self._rooms, self._lots, self._restock = shelves, rooms, lots, restock
        self._planning, self._expected = planning, expected
        cooldown_ms = planning.cooldown_minutes * MINUTE_MS
        self._life = AlertLife(OWNER, "warehouse", shelves.store_id, cooldown_ms, expected.alerts)
        self._calendar = Calendar(planning)
        self._protection = self._calendar.protection()
        self._cutoff: int | None = None
        self._last: dict[str, Plan] = {}
        """The last plan of each shelf."""
        self._orders: dict[str, Plan] = {}
        """Open orders by order id."""
        self._histories: dict[str, RecordHistory[SupplierOrder]] = {}
        """Of orders, by order id."""
        self._called_off: list[Plan] = []
        self._milli: dict[str, int] = {}
        self._sold: dict[str, int] = {}
        self._day = -1
        self._whole = False
        self._policies: dict[str, WhPolicy] = {}
        self._set_points: dict[str, int | None] = {}
        """The reorder point that policies set for a shelf, as far as it was asked for."""
        self._stale: set[str] = set()
        self._is_open = True
        self._resting: dict[str, int] = {}
        """When a shelf's plan or order was cancelled, as long as no plan followed (epoch ms)."""
        self._changed: dict[str, Plan] = {}
        """Plans that changed in this tick, by id."""

    def apply_profile(self, shelf_id: str) -> None:
        """The profile of a shelf changed."""
        self._set_points.pop(shelf_id, None)
        self._stale.add(shelf_id)

    def apply_policy(self, policy: WhPolicy, *, delete: bool) -> None:
        """A policy of the back room was written or deleted."""
        if delete:
            self._policies.pop(policy.policy_id, None)
        else:
            self._policies[policy.policy_id] = policy
        self._set_points.clear()
        self._stale |= set(self._rooms.rooms)

    def apply_status(self, *, is_open: bool) -> None:
        """The store opens or closes."""
        self._is_open = is_open
        self._stale |= set(self._rooms.rooms)

    def asking(self) -> frozenset[str]:
        """Shelves whose supplier request is open or acknowledged."""
        return self._life.active("supplier_request")

    def on_order(self, shelf_id: str) -> int:
        """Units ordered and not delivered."""
        return sum(
            max(plan.suggested - plan.delivered, 0)
            for plan in self._orders.values()
            if plan.shelf_id == shelf_id and plan.status == "issued"
        )

    def reorder_point(self, shelf_id: str) -> int:
        """The position below which goods are ordered: what a policy says, else what demand asks for."""
        set_point = self._set_point(shelf_id)
        return self._level(shelf_id) if set_point is None else set_point

    def _level(self, shelf_id: str) -> int:
        """Units that expected demand and safety stock ask for."""
        expected = self._demand(shelf_id) * self._protection / (1000 * DAY_MS)
        return math.ceil(expected + self._planning.safety_factor * math.sqrt(expected))

    def planned_on(self, shelf_id: str, day: date) -> int:
        """Units of the shelf's last plan, if it was made on that day."""
        last = self._last.get(shelf_id)
        return last.suggested if last is not None and from_epoch_ms(last.created).date() == day else 0

    def deliveries(self, tick: int, events: Iterable[WarehouseEvent]) -> Iterator[WarehouseEvent]:
        """First half of a tick: what came, what is ordered; yields the deliveries that are stated."""
        touched = {plan.plan_id: plan for plan in self._called_off}
        self._called_off = []
        for event in events:
            if event.event_type == "wh_in" and event.plan_id is not None:
                self._receive(tick, event, touched)
        self._order(tick, touched)
        if self._planning.execution == "Assumed":
            for plan in sorted(self._orders.values(), key=lambda plan: plan.shelf_id):
                is_missing = plan.delivered < plan.suggested
                if plan.due <= tick and not plan.sent and plan.status == "issued" and is_missing:
                    plan.sent = True
                    yield self._delivery(tick, plan)
        for plan in touched.values():
            self._end(tick, plan)

    def close(
        self,
        tick: int,
        receipts: Iterable[PosTransaction],
        commands: list[Command],
        changed: set[str],
    ) -> list[Command]:
        """Second half: alerts and plans, after the stock of the tick is known. Returns the commands not carried out."""
        new_day = self._follow_demand(tick, receipts)
        rest = [command for command in commands if not self._obey(tick, command)]
        if not self._is_open:
            self._give_up(tick)
        rooms = self._rooms.rooms
        concerned: Iterable[str] = changed | self._stale | set(self._resting) | self._life.cooled(tick)
        for shelf_id in list(rooms) if new_day else concerned:
            room = rooms.get(shelf_id)
            if room is not None and room.opened:
                for alert_type in TYPES:
                    key = (shelf_id, alert_type)
                    self._life.evaluate(tick, key, self._situation(tick, key))
                self._plan(tick, shelf_id)
        self._stale.clear()
        for plan in self._changed.values():
            plan.history.add(self._record(tick, plan))
        self._changed.clear()
        return rest

    def _receive(self, tick: int, event: WarehouseEvent, touched: dict[str, Plan]) -> None:
        receipt = SupplierReceipt(
            receipt_id=derived_id(MANAGER, event.event_id, "receipt"),
            order_id=event.plan_id or "",
            store_id=event.store_id,
            shelf_id=event.shelf_id,
            batch_code=event.batch_code or "",
            quantity=event.quantity,
            received_date=event.received_date,
            expiry_date=event.expiry_date,
            received_at=event.timestamp,
            updated_at=from_epoch_ms(tick),
            version=tick,
        )
        history: RecordHistory[SupplierReceipt] = RecordHistory(len(self._expected.receipts))
        history.add(receipt)
        self._expected.receipts.add((event.store_id, receipt.receipt_id), history)
        plan = self._orders.get(event.plan_id or "")
        if plan is not None and plan.shelf_id == event.shelf_id:
            plan.delivered += event.quantity
            touched[plan.plan_id] = plan

    def _order(self, tick: int, touched: dict[str, Plan]) -> None:
        if self._cutoff is None:
            self._cutoff = self._calendar.cutoff_after(tick)
        cutoff, at_cutoff = self._cutoff, tick >= self._cutoff
        if at_cutoff:
            self._cutoff = self._calendar.cutoff_after(tick)
            while self._calendar.cutoff_after(cutoff) <= tick:
                cutoff = self._calendar.cutoff_after(cutoff)
        due = cutoff + self._calendar.lead
        if due <= tick:
            due = self._calendar.delivery_after(tick)
        for plan in self._last.values():
            if plan.status == "pending" and (at_cutoff or plan.approved is not None):
                plan.status, plan.issued, plan.due = "issued", tick, due
                order = derived_id(MANAGER, plan.plan_id, "order")
                self._histories[order] = RecordHistory(len(self._expected.orders))
                self._expected.orders.add((self._shelves.store_id, order), self._histories[order])
                self._orders[order] = plan
                touched[plan.plan_id] = plan
                self._stale.add(plan.shelf_id)

    def _end(self, tick: int, plan: Plan) -> None:
        """Write down what became of an order in this tick."""
        order = derived_id(MANAGER, plan.plan_id, "order")
        was_cancelled = plan.status == "cancelled"
        complete = plan.delivered >= plan.suggested
        if complete or was_cancelled:
            self._orders.pop(order, None)
        status: Literal["ordered", "partial", "delivered", "cancelled"]
        status = "partial" if plan.delivered else "ordered"
        if complete or was_cancelled:
            status = "delivered" if complete else "cancelled"
        moment = from_epoch_ms(tick)
        self._histories[order].add(
            SupplierOrder(
                order_id=order,
                store_id=self._shelves.store_id,
                shelf_id=plan.shelf_id,
                supplier_plan_id=plan.plan_id,
                status=status,
                ordered_qty=plan.suggested,
                delivered_qty=plan.delivered,
                ordered_at=from_epoch_ms(plan.issued or 0),
                cutoff_at=from_epoch_ms(plan.due - self._calendar.lead),
                due_at=from_epoch_ms(plan.due),
                closed_at=moment if complete or was_cancelled else None,
                updated_at=moment,
                version=tick,
            )
        )
        self._stale.add(plan.shelf_id)
        if not was_cancelled:
            if complete:
                plan.status, plan.closed = "completed", tick
            self._changed[plan.plan_id] = plan

    def _delivery(self, tick: int, plan: Plan) -> WarehouseEvent:
        today = from_epoch_ms(tick).date()
        keeps = self._shelves.profiles[plan.shelf_id].shelf_life_days
        order = derived_id(MANAGER, plan.plan_id, "order")
        return WarehouseEvent(
            event_id=derived_id(MANAGER, order, "wh_in"),
            store_id=self._shelves.store_id,
            timestamp=from_epoch_ms(tick),
            event_type="wh_in",
            shelf_id=plan.shelf_id,
            batch_code=f"S{plan.number:07d}",
            quantity=plan.suggested - plan.delivered,
            received_date=today,
            expiry_date=None if keeps is None else days_after(today, keeps),
            plan_id=order,
            reason="supplier_delivery",
        )

    def _follow_demand(self, tick: int, receipts: Iterable[PosTransaction]) -> bool:
        """Count sales; whether a day began."""
        today, profiles = tick // DAY_MS, self._shelves.profiles
        new_day = today != self._day
        if new_day:
            if self._whole:
                for shelf_id in profiles:
                    milli = self._smoothed(self._demand(shelf_id), self._sold.get(shelf_id, 0))
                    for _ in range(self._day + 1, today):
                        milli = self._smoothed(milli, 0)
                    self._milli[shelf_id] = milli
            self._whole, self._day = self._day >= 0, today
            self._sold.clear()
        for receipt in receipts:
            for item in receipt.items:
                if item.shelf_id in profiles:
                    self._sold[item.shelf_id] = self._sold.get(item.shelf_id, 0) + item.quantity
        return new_day

    def _smoothed(self, milli: int, sold: int) -> int:
        return milli + (sold * 1000 - milli) * self._planning.demand_smoothing_pct // 100

    def _demand(self, shelf_id: str) -> int:
        known = self._milli.get(shelf_id)
        if known is not None:
            return known
        capacity = self._shelves.profiles[shelf_id].capacity
        return int(capacity * (self._planning.opening_demand_pct * 1000 / 100))

    def _obey(self, tick: int, command: Command) -> bool:
        if command.command == "acknowledge":
            return self._life.acknowledge(tick, command, lambda key: self._situation(tick, key))
        plan = next((one for one in self._last.values() if one.plan_id == command.plan_id), None)
        if plan is None or plan.status != "pending":
            return command.command == "cancel" and self._call_off(tick, command)
        if command.command == "approve":
            plan.approved = tick
            self._changed[plan.plan_id] = plan
            self._stale.add(plan.shelf_id)
        else:
            self._cancel(tick, plan)
        return True

    def _cancel(self, tick: int, plan: Plan) -> None:
        """A pending plan, or one that was ordered and whose goods are not stated."""
        if plan.status == "issued":
            self._called_off.append(plan)
        plan.status, plan.closed = "cancelled", tick
        self._changed[plan.plan_id] = plan
        self._stale.add(plan.shelf_id)
        if self._last[plan.shelf_id].status != "pending":
            self._resting[plan.shelf_id] = tick

    def _give_up(self, tick: int) -> None:
        """A closed store orders nothing."""
        for plan in [*self._last.values(), *self._orders.values()]:
            if plan.status == "pending" or (plan.status == "issued" and not plan.sent):
                self._cancel(tick, plan)

    def _call_off(self, tick: int, command: Command) -> bool:
        for plan in self._orders.values():
            if plan.plan_id == command.plan_id and plan.status == "issued" and not plan.sent:
                self._cancel(tick, plan)
                return True
        return False

    def _needed(self, shelf_id: str) -> tuple[int, int, int, bool, int]:
        """Units there, units on order, reorder point, whether the position is below it, units to order."""
        profile = self._shelves.profiles[shelf_id]
        units = max(self._rooms.rooms[shelf_id].balance, 0)
        on_order, level = self.on_order(shelf_id), self._level(shelf_id)
        point = self.reorder_point(shelf_id)
        position = units + on_order - self._restock.promised(shelf_id)
        if position >= point:
            return units, on_order, point, False, 0
        size = profile.standard_batch_size
        batches = min(math.ceil((max(level, point) - position) / size), MOST_UNITS // size)
        if profile.warehouse_capacity:
            batches = min(batches, max(profile.warehouse_capacity - units - on_order, 0) // size)
        return units, on_order, point, self._is_open, max(batches, 0) * size

    def _set_point(self, shelf_id: str) -> int | None:
        if shelf_id not in self._set_points:
            profile, policies = self._shelves.profiles[shelf_id], self._policies.values()
            self._set_points[shelf_id] = reorder_point_for(self._shelves.store_id, profile, policies)
        return self._set_points[shelf_id]

    def _situation(self, tick: int, key: Key) -> Situation:
        shelf_id, alert_type = key
        profile = self._shelves.profiles[shelf_id]
        units, _, point, low, quantity = self._needed(shelf_id)
        capacity = profile.warehouse_capacity
        if alert_type == "supplier_request":
            return Situation(low, profile, units, capacity, 0.0, point, quantity, None)
        today = from_epoch_ms(tick).date()
        earliest = self._lots.earliest_expiry(shelf_id, today)
        near = (
            self._is_open
            and earliest is not None
            and (earliest - today).days <= self._planning.wh_near_expiry_days
        )
        return Situation(near, profile, units, capacity, 0.0, point, 0, earliest)

    def _plan(self, tick: int, shelf_id: str) -> None:
        units, on_order, point, low, quantity = self._needed(shelf_id)
        last = self._last.get(shelf_id)
        if last is not None and last.status == "pending":
            if last.approved is None and quantity > last.suggested:
                last.suggested = quantity
                self._changed[last.plan_id] = last
            return
        cooldown = self._planning.cooldown_minutes * MINUTE_MS
        rests = shelf_id in self._resting and tick < self._resting[shelf_id] + cooldown
        if not low or not quantity or rests:
            return
        self._resting.pop(shelf_id, None)
        number = last.number + 1 if last else 0
        store = self._shelves.store_id
        plan_id = derived_id(OWNER, f"{store}/{shelf_id}", "supplier", number)
        history: RecordHistory[WhSupplierPlan] = RecordHistory(len(self._expected.plans))
        self._expected.plans.add((store, plan_id), history)
        plan = Plan(plan_id, shelf_id, number, history, quantity, units, on_order, point, tick)
        self._last[shelf_id] = plan
        self._changed[plan_id] = plan

    def _record(self, tick: int, plan: Plan) -> WhSupplierPlan:
        return WhSupplierPlan(
            supplier_plan_id=plan.plan_id,
            store_id=self._shelves.store_id,
            shelf_id=plan.shelf_id,
            status=plan.status,
            suggested_qty=plan.suggested,
            delivered_qty=plan.delivered,
            standard_batch_size=self._shelves.profiles[plan.shelf_id].standard_batch_size,
            current_stock=plan.stock,
            on_order=plan.on_order,
            reorder_point=plan.reorder_point,
            created_at=from_epoch_ms(plan.created),
            approved_at=None if plan.approved is None else from_epoch_ms(plan.approved),
            issued_at=None if plan.issued is None else from_epoch_ms(plan.issued),
            closed_at=None if plan.closed is None else from_epoch_ms(plan.closed),
            updated_at=from_epoch_ms(tick),
            version=tick,
        )


@dataclass
class SupplierExpectations:
    """What must be published about a back room."""

    alerts: ExpectedKeys
    plans: ExpectedKeys = field(default_factory=ExpectedKeys)
    orders: ExpectedKeys = field(default_factory=ExpectedKeys)
    receipts: ExpectedKeys = field(default_factory=ExpectedKeys)
