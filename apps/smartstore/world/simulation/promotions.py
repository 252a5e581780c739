"""Weekly promotions of the simulated retailer: which SKUs are cheaper in which week, in all stores.

Weeks start on Monday. SKUs take turns: the queue is a sequence of random permutations of the range, each used up
before the next begins.
"""

from smartstore.world.chance import generator
from smartstore.world.simulation.traffic import weekday

SHARE = (60, 1142)
"""60 promotions a week in a range of 1,142 SKUs; other ranges in proportion, at least one."""
DISCOUNT = (0.05, 0.35)


def discounts_of(seed: int, day: int, skus: int) -> dict[int, float]:
    """The discount (0-1) of each SKU (by place in the range) on promotion on `day`; rounded to 4 digits."""
    week = (day - weekday(day)) // 7
    per_week = max(1, round(skus * SHARE[0] / SHARE[1]))
    rates = generator(seed, "promotion", week).uniform(*DISCOUNT, per_week).round(4).tolist()
    first = week * per_week
    return {_turn(seed, first + place, skus): rate for place, rate in enumerate(rates)}


def _turn(seed: int, position: int, skus: int) -> int:
    permutation, place = divmod(position, skus)
    return int(generator(seed, "promotion order", permutation).permutation(skus)[place])
