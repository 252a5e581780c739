"""Stock of a simulated store on its first day: lots on the shelves and in the back room.

Dates count from the first day of the run. Lots are whole batches and a rest; their numbers run through the store.
"""

from collections.abc import Iterator

import numpy as np

from smartstore.world.chance import generator
from smartstore.world.physical.stock import Lot
from smartstore.world.simulation.catalogue import Sku

FILL = {True: (0.35, 0.95), False: (0.7, 1.0)}
"""How full a shelf starts, by whether its SKU is perishable."""
LONGEST_PERISHABLE_DAYS = 15


def opening_lots(
    seed: int, store_id: str, day: int, skus: list[Sku]
) -> tuple[list[list[Lot]], list[list[Lot]]]:
    """Lots on each shelf and in its back room on `day` (counted from 1970-01-01)."""
    chance = generator(seed, store_id, "opening")
    numbers = iter(range(1, 1 << 30))
    fill = chance.random(len(skus)).tolist()
    on_shelves = []
    for sku, part in zip(skus, fill, strict=True):
        low, high = FILL[sku.perishable]
        quantity = max(1, int(sku.capacity * (low + (high - low) * part)))
        on_shelves.append(_lots(sku, _batches(quantity, sku.batch_size), day, numbers, chance))
    batches = chance.integers(1, 4, len(skus)).tolist()
    in_back_room = []
    for sku, count in zip(skus, batches, strict=True):
        least = max(1, sku.warehouse_capacity * 5 // 100)
        quantity = max(min(count * sku.batch_size, sku.warehouse_capacity), least)
        in_back_room.append(_lots(sku, _batches(quantity, sku.batch_size), day, numbers, chance))
    return on_shelves, in_back_room


def _batches(quantity: int, size: int) -> list[int]:
    full, rest = divmod(quantity, size)
    return [size] * full + [rest] * (rest > 0)


def _lots(
    sku: Sku, quantities: list[int], day: int, numbers: Iterator[int], chance: np.random.Generator
) -> list[Lot]:
    """The i-th lot keeps longer and came later than the ones before."""
    lots = []
    draws = chance.random((len(quantities), 2)).tolist()
    for i, (quantity, (life, age)) in enumerate(zip(quantities, draws, strict=True)):
        if sku.perishable:
            shortest, longest = min(LONGEST_PERISHABLE_DAYS, 2 + i), LONGEST_PERISHABLE_DAYS
        else:
            shortest, longest = 365 + 100 * i, 730 + 100 * i
        expiry = day + shortest + int(life * (longest - shortest + 1))
        received = day - int(age * 3) - (len(quantities) - 1 - i)
        lots.append(Lot(next(numbers), received, expiry, quantity))
    return lots
