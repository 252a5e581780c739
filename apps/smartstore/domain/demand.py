"""Units sold a day, smoothed, per shelf (docs/stock-rules.md, Supplier orders)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from smartstore.contracts.events import PosTransaction
from smartstore.domain.shelves import IntArray, Shelves, grown, no_ints
from smartstore.domain.tick import Moment

NO_DAY = -1
UNKNOWN = -1
MILLI = 1000
"""Demand is counted in thousandths of a unit a day, so that it is exact."""


@dataclass(frozen=True)
class Demand:
    """One element per shelf."""

    sold: IntArray = field(default_factory=no_ints)
    """Units sold since the day began."""
    milli: IntArray = field(default_factory=no_ints)
    """Thousandths of a unit a day, `UNKNOWN` until a whole day is over."""
    day: int = NO_DAY
    """The day (since 1970-01-01) that `sold` counts."""
    whole: bool = False
    """Whether that day was seen from its beginning; the day a store opens does not tell its demand."""

    def estimate(self, shelves: Shelves, opening_pct: float) -> IntArray:
        """Thousandths of a unit a day; where nothing is known, `opening_pct` of the shelf's capacity."""
        known = grown(self.milli, len(shelves), UNKNOWN)
        guess = (shelves.capacity * (opening_pct * MILLI / 100)).astype(np.int64)
        estimate: IntArray = np.where(known == UNKNOWN, guess, known)
        return estimate


def follow(demand: Demand, receipts: Sequence[PosTransaction], shelves: Shelves, moment: Moment) -> Demand:
    """Close the days that are over, and count what was sold in this tick."""
    if demand.day != moment.today:
        demand = _closed(demand, shelves, moment)
    if not receipts:
        return demand if len(demand.sold) == len(shelves) else _sized(demand, len(shelves))
    demand = _sized(demand, len(shelves))
    find = shelves.index.get
    items = [(find(item.shelf_id, -1), item.quantity) for receipt in receipts for item in receipt.items]
    places = np.array(items, np.int64).reshape(-1, 2)
    known = places[places[:, 0] >= 0]
    np.add.at(demand.sold, known[:, 0], known[:, 1])
    return demand


def _sized(demand: Demand, size: int) -> Demand:
    """With arrays of its own, to be changed in place."""
    return Demand(grown(demand.sold, size, 0), grown(demand.milli, size, UNKNOWN), demand.day, demand.whole)


def _closed(demand: Demand, shelves: Shelves, moment: Moment) -> Demand:
    """The day counted so far is over, and perhaps more days on which nothing happened."""
    milli, size = grown(demand.milli, len(shelves), UNKNOWN), len(shelves)
    if demand.whole:
        milli = demand.estimate(shelves, moment.planning.opening_demand_pct)
        milli = _smoothed(milli, grown(demand.sold, size, 0), moment)
        for _ in range(demand.day + 1, moment.today):
            milli = _smoothed(milli, np.zeros(size, np.int64), moment)
    seen_before = demand.day != NO_DAY
    return Demand(np.zeros(size, np.int64), milli, moment.today, seen_before)


def _smoothed(milli: IntArray, sold: IntArray, moment: Moment) -> IntArray:
    """Simple exponential smoothing (Brown 1956), in whole thousandths, rounded down."""
    return milli + (sold * MILLI - milli) * moment.planning.demand_smoothing_pct // 100
