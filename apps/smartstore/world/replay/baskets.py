"""A day of a replayed store: each recorded basket becomes a visit with its pickups, and is paid at its recorded time.

With a multiplier m there are m visits per basket. Copy 0 is the recorded basket: its products, quantities, prices
and its time (to the second; the millisecond is drawn). Copy k > 0 keeps the shape of the basket; it is paid around
the time of another basket of the same day, and each product is replaced by one of similar demand: the copy rotates
the blocks of products that follow each other in the store's ranking (`block_of`). A replacement has its own list
price and the line's discount rate.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smartstore.world.chance import generator
from smartstore.world.physical.plan import DAY_MS, ENTER, PAY, PICK, DayPlan

FIRST_BLOCK = 20
"""The 20 busiest products are the first block, the next 40 the second, the next 80 the third …: demand falls ever
slower."""
COPY_JITTER_MS = 20 * 60_000
LONGEST_VISIT_MS = 75 * 60_000
LEAVING_MS = (30_000, 150_000)
"""From the till to the exit."""


@dataclass(frozen=True, slots=True)
class Baskets:
    """The recorded baskets of one store and day. Per basket: `at_ms`, `basket`, `household`, `first` line and line
    `count`; per line: `product`, `quantity`, `unit_cents` and `discount_cents` (of the whole line)."""

    at_ms: NDArray[np.int64]
    basket: NDArray[np.int64]
    household: NDArray[np.int64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]
    product: NDArray[np.int32]
    quantity: NDArray[np.int32]
    unit_cents: NDArray[np.int32]
    discount_cents: NDArray[np.int32]


def plan_day(
    seed: int,
    store_id: str,
    day: int,
    baskets: Baskets,
    multiplier: int,
    list_cents: NDArray[np.int32],
    start_ms: int,
) -> DayPlan:
    """The plan of a day; baskets that would be paid before the run starts (`start_ms`) are left out."""
    recorded = len(baskets.at_ms)
    which, copy = np.tile(np.arange(recorded), multiplier), np.repeat(np.arange(multiplier), recorded)
    paid_at = _paid_at(seed, store_id, day, baskets.at_ms, multiplier)
    inside = paid_at > start_ms
    which, copy, paid_at = which[inside], copy[inside], paid_at[inside]
    count = len(which)
    chance = generator(seed, store_id, day, "visits")
    lines = baskets.count[which]
    length = (300_000 + lines * 75_000) * chance.uniform(0.6, 1.4, count)
    entry = paid_at - np.minimum(length, LONGEST_VISIT_MS).astype(np.int64)
    entry = np.maximum(entry, start_ms + 1)
    exit_at = paid_at + chance.integers(*LEAVING_MS, count)

    visit = np.repeat(np.arange(count), lines)
    source = _line_places(baskets.first[which], lines)
    product, unit, discount = _priced(baskets, source, copy[visit], list_cents)
    on_way = chance.uniform(0.05, 0.95, len(visit))
    at = entry[visit] + ((paid_at - entry)[visit] * on_way).astype(np.int64)
    everybody, nothing = np.arange(count), np.zeros(count, np.int64)
    columns = (
        np.concatenate((entry, at, paid_at)),
        np.concatenate((np.full(count, ENTER), np.full(len(visit), PICK), np.full(count, PAY))),
        np.concatenate((everybody, visit, everybody)),
        np.concatenate((nothing, product, nothing)),
        np.concatenate((nothing, baskets.quantity[source], nothing)),
        np.concatenate((nothing, unit, nothing)),
        np.concatenate((nothing, discount, nothing)),
    )
    order = np.lexsort((columns[1], columns[0]))
    names = list(
        zip(baskets.household[which].tolist(), baskets.basket[which].tolist(), copy.tolist(), strict=True)
    )
    return DayPlan(
        day=day,
        at=columns[0][order],
        kind=columns[1][order].astype(np.int8),
        visit=columns[2][order].astype(np.int32),
        shelf=columns[3][order].astype(np.int32),
        quantity=columns[4][order].astype(np.int32),
        # Customers of a replay take the lot that expires first.
        chance=np.zeros(len(order), np.float32),
        paid=(columns[5][order].astype(np.int32), columns[6][order].astype(np.int32)),
        promotions=[],
        customers=[_copy_name(f"hh{household}", k) for household, _, k in names],
        transactions=[_copy_name(str(basket), k) for _, basket, k in names],
        exits=exit_at.tolist(),
    )


def _copy_name(name: str, copy: int) -> str:
    return f"{name}-{copy}" if copy else name


def _paid_at(
    seed: int, store_id: str, day: int, at_ms: NDArray[np.int64], multiplier: int
) -> NDArray[np.int64]:
    """When each visit is paid, copy by copy; all within the day."""
    recorded = len(at_ms)
    milliseconds = generator(seed, store_id, day, "milliseconds").integers(1, 1000, recorded)
    own = at_ms + milliseconds
    if multiplier == 1 or not recorded:
        return np.repeat(own, multiplier)
    chance = generator(seed, store_id, day, "copies")
    shape = (multiplier - 1, 2, recorded)
    draws = chance.random(shape)
    others = own[(draws[:, 0] * recorded).astype(np.int64)]
    jitter = ((2 * draws[:, 1] - 1) * COPY_JITTER_MS).astype(np.int64)
    copies = np.clip(others + jitter, day * DAY_MS + 1, (day + 1) * DAY_MS - 1)
    return np.concatenate((own, copies.ravel()))


def _line_places(first: NDArray[np.int64], lines: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of all lines of the baskets that begin at `first` and have so many `lines`."""
    ends = np.cumsum(lines)
    return (
        np.arange(int(ends[-1]) if len(ends) else 0)
        - np.repeat(ends - lines, lines)
        + np.repeat(first, lines)
    )


def _priced(
    baskets: Baskets, source: NDArray[np.int64], copy: NDArray[np.int64], list_cents: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Product, unit price and line discount (cents) of each line of each copy."""
    recorded = baskets.product[source].astype(np.int64)
    unit, discount = (
        baskets.unit_cents[source].astype(np.int64),
        baskets.discount_cents[source].astype(np.int64),
    )
    quantity = baskets.quantity[source].astype(np.int64)
    start, size = block_of(recorded, len(list_cents))
    product = start + (recorded - start + copy) % size
    replaced = product != recorded
    own_unit = list_cents[product].astype(np.int64)
    own_discount = discount * own_unit // np.maximum(unit, 1)
    own_discount = np.minimum(own_discount, own_unit * quantity)
    return product, np.where(replaced, own_unit, unit), np.where(replaced, own_discount, discount)


def block_of(rank: NDArray[np.int64], products: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First rank and size of the block of similar products that each rank belongs to."""
    starts = [0]
    while starts[-1] < products:
        starts.append(2 * starts[-1] + FIRST_BLOCK)
    bounds = np.minimum(np.array(starts), products)
    place = np.searchsorted(bounds, rank, side="right") - 1
    return bounds[place], bounds[place + 1] - bounds[place]


def line_prices(
    shelf_cents: NDArray[np.int64], paid_cents: NDArray[np.int64], quantity: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Unit price in cents and line discount such that quantity × unit price − discount is what was paid.

    The unit price is the shelf price rounded half up, or a cent more where the discount would become negative.
    """
    unit = (2 * shelf_cents + quantity) // (2 * quantity)
    unit = np.maximum(unit, -(-paid_cents // quantity))
    return unit, unit * quantity - paid_cents
