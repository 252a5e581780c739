"""What a record of a job must stay within although it adds up what many records said."""

from collections.abc import Iterable, Iterator
from datetime import date

from msgspec import structs

from smartstore.contracts.events import LotQuantity
from smartstore.contracts.fields import MOST_UNITS


def portions(lots: Iterable[LotQuantity]) -> Iterator[list[LotQuantity]]:
    """The lots in their order, cut so that none of the lists names more than `MOST_UNITS` units."""
    portion: list[LotQuantity] = []
    room = MOST_UNITS
    for lot in lots:
        left = lot.quantity
        while left:
            if not room:
                yield portion
                portion, room = [], MOST_UNITS
            taken = min(left, room)
            portion.append(structs.replace(lot, quantity=taken))
            left, room = left - taken, room - taken
    if portion:
        yield portion


def days_after(day: date, days: int) -> date:
    """The date so many days later, 9999-12-31 at the latest."""
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))
