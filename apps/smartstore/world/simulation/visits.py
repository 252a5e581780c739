"""What the visitors of a day want: the shopper model, drawn for all visits of a store's day at once.

A visit has 3-30 actions between a minute after the entry and half a minute before the exit; 15 % put something
back, the others pick a product by its visibility, raised by its discount.
"""

import numpy as np
from numpy.typing import NDArray

from smartstore.world.chance import day_counter, generator, id_prefix
from smartstore.world.physical.plan import ENTER, PAY, PICK, PUT_BACK, DayPlan
from smartstore.world.simulation.traffic import Visits

ACTIONS = ((0.20, 3, 6), (0.50, 7, 15), (0.30, 16, 30))
"""Share of visits, fewest and most actions."""
PUT_BACK_SHARE = 0.15
QUANTITIES = (0.6, 0.9)
"""One unit below the first, two below the second, else three."""
FIRST_ACTION_MS = 60_000
LAST_ACTION_MS = 30_000


def plan_day(
    seed: int,
    store_id: str,
    day: int,
    visits: Visits,
    weights: NDArray[np.float64],
    promotions: list[int],
) -> DayPlan:
    """The plan of a day with these visits; `weights` are the shelves' chances to be picked from, `promotions` what
    is off at each (basis points)."""
    count = len(visits.entry)
    chance = generator(seed, store_id, day, "actions")
    actions = _action_counts(chance.random(count), chance.random(count))
    visit = np.repeat(np.arange(count), actions)
    total = len(visit)
    first = visits.entry[visit] + FIRST_ACTION_MS
    span = visits.exit[visit] - LAST_ACTION_MS - first
    at = first + (chance.random(total) * span).astype(np.int64)
    put_back = chance.random(total) < PUT_BACK_SHARE
    shares = np.cumsum(weights) / weights.sum()
    shelf = np.minimum(np.searchsorted(shares, chance.random(total), side="right"), len(weights) - 1)
    wanted = 1 + np.searchsorted(QUANTITIES, chance.random(total), side="right")
    quantity = np.where(put_back, chance.integers(0, 1 << 20, total), wanted)
    paid_at = visits.exit - 1_000 - (chance.random(count) * (LAST_ACTION_MS - 2_000)).astype(np.int64)
    everybody = np.arange(count)
    columns = (
        np.concatenate((visits.entry, at, paid_at)),
        np.concatenate((np.full(count, ENTER), np.where(put_back, PUT_BACK, PICK), np.full(count, PAY))),
        np.concatenate((everybody, visit, everybody)),
        np.concatenate((np.zeros(count), shelf, np.zeros(count))),
        np.concatenate((np.zeros(count), quantity, np.zeros(count))),
        np.concatenate((np.zeros(count), chance.random(total), np.zeros(count))),
    )
    order = np.lexsort((columns[1], columns[0]))
    customer, transaction = (id_prefix(seed, store_id, purpose) for purpose in ("customer", "transaction"))
    numbers = range(day_counter(day), day_counter(day) + count)
    return DayPlan(
        day=day,
        at=columns[0][order],
        kind=columns[1][order].astype(np.int8),
        visit=columns[2][order].astype(np.int32),
        shelf=columns[3][order].astype(np.int32),
        quantity=columns[4][order].astype(np.int32),
        chance=np.minimum(columns[5][order].astype(np.float32), np.float32(0.999999)),
        paid=None,
        promotions=promotions,
        customers=[f"{customer}{number:012x}" for number in numbers],
        transactions=[f"{transaction}{number:012x}" for number in numbers],
        exits=visits.exit.tolist(),
    )


def _action_counts(kind: NDArray[np.float64], within: NDArray[np.float64]) -> NDArray[np.int64]:
    shares, fewest, most = (np.array(column) for column in zip(*ACTIONS, strict=True))
    which = np.minimum(np.searchsorted(np.cumsum(shares), kind, side="right"), len(ACTIONS) - 1)
    return (fewest[which] + within * (most[which] - fewest[which] + 1)).astype(np.int64)
