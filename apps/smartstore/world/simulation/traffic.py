"""Who comes when: visits of one store and day, from weekly weights by part of the day.

The shop opens at 07:00: the night has no weight, and the daily total is shared by the other parts, so it is exact.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smartstore.world.chance import generator
from smartstore.world.physical.facts import SLOT_STARTS
from smartstore.world.physical.plan import DAY_MS

WEEKLY_WEIGHTS = (
    (16, 17, 20, 17, 13, 10),
    (12, 15, 21, 17, 14, 9),
    (15, 16, 25, 22, 17, 12),
    (14, 14, 19, 21, 18, 10),
    (19, 17, 25, 24, 23, 15),
    (22, 24, 27, 22, 20, 18),
    (22, 21, 23, 19, 16, 13),
)
"""Monday to Sunday, by part of the day (`SLOT_STARTS`)."""
MEAN_WEIGHT = sum(map(sum, WEEKLY_WEIGHTS)) / 7
DAILY_VARIATION = 0.10

STAYS = ((0.35, 10, 29), (0.39, 30, 44), (0.26, 45, 75))
"""Share of visits, shortest and longest stay in minutes."""

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Visits:
    """Entry and exit of each visit of a day, epoch ms, by entry."""

    entry: NDArray[np.int64]
    exit: NDArray[np.int64]


def mean_visits(daily_customers: int, traffic_multiplier: float) -> float:
    """Visits of an average day."""
    return daily_customers * traffic_multiplier


def daily_total(seed: int, store_id: str, day: int, daily_customers: int, traffic_multiplier: float) -> int:
    """Visits of one day: the weekday's share of the base, varied by up to 10 %."""
    weight = sum(WEEKLY_WEIGHTS[weekday(day)]) / MEAN_WEIGHT
    varied = 1 + DAILY_VARIATION * (2 * float(generator(seed, store_id, day, "total").random()) - 1)
    return round(mean_visits(daily_customers, traffic_multiplier) * weight * varied)


def visits_of(seed: int, store_id: str, day: int, total: int) -> Visits:
    """`total` visits of a day (counted from 1970-01-01): exact by part of the day, uniform within it."""
    chance = generator(seed, store_id, day, "visits")
    counts = slot_counts(total, WEEKLY_WEIGHTS[weekday(day)])
    starts = np.repeat(np.array(SLOT_STARTS), counts) * _HOUR_MS
    lengths = np.repeat(np.diff((*SLOT_STARTS, 24)), counts) * _HOUR_MS
    entry = day * DAY_MS + starts + (chance.random(total) * lengths).astype(np.int64)
    entry.sort()
    minutes = _stay_minutes(chance.random(total), chance.random(total))
    return Visits(entry, entry + minutes * 60_000)


def slot_counts(total: int, weights: tuple[int, ...]) -> list[int]:
    """`total` shared by the weights of the parts of the day, without the night, by largest remainder."""
    open_weights = (0, *weights[1:])
    whole = sum(open_weights)
    counts = [total * weight // whole for weight in open_weights]
    remainders = sorted(range(len(counts)), key=lambda slot: (-(total * open_weights[slot] % whole), slot))
    for slot in remainders[: total - sum(counts)]:
        counts[slot] += 1
    return counts


def weekday(day: int) -> int:
    """Monday = 0; 1970-01-01, day 0, was a Thursday."""
    return (day + 3) % 7


def _stay_minutes(kind: NDArray[np.float64], within: NDArray[np.float64]) -> NDArray[np.int64]:
    shares, shortest, longest = (np.array(column) for column in zip(*STAYS, strict=True))
    which = np.minimum(np.searchsorted(np.cumsum(shares), kind, side="right"), len(STAYS) - 1)
    return (shortest[which] + within * (longest[which] - shortest[which] + 1)).astype(np.int64)
