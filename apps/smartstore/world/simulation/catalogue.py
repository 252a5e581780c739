"""The range of the simulated retailer: categories, subcategories, and the SKUs drawn from them.

The nominal catalogue (`data/catalogue.csv`) has 29 categories and 6,700 SKUs; its stock ranges are nominal, and
both their upper bounds are raised by 1.3. The SKUs are the same in every store; they depend on the seed and the
scale only.
"""

import csv
from collections.abc import Iterator
from fractions import Fraction
from importlib.resources import files
from math import ceil

import numpy as np
from msgspec import Struct

from smartstore.world.chance import generator

PERISHABLE = frozenset({"FRUITS AND VEGETABLES", "REFRIGERATED", "FROZEN", "MEAT", "FISH"})
STOCK_RAISE = Fraction(13, 10)

_DRINKS = frozenset({"BEVERAGES", "BEERS", "WINES", "LONG-LIFE DAIRY", "HOT BEVERAGES", "VINEGAR AND OIL"})
_DRINK_BATCHES = (18, 24, 30, 36, 42, 48, 60)
_BATCHES_BY_WEIGHT: dict[str, tuple[tuple[float, tuple[int, ...]], ...]] = {
    "produce": ((80, (20, 25, 30, 35, 40)), (300, tuple(range(8, 19))), (float("inf"), tuple(range(8, 13)))),
    "perishable": (
        (300, (15, 20, 25, 30, 35, 40)),
        (800, (8, 10, 11, 12, 14, 15, 16, 18, 20)),
        (1500, (8, 10, 11, 12, 14, 15)),
        (float("inf"), (5, 6, 8, 10, 12)),
    ),
    "other": (
        (200, tuple(range(20, 85, 5))),
        (500, tuple(range(20, 65, 5))),
        (1000, (15, 20, 25, 30, 35, 40)),
        (2000, (10, 15, 20, 25, 30)),
        (float("inf"), (5, 10, 15, 20)),
    ),
}
"""Standard batch sizes by kind and unit weight in grams (up to)."""


class Subcategory(Struct, frozen=True, kw_only=True):
    """One nominal row of the catalogue. `warehouse_range` None: the back room is sized by the shelf."""

    aisle: int
    category: str
    name: str
    skus: int
    store_range: tuple[int, int]
    warehouse_range: tuple[int, int] | None
    price_range_cents: tuple[int, int]
    weights: str


class Sku(Struct, frozen=True, kw_only=True):
    """One SKU of the range; `shelf_id` is its shelf in every store."""

    shelf_id: str
    aisle: int
    category: str
    subcategory: str
    weight_g: int
    price_cents: int
    batch_size: int
    capacity: int
    warehouse_capacity: int
    visibility: float

    @property
    def perishable(self) -> bool:
        """Whether the SKU belongs to one of the five short-lived categories."""
        return self.category in PERISHABLE


def nominal_catalogue() -> list[Subcategory]:
    """The nominal catalogue, in order."""
    text = (files("smartstore.world") / "data" / "catalogue.csv").read_text(encoding="utf-8")
    return [_subcategory(row) for row in csv.DictReader(text.splitlines())]


def skus_of(seed: int, scale: float) -> list[Sku]:
    """The SKUs of a range scaled to `scale` of the nominal counts, at least one of each subcategory."""
    out: list[Sku] = []
    exact = Fraction(str(scale))
    for subcategory in nominal_catalogue():
        chance = generator(seed, "range", subcategory.category, subcategory.name)
        for _ in range(max(1, ceil(subcategory.skus * exact))):
            out.append(_draw_sku(subcategory, len(out) + 1, chance))
    return out


def subcategory_ends(skus: list[Sku], *, whole_category: bool) -> Iterator[tuple[int, int]]:
    """First and past-the-last place of each run of SKUs with the same category (and subcategory)."""
    start = 0
    for place in range(1, len(skus) + 1):
        if place == len(skus) or _family(skus[place], whole_category) != _family(skus[start], whole_category):
            yield start, place
            start = place


def _family(sku: Sku, whole_category: bool) -> tuple[str, str]:
    return sku.category, "" if whole_category else sku.subcategory


def _subcategory(row: dict[str, str]) -> Subcategory:
    equal = row["warehouse_low"] == "="
    return Subcategory(
        aisle=int(row["aisle"]),
        category=row["category"],
        name=row["subcategory"],
        skus=int(row["skus"]),
        store_range=_raised(row["store_low"], row["store_high"]),
        warehouse_range=None if equal else _raised(row["warehouse_low"], row["warehouse_high"]),
        price_range_cents=(int(row["price_low_cents"]), int(row["price_high_cents"])),
        weights=row["weights_g"],
    )


def _raised(low: str, high: str) -> tuple[int, int]:
    return int(low), ceil(int(high) * STOCK_RAISE)


def _draw_sku(subcategory: Subcategory, number: int, chance: np.random.Generator) -> Sku:
    weight = _draw_weight(subcategory.weights, chance)
    batches = _batch_sizes(subcategory.category, weight)
    batch = batches[int(chance.integers(len(batches)))]
    capacity = max(batch, _between(subcategory.store_range, chance))
    return Sku(
        shelf_id=f"{_abbreviation(subcategory.category)}{_abbreviation(subcategory.name)}{number:04d}",
        aisle=subcategory.aisle,
        category=subcategory.category,
        subcategory=subcategory.name,
        weight_g=weight,
        price_cents=_between(subcategory.price_range_cents, chance),
        batch_size=batch,
        capacity=capacity,
        warehouse_capacity=_warehouse_capacity(subcategory.warehouse_range, capacity, batch, chance),
        visibility=round(0.05 + 0.15 * chance.random(), 6),
    )


def _between(bounds: tuple[int, int], chance: np.random.Generator) -> int:
    return int(chance.integers(bounds[0], bounds[1] + 1))


def _draw_weight(weights: str, chance: np.random.Generator) -> int:
    if "~" in weights:
        low, high = weights.split("~")
        return _between((int(low), int(high)), chance)
    options = weights.split("/")
    return int(options[int(chance.integers(len(options)))])


def _batch_sizes(category: str, weight: int) -> tuple[int, ...]:
    if category in _DRINKS:
        return _DRINK_BATCHES
    kind = (
        "produce"
        if category == "FRUITS AND VEGETABLES"
        else "perishable"
        if category in PERISHABLE
        else "other"
    )
    return next(sizes for up_to, sizes in _BATCHES_BY_WEIGHT[kind] if weight <= up_to)


def _warehouse_capacity(
    bounds: tuple[int, int] | None, capacity: int, batch: int, chance: np.random.Generator
) -> int:
    """A multiple of the batch size, at least two batches."""
    least = 2 * batch
    if bounds is None:
        return -(-max(capacity, least) // batch) * batch
    return max(least, _between(bounds, chance) // batch * batch)


def _abbreviation(name: str) -> str:
    """The first three ASCII letters or digits, upper case: they stand in identifiers."""
    return "".join(letter for letter in name if letter.isascii() and letter.isalnum())[:3].upper()
