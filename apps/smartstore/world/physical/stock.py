"""One store's physical state, and the moves of goods within it.

Plain structs, so that a snapshot is one encoding of the tree. Days are counted from 1970-01-01.
"""

from msgspec import Struct, field

UNKNOWN = -1
SUPPLIED = 1_000_000_000
"""Lots of a supplier's deliveries are numbered from here, shelf by shelf; those of the opening stock from 1."""
NEVER = 2**63 - 1
"""A moment that does not come."""


class Lot(Struct, array_like=True, gc=False):
    """Units of one lot: on the shelf, and in baskets (not yet paid). In the back room `baskets` is 0."""

    number: int
    received: int
    expiry: int
    shelf: int
    baskets: int = 0

    @property
    def code(self) -> str:
        """The batch code."""
        return batch_code(self.number)


def batch_code(number: int) -> str:
    """The batch code of a lot's number."""
    if number >= SUPPLIED:
        return f"S{number - SUPPLIED:07d}"
    return f"B{number:07d}"


def lot_number(code: str) -> int:
    """The number of a batch code; `UNKNOWN` for a code that neither the opening stock nor the supplier has."""
    number = int(code[1:]) if code[1:].isdecimal() else UNKNOWN
    if code.startswith("S") and number != UNKNOWN:
        number += SUPPLIED
    return number if batch_code(number) == code else UNKNOWN


class Held(Struct, array_like=True, gc=False):
    """Units of one lot in a basket, with their shelf price and the discount on all of them together."""

    shelf: int
    lot: int
    quantity: int
    unit_price_cents: int
    discount_cents: int


class Task(Struct, array_like=True, order=True):
    """Something people will do at a moment; `number` keeps tasks of the same moment in order.

    `event_id` is the job's fact that the task makes true, if any; `label` the day and the basis points of a markdown.
    """

    at: int
    number: int
    kind: str
    shelf: int = 0
    quantity: int = 0
    lots: list[Lot] = field(default_factory=list)
    event_id: str = ""
    label: tuple[int, int] = (0, 0)


class StoreState(Struct, array_like=True):
    """Everything that changes in one store. Lists are indexed by shelf.

    `shelves` holds a shelf's lots by (expiry, number); `stock` their units on the shelf; `transit` the lots that
    left the back room and are not yet on the shelf. `agenda` is a heap. `baskets` is keyed by visit.
    `labels` holds, by shelf, the day of its last markdown and what comes off then, in basis points.
    """

    now: int
    start: int
    """When the store opened first, epoch ms."""
    shelves: list[list[Lot]]
    back_room: list[list[Lot]]
    stock: list[int]
    transit: list[list[Lot]]
    baskets: dict[int, list[Held]]
    agenda: list[Task]
    next_fact: int = 0
    next_task: int = 0
    closures: list[tuple[int, int]] = field(default_factory=list)
    """From when to when nobody came in, epoch ms; to `NEVER` while the store is closed."""
    left: int = 0
    """When the last customer leaves who came before the last closure, epoch ms."""
    resting: bool = False
    """Closed and settled: time passes without it."""
    labels: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_closed(self) -> bool:
        """Whether nobody may come in."""
        return bool(self.closures) and self.closures[-1][1] == NEVER


def pick(
    lots: list[Lot], quantity: int, chance: float, today: int, earliest_pct: float
) -> list[tuple[Lot, int]]:
    """Move up to `quantity` units from the shelf into a basket; the lots taken, with their units.

    Expired goods are left alone. The lot that expires first is taken when `chance` < `earliest_pct`, else one of the
    others, each with the same probability; what is missing comes from the next ones.
    """
    usable = [lot for lot in lots if lot.shelf > 0 and lot.expiry >= today]
    if chance >= earliest_pct and len(usable) > 1:
        other = 1 + int((chance - earliest_pct) / (1.0 - earliest_pct) * (len(usable) - 1))
        usable.insert(0, usable.pop(other))
    taken = []
    for lot in usable:
        units = min(quantity, lot.shelf)
        lot.shelf -= units
        lot.baskets += units
        taken.append((lot, units))
        quantity -= units
        if not quantity:
            break
    return taken


def find(lots: list[Lot], number: int) -> Lot:
    """The shelf's lot of this number; a lot stays listed as long as units of it are in the store."""
    for lot in lots:
        if lot.number == number:
            return lot
    raise LookupError(f"lot {number} is not in the store")


def shelve(lots: list[Lot], arriving: Lot) -> None:
    """Put the units of `arriving` on the shelf, into the lot of the same number if it is there."""
    position = 0
    for lot in lots:
        if lot.number == arriving.number:
            lot.shelf += arriving.shelf
            return
        if (lot.expiry, lot.number) < (arriving.expiry, arriving.number):
            position += 1
    lots.insert(position, Lot(arriving.number, arriving.received, arriving.expiry, arriving.shelf))


def forget_if_empty(lots: list[Lot], lot: Lot) -> None:
    """Drop a lot of which nothing is left in the store."""
    if lot.shelf == 0 and lot.baskets == 0:
        lots.remove(lot)


def take(lots: list[Lot], number: int, quantity: int) -> Lot | None:
    """Take so many units of a lot off the shelf, out of the back room or off the trolley; None if they are not there.

    Units in baskets stay, and so does their lot.
    """
    for lot in lots:
        if lot.number == number and lot.shelf >= quantity:
            lot.shelf -= quantity
            forget_if_empty(lots, lot)
            return Lot(lot.number, lot.received, lot.expiry, quantity)
    return None


def units(lots: list[Lot]) -> int:
    """Units of all lots, without those in baskets."""
    return sum(lot.shelf for lot in lots)
