"""Signed balances with a grace for late facts (docs/stock-rules.md, Shelf balance).

A balance below zero says that a fact which explains it is still missing. After the lateness bound the books are
corrected: the deficit becomes an adjustment and the balance zero.
"""

import numpy as np

from smartstore.domain.shelves import IntArray

NEVER = np.iinfo(np.int64).max
"""A due time that does not come (epoch milliseconds)."""

NONE = -1
"""No moment yet (epoch milliseconds)."""


def track_deficits(
    balance: IntArray, since: IntArray, tick_ms: int, lateness_ms: int
) -> tuple[IntArray, IntArray]:
    """Follow which balances are below zero, and since which tick.

    Returns the new `since` (epoch ms, `NONE` where the balance is not negative) and the indices whose deficit has
    lasted `lateness_ms` or longer at `tick_ms`.
    """
    negative = balance < 0
    since = np.where(negative, np.where(since == NONE, tick_ms, since), NONE)
    return since, np.flatnonzero(negative & (tick_ms - since >= lateness_ms))


def deficit_due(since: IntArray, lateness_ms: int) -> int:
    """When the oldest deficit becomes an adjustment (epoch ms), or `NEVER`."""
    open_since = since[since != NONE]
    return int(open_since.min()) + lateness_ms if len(open_since) else NEVER
