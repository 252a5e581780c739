"""The shelves of a replayed store, planned from that store's own recorded demand times the multiplier."""

import re
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smartstore.contracts.events import ShelfProfile
from smartstore.world.chance import generator
from smartstore.world.physical.plan import ShelfPlan
from smartstore.world.physical.stock import Lot
from smartstore.world.replay.baskets import block_of
from smartstore.world.replay.departments import life_days

RECORDED_DAYS = 365
SHELF_DAYS = (2.0, 4.0)
"""A shelf holds the mean demand of so many days."""
LEAST_CAPACITY = 6
BACK_ROOM_DAYS = 8.0
OPENING_SHELF = (0.25, 0.95)
"""How full a shelf starts; so some start below the refill threshold, as in a shop after a busy evening."""
OPENING_BACK_ROOM = (0.4, 0.9)
DEFAULT_GRAMS = 400

_GRAMS = {
    "OZ": 28.35,
    "LB": 453.6,
    "GA": 3785.0,
    "GAL": 3785.0,
    "QT": 946.0,
    "PT": 473.0,
    "LTR": 1000.0,
    "ML": 1.0,
    "L": 1000.0,
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Z]+)")


def shelf_plans(
    seed: int, store_id: str, multiplier: int, products: list[dict[str, Any]]
) -> tuple[ShelfPlan, ...]:
    """One shelf per product (rows of `Recording.products` of one store)."""
    demand = planned_demand([row["units"] for row in products], multiplier)
    days = generator(seed, store_id, "planogram").uniform(*SHELF_DAYS, len(products)).tolist()
    aisles = {name: place + 1 for place, name in enumerate(sorted({row["department"] for row in products}))}
    return tuple(
        _plan(row, units, share, aisles[row["department"]])
        for row, units, share in zip(products, demand, days, strict=True)
    )


def planned_demand(units: list[int], multiplier: int) -> list[float]:
    """Units a day of each product: its own recorded mean, plus what the copies bring, spread over its block.

    `units` are those of the whole recorded year, by rank.
    """
    own = np.array(units) / RECORDED_DAYS
    start, size = block_of(np.arange(len(own)), len(own))
    before = np.concatenate(([0.0], np.cumsum(own)))
    block_mean = (before[start + size] - before[start]) / size
    planned: list[float] = (own + (multiplier - 1) * block_mean).tolist()
    return planned


def opening_lots(
    seed: int, store_id: str, day: int, shelves: tuple[ShelfPlan, ...]
) -> tuple[list[list[Lot]], list[list[Lot]]]:
    """Lots on each shelf and in its back room on `day` (counted from 1970-01-01).

    A shelf holds an older and a younger lot; the back room holds later ones.
    """
    chance = generator(seed, store_id, "opening")
    draws = chance.random((len(shelves), 6)).tolist()
    number = 0
    on_shelves, in_back_room = [], []
    for plan, (fill, stored, split, *lives) in zip(shelves, draws, strict=True):
        profile = plan.profile
        on_shelf = max(1, int(profile.capacity * _within(OPENING_SHELF, fill)))
        in_back = int(profile.warehouse_capacity * _within(OPENING_BACK_ROOM, stored))
        older = int(on_shelf * split)
        # The older lot has lived up to half of its life, the younger ones less.
        parts = ((older, 0.5, 3), (on_shelf - older, 0.8, 2), (in_back, 1.0, 1))
        lots = []
        for (quantity, least_left, age), draw in zip(parts, lives, strict=True):
            life = 1 + int((profile.shelf_life_days or 0) * (least_left - 0.4 * draw))
            number += 1
            lots.append(Lot(number, day - age, day + life, quantity))
        on_shelves.append([lot for lot in lots[:2] if lot.shelf])
        in_back_room.append([lot for lot in lots[2:] if lot.shelf])
    return on_shelves, in_back_room


def unit_prices(shelves: tuple[ShelfPlan, ...]) -> NDArray[np.int32]:
    """List price of each shelf in cents."""
    return np.array([plan.profile.item_price_cents for plan in shelves], np.int32)


def _plan(row: dict[str, Any], demand: float, shelf_days: float, aisle: int) -> ShelfPlan:
    capacity = max(LEAST_CAPACITY, row["most_units"], ceil(demand * shelf_days))
    # About three batches fill the shelf; a case holds a multiple of six.
    batch = max(6, -(-capacity // 3 // 6) * 6)
    back_room = max(2 * batch, ceil(max(demand * BACK_ROOM_DAYS, capacity) / batch) * batch)
    category = row["product_category"] or row["department"]
    kind = row["product_type"] or category
    return ShelfPlan(
        profile=ShelfProfile(
            shelf_id=f"P{row['product_id']}",
            sku=str(row["product_id"]),
            item_category=row["department"],
            item_subcategory=category,
            capacity=capacity,
            item_weight_g=grams(row["package_size"]),
            item_price_cents=max(1, int(row["unit_cents"] + 0.5)),
            standard_batch_size=batch,
            product_name=f"{kind} {row['package_size'] or ''}".strip(),
            aisle=aisle,
            warehouse_capacity=back_room,
            shelf_life_days=life_days(row["department"], category),
        ),
    )


def grams(package_size: str | None) -> int:
    """Weight of a package from its recorded size (`12 OZ`, `2 LTR`); a usual one if the size says no weight."""
    match = _SIZE.search(package_size or "")
    if match is None or match.group(2) not in _GRAMS:
        return DEFAULT_GRAMS
    return max(1, round(float(match.group(1)) * _GRAMS[match.group(2)]))


def _within(bounds: tuple[float, float], part: float) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * part
