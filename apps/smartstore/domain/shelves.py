"""The shelves of one store: what they are, and a stable index for each.

All other state refers to a shelf by this index, so arrays over shelves line up. Shelves are only ever added.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from smartstore.contracts.events import ShelfProfile

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
ObjectArray = npt.NDArray[np.object_]


ShelfRow = tuple[str, str, int, int, int, int, int, int]
"""Category, subcategory, capacity, item weight in grams, capacity of the back room, batch size, life in days, price."""

ENDLESS = -(10**9)
"""Life of goods that do not expire."""


def no_ints() -> IntArray:
    """An empty integer column."""
    return np.zeros(0, np.int64)


def no_bools() -> BoolArray:
    """An empty boolean column."""
    return np.zeros(0, np.bool_)


@dataclass(frozen=True)
class Shelves:
    """Shelf profiles by index; arrays have one element per shelf."""

    ids: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subcategories: tuple[str, ...] = ()
    capacity: IntArray = field(default_factory=no_ints)
    """Units that fit on the shelf."""
    item_weight_g: IntArray = field(default_factory=no_ints)
    warehouse_capacity: IntArray = field(default_factory=no_ints)
    """Units that fit into the back room; 0 = not limited."""
    batch_size: IntArray = field(default_factory=no_ints)
    """Units in a batch of the supplier's."""
    life_days: IntArray = field(default_factory=no_ints)
    """Days that delivered goods keep, or `ENDLESS`."""
    item_price_cents: IntArray = field(default_factory=no_ints)
    index: dict[str, int] = field(init=False)
    """Shelf id → index; derived from `ids`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", {shelf: i for i, shelf in enumerate(self.ids)})

    def __len__(self) -> int:
        return len(self.ids)

    def with_profiles(self, profiles: Iterable[ShelfProfile]) -> "Shelves":
        """The shelves after upserts, in the order given; the last profile of a shelf wins."""
        rows: dict[str, ShelfRow] = {
            shelf: (
                self.categories[i],
                self.subcategories[i],
                int(self.capacity[i]),
                int(self.item_weight_g[i]),
                int(self.warehouse_capacity[i]),
                int(self.batch_size[i]),
                int(self.life_days[i]),
                int(self.item_price_cents[i]),
            )
            for i, shelf in enumerate(self.ids)
        }
        for profile in profiles:
            rows[profile.shelf_id] = (
                profile.item_category,
                profile.item_subcategory,
                profile.capacity,
                profile.item_weight_g,
                profile.warehouse_capacity,
                profile.standard_batch_size,
                ENDLESS if profile.shelf_life_days is None else profile.shelf_life_days,
                profile.item_price_cents,
            )
        return shelves_of(rows)


def shelves_of(rows: dict[str, ShelfRow]) -> Shelves:
    """Build from shelf id → row, in that order."""
    categories, subcategories, capacity, weight, room, batch, life, price = (
        zip(*rows.values(), strict=True) if rows else ((),) * 8
    )
    return Shelves(
        ids=tuple(rows),
        categories=tuple(categories),
        subcategories=tuple(subcategories),
        capacity=np.array(capacity, np.int64),
        item_weight_g=np.array(weight, np.int64),
        warehouse_capacity=np.array(room, np.int64),
        batch_size=np.array(batch, np.int64),
        life_days=np.array(life, np.int64),
        item_price_cents=np.array(price, np.int64),
    )


def grown(array: npt.NDArray[Any], size: int, fill: int | bool) -> npt.NDArray[Any]:
    """A copy of `array` with `size` elements; new ones have the value `fill`."""
    out = np.full(size, fill, array.dtype)
    out[: len(array)] = array
    return out
