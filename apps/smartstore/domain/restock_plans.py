"""Restock plans of one store: at most one open plan per shelf, and its life (docs/stock-rules.md, Restock plans)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from smartstore.contracts.events import Command
from smartstore.contracts.outputs import ShelfRestockPlan
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.domain.balance import NEVER, NONE
from smartstore.domain.shelves import BoolArray, IntArray, Shelves, grown, no_bools, no_ints
from smartstore.domain.tick import MINUTE_MS, Emitted, Moment, Records, moment_or_none

STATUSES = ("none", "pending", "issued", "partial", "backordered", "completed", "cancelled")
NO_PLAN, PENDING, ISSUED, PARTIAL, BACKORDERED, COMPLETED, CANCELLED = range(7)


@dataclass(frozen=True)
class PlanBook:
    """The current or last plan of each shelf, one element per shelf; quantities in units, times in epoch ms."""

    status: IntArray = field(default_factory=no_ints)
    number: IntArray = field(default_factory=no_ints)
    """How many plans the shelf has had; the current one's n is one less."""
    suggested: IntArray = field(default_factory=no_ints)
    issued: IntArray = field(default_factory=no_ints)
    delivered: IntArray = field(default_factory=no_ints)
    stock: IntArray = field(default_factory=no_ints)
    """Units on the shelf when the plan was made."""
    created_ms: IntArray = field(default_factory=no_ints)
    approved_ms: IntArray = field(default_factory=no_ints)
    closed_ms: IntArray = field(default_factory=no_ints)
    short: BoolArray = field(default_factory=no_bools)
    """Whether a shortage was reported."""

    def sized(self, size: int) -> "PlanBook":
        """Arrays of its own for so many shelves, to be changed in place within one step."""
        return PlanBook(
            status=grown(self.status, size, NO_PLAN),
            number=grown(self.number, size, 0),
            suggested=grown(self.suggested, size, 0),
            issued=grown(self.issued, size, 0),
            delivered=grown(self.delivered, size, 0),
            stock=grown(self.stock, size, 0),
            created_ms=grown(self.created_ms, size, NONE),
            approved_ms=grown(self.approved_ms, size, NONE),
            closed_ms=grown(self.closed_ms, size, NONE),
            short=grown(self.short, size, False),
        )

    @property
    def is_open(self) -> BoolArray:
        """Whether the shelf has a plan that is neither completed nor cancelled."""
        opened: BoolArray = (self.status != NO_PLAN) & (self.status < COMPLETED)
        return opened

    @property
    def wanted(self) -> IntArray:
        """Units still to be taken from the back room, by shelf."""
        wanted: IntArray = np.where(self.is_open, self.suggested - self.issued, 0)
        return wanted


def plan_id(owner: str, store_id: str, shelf_id: str, number: int) -> str:
    """The id of a shelf's plan number `number` (from 0)."""
    return derived_id(owner, f"{store_id}/{shelf_id}", "restock", number)


def follow(
    plans: PlanBook, records: Records, shelves: Shelves, owner: str, moment: Moment, emitted: Emitted
) -> set[int]:
    """Take in what happened to the open plans, in place; returns the shelves whose plan changed."""
    ids = {
        plan_id(owner, moment.store_id, shelves.ids[shelf], int(plans.number[shelf]) - 1): shelf
        for shelf in np.flatnonzero(plans.is_open).tolist()
    }
    changed = _moved(plans, ids, records, shelves)
    for command in records.commands:
        if command.command != "acknowledge":
            changed |= _obey(plans, command, ids, moment, emitted)
    if not moment.open:
        changed |= {_cancel(plans, shelf) for shelf in np.flatnonzero(plans.wanted > 0).tolist()}
    for shelf in changed:
        _advance(plans, shelf, moment)
    return changed


def _moved(plans: PlanBook, ids: dict[str, int], records: Records, shelves: Shelves) -> set[int]:
    """Goods taken, missed and delivered for open plans, each on its plan's shelf."""
    changed = set()
    for event in records.warehouse.records:
        shelf = ids.get(event.plan_id or "")
        if shelf is None or shelves.ids[shelf] != event.shelf_id:
            continue
        if event.event_type == "wh_out":
            plans.issued[shelf] += event.quantity
        elif event.event_type == "shortage":
            plans.short[shelf] = True
        changed.add(shelf)
    for refill in records.moves.with_lots:
        shelf = ids.get(refill.plan_id or "")
        if shelf is None or shelves.ids[shelf] != refill.shelf_id:
            continue
        if refill.event_type == "putback":
            plans.delivered[shelf] += refill.quantity or 0
            changed.add(shelf)
    return changed


def _obey(
    plans: PlanBook, command: Command, ids: dict[str, int], moment: Moment, emitted: Emitted
) -> set[int]:
    """`approve`: its goods are taken at once. `cancel`: nothing more is taken; what is on its way still arrives."""
    shelf = ids.get(command.plan_id or "")
    if shelf is None:
        return set()
    emitted.obeyed.add(command.event_id)
    if command.command == "approve":
        plans.approved_ms[shelf] = moment.tick_ms
    else:
        _cancel(plans, shelf)
    return {shelf}


def _cancel(plans: PlanBook, shelf: int) -> int:
    if plans.issued[shelf]:
        plans.suggested[shelf] = plans.issued[shelf]
    else:
        plans.status[shelf] = CANCELLED
    return shelf


def _advance(plans: PlanBook, shelf: int, moment: Moment) -> None:
    suggested, issued = int(plans.suggested[shelf]), int(plans.issued[shelf])
    if plans.status[shelf] != CANCELLED:
        if issued >= suggested:
            plans.status[shelf] = COMPLETED if plans.delivered[shelf] >= issued else ISSUED
        elif issued:
            plans.status[shelf] = PARTIAL
        else:
            plans.status[shelf] = BACKORDERED if plans.short[shelf] else PENDING
    if plans.status[shelf] >= COMPLETED:
        plans.closed_ms[shelf] = moment.tick_ms


def make(plans: PlanBook, low: BoolArray, units: IntArray, shelves: Shelves, moment: Moment) -> set[int]:
    """A new plan for every low shelf without an open one, in place; returns the shelves.

    After a cancellation a shelf gets no new plan before the cooldown is over.
    """
    planning = moment.planning
    target = -(-shelves.capacity * planning.target_pct // 100).astype(np.int64)
    wanted = target - units
    cooled = (plans.status != CANCELLED) | (
        moment.tick_ms >= plans.closed_ms + planning.cooldown_minutes * MINUTE_MS
    )
    made = np.flatnonzero(low & ~plans.is_open & cooled & (wanted > 0))
    plans.status[made] = PENDING
    plans.number[made] += 1
    plans.suggested[made], plans.stock[made] = wanted[made], units[made]
    plans.issued[made] = plans.delivered[made] = 0
    plans.created_ms[made] = moment.tick_ms
    plans.approved_ms[made] = plans.closed_ms[made] = NONE
    plans.short[made] = False
    return set(made.tolist())


def next_due(plans: PlanBook, moment: Moment) -> int:
    """When the cooldown after a cancellation ends next (epoch ms), or `NEVER`."""
    ends = plans.closed_ms[plans.status == CANCELLED] + moment.planning.cooldown_minutes * MINUTE_MS
    coming = ends[ends > moment.tick_ms]
    return int(coming.min()) if len(coming) else NEVER


def records_of(
    plans: PlanBook, changed: Iterable[int], shelves: Shelves, owner: str, moment: Moment
) -> Iterable[ShelfRestockPlan]:
    """The public record of each changed plan."""
    tick = from_epoch_ms(moment.tick_ms)
    for shelf in sorted(changed):
        shelf_id = shelves.ids[shelf]
        yield ShelfRestockPlan(
            plan_id=plan_id(owner, moment.store_id, shelf_id, int(plans.number[shelf]) - 1),
            store_id=moment.store_id,
            shelf_id=shelf_id,
            status=STATUSES[int(plans.status[shelf])],  # type: ignore[arg-type]
            suggested_qty=int(plans.suggested[shelf]),
            issued_qty=int(plans.issued[shelf]),
            delivered_qty=int(plans.delivered[shelf]),
            current_stock=int(plans.stock[shelf]),
            created_at=from_epoch_ms(int(plans.created_ms[shelf])),
            approved_at=moment_or_none(int(plans.approved_ms[shelf])),
            closed_at=moment_or_none(int(plans.closed_ms[shelf])),
            updated_at=tick,
            version=moment.tick_ms,
        )
