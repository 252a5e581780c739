"""When the supplier delivers, and until when it takes orders (docs/stock-rules.md, Supplier orders).

Deliveries come on fixed weekdays at a fixed hour (UTC); orders for one are taken until its cut-off, a fixed time
before.
"""

from itertools import pairwise

from smartstore.contracts.settings import PlanningSettings
from smartstore.domain.tick import DAY_MS

HOUR_MS = 3_600_000
_DAYS_A_WEEK = 7
_WEEKDAY_OF_THE_EPOCH = 3
"""1970-01-01 was a Thursday; Monday is 0."""


def next_delivery(after_ms: int, planning: PlanningSettings) -> int:
    """The first delivery after a moment (epoch ms)."""
    day = after_ms // DAY_MS
    while True:
        at = day * DAY_MS + planning.delivery_hour * HOUR_MS
        if at > after_ms and (day + _WEEKDAY_OF_THE_EPOCH) % _DAYS_A_WEEK in planning.delivery_weekdays:
            return at
        day += 1


def next_cutoff(after_ms: int, planning: PlanningSettings) -> int:
    """The first cut-off after a moment (epoch ms)."""
    lead = planning.order_lead_hours * HOUR_MS
    return next_delivery(after_ms + lead, planning) - lead


def due_delivery(cutoff_ms: int, tick_ms: int, planning: PlanningSettings) -> int:
    """When an order placed at `tick_ms` for a cut-off comes (epoch ms): with its delivery, or else the next one."""
    delivery = cutoff_ms + planning.order_lead_hours * HOUR_MS
    return delivery if delivery > tick_ms else next_delivery(tick_ms, planning)


def protection_ms(planning: PlanningSettings) -> int:
    """The longest time that an order must last: from its cut-off to the delivery after its own, in ms."""
    deliveries = sorted({next_delivery(day * DAY_MS, planning) for day in range(2 * _DAYS_A_WEEK)})
    longest = max(later - sooner for sooner, later in pairwise(deliveries))
    return longest + planning.order_lead_hours * HOUR_MS
