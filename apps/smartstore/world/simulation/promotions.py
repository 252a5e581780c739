"""Weekly promotions of the simulated retailer: which SKUs are cheaper in which week, in all stores.

Weeks start on Monday. SKUs take turns: the queue is a sequence of random permutations of the range, each used up
before the next begins.
"""

from smartstore.domain.prices import WHOLE
from smartstore.world.chance import generator
from smartstore.world.simulation.traffic import weekday

SHARE = (60, 1142)
"""60 promotions a week in a range of 1,142 SKUs; other ranges in proportion, at least one."""
DISCOUNT = (0.05, 0.35)


WEEK_DAYS = 7


def discounts_of(seed: int, day: int, skus: int) -> dict[int, int]:
    """What is off, in basis points, of each SKU (by place in the range) that is on promotion on `day`."""
    week = (day - weekday(day)) // WEEK_DAYS
    per_week = max(1, round(skus * SHARE[0] / SHARE[1]))
    rates = generator(seed, "promotion", week).uniform(*DISCOUNT, per_week)
    points = (rates * WHOLE).round().astype(int).tolist()
    first = week * per_week
    return {_turn(seed, first + place, skus): off for place, off in enumerate(points)}


def _turn(seed: int, position: int, skus: int) -> int:
    permutation, place = divmod(position, skus)
    return int(generator(seed, "promotion order", permutation).permutation(skus)[place])
