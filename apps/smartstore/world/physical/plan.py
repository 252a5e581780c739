"""What a store is planned to be, and what will come to it from outside: the half of a world that stock cannot
change."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, repeat
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from smartstore.contracts.events import Promotion, ShelfProfile
from smartstore.world.chance import day_counter
from smartstore.world.physical.stock import Lot

DAY_MS = 86_400_000

ENTER, PICK, PUT_BACK, PAY = 0, 1, 2, 3
"""Kinds of intents, in the order in which a customer has them at one moment."""


Intent = tuple[int, int, int, int, int, int, float, int, int]
"""One row of a day plan: at, number, kind, visit, shelf, quantity, chance, unit price, discount."""


class ShelfPlan(Struct, frozen=True, kw_only=True):
    """One shelf: its profile, and which shelves a customer turns to when it is empty (indexes; none = the sale is
    lost)."""

    profile: ShelfProfile
    substitutes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """The intents of one store's day, ordered by time; all arrays have one entry per intent.

    `at` is in epoch ms; `number` (in `Intent`) is the day's counter plus the intent's place and ends the
    identifiers of what becomes of it; `visit` indexes the lists by visit. For PICK, `quantity` units are wanted
    from `shelf` and `chance` decides about the lot. For PUT_BACK, `chance` decides about the product and `quantity`
    (a random number) about how many units. `paid` holds the recorded unit price and line discount in cents of each
    PICK; without it the list price and `promotions` (basis points, by shelf) hold.
    """

    day: int
    at: NDArray[np.int64]
    kind: NDArray[np.int8]
    visit: NDArray[np.int32]
    shelf: NDArray[np.int32]
    quantity: NDArray[np.int32]
    chance: NDArray[np.float32]
    paid: tuple[NDArray[np.int32], NDArray[np.int32]] | None
    promotions: list[int]
    customers: list[str]
    transactions: list[str]
    exits: list[int]

    def without(self, closures: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
        """By intent: whether it is of a visit that begins in none of the closures (from, to; epoch ms)."""
        entries = np.zeros(len(self.customers), np.int64)
        entering = self.kind == ENTER
        entries[self.visit[entering]] = self.at[entering]
        takes_place = np.ones(len(entries), np.bool_)
        for begin, end in closures:
            takes_place &= (entries < begin) | (entries >= end)
        return takes_place[self.visit]

    def intents(
        self, start_ms: int, end_ms: int, closures: Sequence[tuple[int, int]] = ()
    ) -> Iterator[Intent]:
        """The intents from `start_ms` up to, not including, `end_ms`, as plain numbers.

        Visits that would begin in one of the `closures` (see `without`) do not take place.
        """
        low, high = (int(place) for place in np.searchsorted(self.at, (start_ms, end_ms)))
        rows = self._rows(low, high)
        return compress(rows, self.without(closures)[low:high].tolist()) if closures else rows

    def _rows(self, low: int, high: int) -> Iterator[Intent]:
        first = day_counter(self.day)
        prices, discounts = (
            (repeat(0), repeat(0))
            if self.paid is None
            else (column[low:high].tolist() for column in self.paid)
        )
        return zip(
            self.at[low:high].tolist(),
            range(first + low, first + high),
            self.kind[low:high].tolist(),
            self.visit[low:high].tolist(),
            self.shelf[low:high].tolist(),
            self.quantity[low:high].tolist(),
            self.chance[low:high].tolist(),
            prices,
            discounts,
            strict=False,
        )


class StorePlanner(Protocol):
    """Where the simulated and the replayed store differ."""

    store_id: str
    name: str
    shelves: tuple[ShelfPlan, ...]

    def opening_lots(self) -> tuple[list[list[Lot]], list[list[Lot]]]:
        """Lots on each shelf and in the back room when the run starts, with numbers unique in the store."""
        ...

    def day(self, day: int) -> DayPlan:
        """The plan of a day (counted from 1970-01-01), a function of settings, seed, store and day.

        Its intents lie within `PLAN_MARGIN_MS` around the day, and after the start of the run.
        """
        ...

    def promotions(self, day: int) -> list[Promotion]:
        """Those that begin on a day (counted from 1970-01-01) and last `LONGEST_PROMOTION_DAYS` at most."""
        ...


LONGEST_PROMOTION_DAYS = 7
ANNOUNCED_MS = 12 * 3_600_000
"""So long before its first day a promotion is announced: the stores' jobs know it when that day begins."""
PLAN_MARGIN_MS = 2 * 3_600_000
"""A day's visits may begin or end in the neighbouring days by so much."""
