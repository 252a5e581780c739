"""The promotions announced in one store (docs/stock-rules.md, Discounts)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from smartstore.contracts.events import Promotion
from smartstore.domain.lots import day_number
from smartstore.domain.prices import basis_points
from smartstore.domain.shelves import IntArray, no_ints


@dataclass(frozen=True)
class Promotions:
    """One row per shelf and first day; days since 1970-01-01."""

    shelf: IntArray = field(default_factory=no_ints)
    """Index of the shelf."""
    first: IntArray = field(default_factory=no_ints)
    last: IntArray = field(default_factory=no_ints)
    points: IntArray = field(default_factory=no_ints)
    """Basis points."""

    def __len__(self) -> int:
        return len(self.shelf)

    def changed(self, changes: Iterable[tuple[int, Promotion, bool]]) -> "Promotions":
        """After (shelf, promotion, whether it holds) in order; a later one of the same first day replaces it."""
        rows = {
            (shelf, first): (last, points)
            for shelf, first, last, points in zip(
                *(column.tolist() for column in vars(self).values()), strict=True
            )
        }
        for shelf, promotion, holds in changes:
            key = (shelf, day_number(promotion.first_day))
            rows.pop(key, None)
            if holds:
                rows[key] = (day_number(promotion.last_day), basis_points(promotion.pct))
        columns = np.array([(*key, *row) for key, row in sorted(rows.items())], np.int64).reshape(-1, 4)
        return Promotions(*columns.T)

    def ending_from(self, day: int) -> "Promotions":
        """Without those that ended before `day`."""
        kept = self.last >= day
        return self if kept.all() else Promotions(*(column[kept] for column in vars(self).values()))

    def in_force(self, size: int, first: int, last: int) -> IntArray:
        """Per shelf, of `size` shelves, the largest reduction (basis points) that holds on one of these days."""
        points = np.zeros(size, np.int64)
        held = (self.first <= last) & (self.last >= first)
        np.maximum.at(points, self.shelf[held], self.points[held])
        return points
