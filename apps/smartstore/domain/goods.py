"""What lies in one place of a store."""

from typing import NamedTuple

from smartstore.domain.lots import Lots
from smartstore.domain.shelves import BoolArray, IntArray


class Goods(NamedTuple):
    """On the shelves or in the back room after a tick; arrays have one element per shelf."""

    units: IntArray
    """At least 0."""
    counted: BoolArray
    """Whether there was an opening count."""
    lots: Lots
