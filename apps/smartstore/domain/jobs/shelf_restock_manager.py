"""shelf-restock-manager: restock plans and back-room lots → goods taken for the shelf.

Rules: docs/stock-rules.md, Restocking. Works only where jobs stand in for people (`execution: Assumed`). Each shelf has
its own lots and at most one open plan, and what is taken leaves the lots before the manager runs again: no unit is
promised twice.
"""

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import WarehouseEvent
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.domain.balance import NEVER, NONE
from smartstore.domain.lots import NO_DATE, Lots, day_of
from smartstore.domain.restock_plans import PlanBook, plan_id
from smartstore.domain.shelves import IntArray, Shelves
from smartstore.domain.tick import MINUTE_MS, Emitted, Moment

NAME = "shelf-restock-manager"


def step(plans: PlanBook, owner: str, lots: Lots, shelves: Shelves, moment: Moment) -> tuple[Emitted, int]:
    """Take goods for every plan that is due; returns what to emit and when a plan falls due next (epoch ms).

    `owner` is the job that made the plans, `lots` the back room after this tick.
    """
    emitted = Emitted()
    if moment.planning.execution != "Assumed":
        return emitted, NEVER
    wanted = plans.wanted
    due_ms = np.where(
        plans.approved_ms != NONE,
        plans.approved_ms,
        plans.created_ms + moment.planning.pick_minutes * MINUTE_MS,
    )
    waiting = wanted > 0
    usable = (lots.balance > 0) & ((lots.expiry >= moment.today) | (lots.expiry == NO_DATE))
    stocked = np.bincount(lots.shelf[usable], minlength=len(shelves)) > 0
    due = np.flatnonzero(waiting & (due_ms <= moment.tick_ms) & (stocked | ~plans.short))
    for shelf in due.tolist():
        rows = np.flatnonzero(usable & (lots.shelf == shelf))
        _take(plans, owner, shelf, int(wanted[shelf]), lots, rows, shelves, moment, emitted)
    emitted.events_in = len(due)
    later = due_ms[waiting & (due_ms > moment.tick_ms)]
    return emitted, int(later.min()) if len(later) else NEVER


def _take(
    plans: PlanBook,
    owner: str,
    shelf: int,
    wanted: int,
    lots: Lots,
    rows: IntArray,
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> None:
    """First in, first out: by date received (unknown last), expiry, batch code. What is missing is a shortage, once."""
    shelf_id = shelves.ids[shelf]
    plan = plan_id(owner, moment.store_id, shelf_id, int(plans.number[shelf]) - 1)
    taken = int(plans.issued[shelf])
    missing = wanted
    for row in _first_in_first_out(lots, rows):
        quantity = min(missing, int(lots.balance[row]))
        emitted.fact(
            topics.WH_EVENTS,
            WarehouseEvent(
                event_id=derived_id(NAME, plan, "wh_out", taken),
                store_id=moment.store_id,
                timestamp=from_epoch_ms(moment.tick_ms),
                event_type="wh_out",
                shelf_id=shelf_id,
                batch_code=lots.codes[row],
                quantity=quantity,
                received_date=day_of(int(lots.received[row])),
                expiry_date=day_of(int(lots.expiry[row])),
                plan_id=plan,
                reason="refill",
            ),
        )
        taken, missing = taken + quantity, missing - quantity
        if not missing:
            return
    if not plans.short[shelf]:
        emitted.fact(
            topics.WH_EVENTS,
            WarehouseEvent(
                event_id=derived_id(NAME, plan, "shortage", 0),
                store_id=moment.store_id,
                timestamp=from_epoch_ms(moment.tick_ms),
                event_type="shortage",
                shelf_id=shelf_id,
                quantity=missing,
                plan_id=plan,
                reason="refill",
            ),
        )


def _first_in_first_out(lots: Lots, rows: IntArray) -> list[int]:
    return sorted(
        rows.tolist(),
        key=lambda row: (_last(lots.received, row), _last(lots.expiry, row), lots.codes[row]),
    )


def _last(days: IntArray, row: int) -> int:
    return NEVER if days[row] == NO_DATE else int(days[row])
