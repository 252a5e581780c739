"""Restock plans of one store and the facts that follow from them, recomputed (docs/stock-rules.md)."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from smartstore.contracts.events import Command, LotQuantity, ShelfEvent, WarehouseEvent
from smartstore.contracts.limits import portions
from smartstore.contracts.outputs import ShelfRestockPlan
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.verify.histories import ExpectedKeys, RecordHistory
from smartstore.verify.lots import Lot, LotBook
from smartstore.verify.stock import ShelfBook
from smartstore.verify.ticks import milliseconds

OWNER, MANAGER, BRIDGE = "shelf-alert-engine", "shelf-restock-manager", "shelf-refill-bridge"
MINUTE_MS = 60_000
OPEN = ("pending", "issued", "partial", "backordered")


@dataclass(slots=True, eq=False)
class Plan:
    """The last plan of one shelf."""

    plan_id: str
    shelf_id: str
    history: RecordHistory[ShelfRestockPlan]
    suggested: int
    stock: int
    created: int
    status: str = "pending"
    issued: int = 0
    delivered: int = 0
    approved: int | None = None
    closed: int | None = None
    short: bool = False


class RestockBook:
    """All plans of one store."""

    def __init__(
        self, shelves: ShelfBook, lots: LotBook, planning: PlanningSettings, expected: ExpectedKeys
    ) -> None:
        """`lots`: of the back room."""
        self._shelves, self._lots, self._planning, self._expected = shelves, lots, planning, expected
        self._plans: dict[str, Plan] = {}
        self._numbers: dict[str, int] = {}
        self._open: dict[str, Plan] = {}
        """By plan id."""
        self.changed: set[str] = set()
        """Shelves whose plan changed in the last tick."""

    def close(
        self,
        tick: int,
        events: list[WarehouseEvent],
        refills: list[ShelfEvent],
        commands: Iterable[Command],
        low: Iterable[str],
        *,
        is_open: bool = True,
    ) -> list[Command]:
        """Follow and make plans; `low` are shelves that ask for a refill. Returns the commands that are refused.

        When the store is closed nothing more is taken for any plan.
        """
        changed = self._follow(events, refills)
        refused = []
        for command in commands:
            plan = self._open.get(command.plan_id or "")
            if plan is None:
                refused.append(command)
            else:
                self._obey(tick, plan, command)
                changed[plan.plan_id] = plan
        if not is_open:
            for plan in self._open.values():
                if plan.issued < plan.suggested:
                    self._cancel(plan)
                    changed[plan.plan_id] = plan
        for plan in changed.values():
            self._advance(tick, plan)
        for shelf_id in sorted(low):
            made = self._make(tick, shelf_id)
            if made is not None:
                changed[made.plan_id] = made
        for plan in changed.values():
            plan.history.add(self._record(tick, plan))
        self.changed = {plan.shelf_id for plan in changed.values()}
        return refused

    def promised(self, shelf_id: str) -> int:
        """Units that the shelf's open plan still wants of the back room."""
        plan = self._plans.get(shelf_id)
        return plan.suggested - plan.issued if plan is not None and plan.status in OPEN else 0

    def _follow(self, events: list[WarehouseEvent], refills: list[ShelfEvent]) -> dict[str, Plan]:
        changed: dict[str, Plan] = {}
        for event in events:
            plan = self._open.get(event.plan_id or "")
            if plan is not None and plan.shelf_id == event.shelf_id:
                plan.issued += event.quantity if event.event_type == "wh_out" else 0
                plan.short |= event.event_type == "shortage"
                changed[plan.plan_id] = plan
        for refill in refills:
            plan = self._open.get(refill.plan_id or "")
            if plan is not None and plan.shelf_id == refill.shelf_id:
                plan.delivered += refill.quantity or 0
                changed[plan.plan_id] = plan
        return changed

    def taken(self, tick: int) -> Iterator[WarehouseEvent]:
        """What is taken from the back room at this tick, and what is found missing."""
        for plan in sorted(self._open.values(), key=lambda plan: plan.shelf_id):
            wanted = plan.suggested - plan.issued
            due = plan.created + self._planning.pick_minutes * MINUTE_MS
            if wanted > 0 and (plan.approved is not None or due <= tick):
                yield from self._take(tick, plan, wanted)

    def arriving(self, tick: int, events: list[WarehouseEvent]) -> Iterator[ShelfEvent]:
        """The refills that follow from the goods taken in this tick's records."""
        by_plan: dict[tuple[str, str], list[WarehouseEvent]] = {}
        for event in events:
            if event.event_type == "wh_out" and event.plan_id is not None:
                by_plan.setdefault((event.plan_id, event.shelf_id), []).append(event)
        for (plan_id, shelf_id), taken in by_plan.items():
            left = max(milliseconds(event.timestamp) for event in taken)
            lots = [
                LotQuantity(
                    batch_code=event.batch_code or "",
                    quantity=event.quantity,
                    received_date=event.received_date,
                    expiry_date=event.expiry_date,
                )
                for event in taken
            ]
            for n, portion in enumerate(portions(lots)):
                first = taken[0].event_id
                yield ShelfEvent(
                    event_id=derived_id(BRIDGE, first, n) if n else derived_id(BRIDGE, first),
                    store_id=self._shelves.store_id,
                    timestamp=from_epoch_ms(max(left + self._planning.travel_minutes * MINUTE_MS, tick)),
                    event_type="putback",
                    shelf_id=shelf_id,
                    quantity=sum(lot.quantity for lot in portion),
                    lots=portion,
                    plan_id=plan_id,
                    reason="refill",
                )

    def _obey(self, tick: int, plan: Plan, command: Command) -> None:
        if command.command == "approve":
            plan.approved = tick
        else:
            self._cancel(plan)

    def _cancel(self, plan: Plan) -> None:
        if plan.issued:
            plan.suggested = plan.issued
        else:
            plan.status = "cancelled"

    def _advance(self, tick: int, plan: Plan) -> None:
        if plan.status != "cancelled":
            if plan.issued < plan.suggested:
                waiting = "backordered" if plan.short else "pending"
                plan.status = "partial" if plan.issued else waiting
            else:
                plan.status = "completed" if plan.delivered >= plan.issued else "issued"
        if plan.status not in OPEN:
            plan.closed = tick
            self._open.pop(plan.plan_id, None)

    def _make(self, tick: int, shelf_id: str) -> Plan | None:
        last = self._plans.get(shelf_id)
        if last is not None and last.status in OPEN:
            return None
        cooldown = self._planning.cooldown_minutes * MINUTE_MS
        if last is not None and last.status == "cancelled" and tick < (last.closed or 0) + cooldown:
            return None
        profile = self._shelves.profiles[shelf_id]
        stock = max(self._shelves.shelves[shelf_id].balance, 0)
        wanted = math.ceil(profile.capacity * self._planning.target_pct / 100) - stock
        if wanted <= 0:
            return None
        store, number = self._shelves.store_id, self._numbers.get(shelf_id, 0)
        self._numbers[shelf_id] = number + 1
        plan_id = derived_id(OWNER, f"{store}/{shelf_id}", "restock", number)
        history: RecordHistory[ShelfRestockPlan] = RecordHistory(len(self._expected))
        self._expected.add((store, plan_id), history)
        plan = Plan(plan_id, shelf_id, history, wanted, stock, tick)
        self._plans[shelf_id] = self._open[plan_id] = plan
        return plan

    def _record(self, tick: int, plan: Plan) -> ShelfRestockPlan:
        return ShelfRestockPlan(
            plan_id=plan.plan_id,
            store_id=self._shelves.store_id,
            shelf_id=plan.shelf_id,
            status=plan.status,  # type: ignore[arg-type]
            suggested_qty=plan.suggested,
            issued_qty=plan.issued,
            delivered_qty=plan.delivered,
            current_stock=plan.stock,
            created_at=from_epoch_ms(plan.created),
            approved_at=None if plan.approved is None else from_epoch_ms(plan.approved),
            closed_at=None if plan.closed is None else from_epoch_ms(plan.closed),
            updated_at=from_epoch_ms(tick),
            version=tick,
        )

    def _take(self, tick: int, plan: Plan, wanted: int) -> Iterator[WarehouseEvent]:
        taken, today = plan.issued, from_epoch_ms(tick).date()
        usable = [
            lot
            for lot in self._lots.of_shelf(plan.shelf_id)
            if lot.balance > 0 and (lot.expiry is None or lot.expiry >= today)
        ]
        for lot in sorted(usable, key=_first_in):
            if not wanted:
                return
            quantity = min(wanted, lot.balance)
            yield WarehouseEvent(
                event_id=derived_id(MANAGER, plan.plan_id, "wh_out", taken),
                store_id=self._shelves.store_id,
                timestamp=from_epoch_ms(tick),
                event_type="wh_out",
                shelf_id=plan.shelf_id,
                batch_code=lot.batch_code,
                quantity=quantity,
                received_date=lot.received,
                expiry_date=lot.expiry,
                plan_id=plan.plan_id,
                reason="refill",
            )
            taken, wanted = taken + quantity, wanted - quantity
        if wanted and not plan.short:
            yield WarehouseEvent(
                event_id=derived_id(MANAGER, plan.plan_id, "shortage", 0),
                store_id=self._shelves.store_id,
                timestamp=from_epoch_ms(tick),
                event_type="shortage",
                shelf_id=plan.shelf_id,
                quantity=wanted,
                plan_id=plan.plan_id,
                reason="refill",
            )


def _first_in(lot: Lot) -> tuple[bool, date, bool, date, str]:
    """Without a date comes after every date, 9999-12-31 too."""
    received, expiry = lot.received or date.max, lot.expiry or date.max
    return lot.received is None, received, lot.expiry is None, expiry, lot.batch_code
