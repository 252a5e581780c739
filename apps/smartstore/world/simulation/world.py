"""Puts the simulated retailer together: one planner per store, all with the same range."""

import numpy as np

from smartstore.contracts.events import Promotion, ShelfProfile
from smartstore.contracts.settings import RunSettings
from smartstore.domain.prices import WHOLE, percent
from smartstore.world.physical.calendar import run_bounds
from smartstore.world.physical.estate import Estate
from smartstore.world.physical.facts import calendar_day
from smartstore.world.physical.plan import DAY_MS, DayPlan, ShelfPlan
from smartstore.world.physical.stock import Lot
from smartstore.world.simulation import opening
from smartstore.world.simulation.catalogue import Sku, skus_of, subcategory_ends
from smartstore.world.simulation.promotions import WEEK_DAYS, discounts_of
from smartstore.world.simulation.traffic import Visits, daily_total, visits_of, weekday
from smartstore.world.simulation.visits import plan_day

LIFE_DAYS = {
    "FRUITS AND VEGETABLES": 7,
    "MEAT": 6,
    "FISH": 4,
    "REFRIGERATED": 17,
    "FROZEN": 180,
}
"""How many days delivered goods keep."""
LONG_LIFE_DAYS = 547
SUBSTITUTES = 3


class SimulatedStore:
    """The planner of one simulated store."""

    def __init__(
        self,
        settings: RunSettings,
        ordinal: int,
        opens_ms: int,
        skus: list[Sku],
        shelves: tuple[ShelfPlan, ...],
    ) -> None:
        self.store_id = f"s{ordinal + 1:04d}"
        self.name = f"Store {ordinal + 1}"
        self.shelves = shelves
        self._skus = skus
        self._seed = settings.source.seed
        self._simulation = settings.source.simulation
        self._start_ms = opens_ms
        self._visibility = np.array([sku.visibility for sku in skus])

    def opening_lots(self) -> tuple[list[list[Lot]], list[list[Lot]]]:
        """See `StorePlanner.opening_lots`."""
        return opening.opening_lots(self._seed, self.store_id, self._start_ms // DAY_MS, self._skus)

    def day(self, day: int) -> DayPlan:
        """See `StorePlanner.day`. Visits that would have begun before the store opened do not take place."""
        simulation = self._simulation
        total = daily_total(
            self._seed, self.store_id, day, simulation.daily_customers, simulation.traffic_multiplier
        )
        visits = visits_of(self._seed, self.store_id, day, total)
        if self._start_ms > day * DAY_MS:
            inside = visits.entry > self._start_ms
            visits = Visits(visits.entry[inside], visits.exit[inside])
        points = np.zeros(len(self._skus), np.int64)
        for place, off in discounts_of(self._seed, day, len(self._skus)).items():
            points[place] = off
        weights = self._visibility * (1 + points / WHOLE)
        return plan_day(self._seed, self.store_id, day, visits, weights, points.tolist())

    def promotions(self, day: int) -> list[Promotion]:
        """See `StorePlanner.promotions`: they begin on Mondays."""
        if weekday(day):
            return []
        first, last = calendar_day(day), calendar_day(day + WEEK_DAYS - 1)
        return [
            Promotion(
                shelf_id=self._skus[place].shelf_id, pct=percent(points), first_day=first, last_day=last
            )
            for place, points in discounts_of(self._seed, day, len(self._skus)).items()
        ]


def build_simulation(settings: RunSettings) -> Estate:
    """The simulated retailer, at first with `settings.stores` stores, s0001, s0002, …"""
    simulation = settings.source.simulation
    skus = skus_of(settings.source.seed, simulation.range_scale)
    shelves = shelf_plans(skus)
    start_ms, end_ms = run_bounds(settings.source, simulation.start)

    def planner_of(ordinal: int, opens_ms: int, _stores: int) -> SimulatedStore:
        return SimulatedStore(settings, ordinal, opens_ms, skus, shelves)

    return Estate(settings, planner_of, start_ms, end_ms)


def shelf_plans(skus: list[Sku]) -> tuple[ShelfPlan, ...]:
    """The shelves of a store."""
    substitutes = _substitutes(skus)
    return tuple(
        ShelfPlan(
            profile=ShelfProfile(
                shelf_id=sku.shelf_id,
                sku=sku.shelf_id,
                item_category=sku.category,
                item_subcategory=sku.subcategory,
                capacity=sku.capacity,
                item_weight_g=sku.weight_g,
                item_price_cents=sku.price_cents,
                standard_batch_size=sku.batch_size,
                product_name=f"{sku.subcategory} {sku.shelf_id[-4:]}",
                aisle=sku.aisle,
                warehouse_capacity=sku.warehouse_capacity,
                shelf_life_days=LIFE_DAYS.get(sku.category, LONG_LIFE_DAYS),
            ),
            substitutes=substitutes[place],
        )
        for place, sku in enumerate(skus)
    )


def _substitutes(skus: list[Sku]) -> list[tuple[int, ...]]:
    """The next SKUs of the same subcategory, then of the same category, round about; a few of them."""
    out: list[dict[int, None]] = [{} for _ in skus]
    for whole_category in (False, True):
        for first, end in subcategory_ends(skus, whole_category=whole_category):
            for place in range(first, end):
                neighbours = (
                    first + (place - first + step) % (end - first) for step in range(1, end - first)
                )
                out[place].update(dict.fromkeys(neighbours))
    return [tuple(places)[:SUBSTITUTES] for places in out]
