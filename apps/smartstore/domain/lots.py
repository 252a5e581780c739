"""The lots of one store as a table: one row per (shelf, batch code), signed balances (docs/stock-rules.md)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from smartstore.domain.balance import NONE
from smartstore.domain.shelves import IntArray, grown, no_ints

NO_DATE = -(10**9)
"""No date known; no date has this number (days since 1970-01-01)."""

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def day_number(day: date | None) -> int:
    """Days since 1970-01-01, `NO_DATE` for None."""
    return NO_DATE if day is None else day.toordinal() - _EPOCH_ORDINAL


def day_of(number: int) -> date | None:
    """The date of a day number, None for `NO_DATE`."""
    return None if number == NO_DATE else date.fromordinal(number + _EPOCH_ORDINAL)


@dataclass(frozen=True)
class LotKeys:
    """Which lots there are, by row; kept apart from what changes so that its index is built once."""

    shelf: IntArray = field(default_factory=no_ints)
    """Index of the shelf."""
    codes: tuple[str, ...] = ()
    index: dict[tuple[int, str], int] = field(init=False)
    """(shelf, batch code) → row; derived."""

    def __post_init__(self) -> None:
        keys = zip(self.shelf.tolist(), self.codes, strict=True)
        object.__setattr__(self, "index", {key: row for row, key in enumerate(keys)})


@dataclass(frozen=True)
class Lots:
    """Lots by row; arrays have one element per lot."""

    keys: LotKeys = field(default_factory=LotKeys)
    received: IntArray = field(default_factory=no_ints)
    expiry: IntArray = field(default_factory=no_ints)
    """Days since 1970-01-01, or `NO_DATE`."""
    balance: IntArray = field(default_factory=no_ints)
    """Units, below zero while a fact is missing."""
    last_event_ms: IntArray = field(default_factory=no_ints)
    changed_ms: IntArray = field(default_factory=no_ints)
    """Tick of the last change."""
    deficit_since_ms: IntArray = field(default_factory=no_ints)
    adjustments: IntArray = field(default_factory=no_ints)

    @property
    def shelf(self) -> IntArray:
        """Index of each lot's shelf."""
        return self.keys.shelf

    @property
    def codes(self) -> tuple[str, ...]:
        """Each lot's batch code."""
        return self.keys.codes

    @property
    def index(self) -> dict[tuple[int, str], int]:
        """(shelf, batch code) → row."""
        return self.keys.index

    def __len__(self) -> int:
        return len(self.keys.codes)

    def with_lots(self, keys: Sequence[tuple[int, str]]) -> "Lots":
        """The table with a row for each key (new ones empty and without dates), in the order given."""
        new = [key for key in dict.fromkeys(keys) if key not in self.index]
        if not new:
            return self
        size = len(self) + len(new)
        shelf = np.concatenate([self.shelf, np.array([shelf for shelf, _ in new], np.int64)])
        return Lots(
            keys=LotKeys(shelf, self.codes + tuple(code for _, code in new)),
            received=grown(self.received, size, NO_DATE),
            expiry=grown(self.expiry, size, NO_DATE),
            balance=grown(self.balance, size, 0),
            last_event_ms=grown(self.last_event_ms, size, NONE),
            changed_ms=grown(self.changed_ms, size, NONE),
            deficit_since_ms=grown(self.deficit_since_ms, size, NONE),
            adjustments=grown(self.adjustments, size, 0),
        )

    def take(self, rows: IntArray) -> "Lots":
        """Only these rows, in this order."""
        return Lots(
            keys=LotKeys(self.shelf[rows], tuple(self.codes[row] for row in rows.tolist())),
            received=self.received[rows],
            expiry=self.expiry[rows],
            balance=self.balance[rows],
            last_event_ms=self.last_event_ms[rows],
            changed_ms=self.changed_ms[rows],
            deficit_since_ms=self.deficit_since_ms[rows],
            adjustments=self.adjustments[rows],
        )

    def earliest_expiry(self, shelves: int, today: int) -> IntArray:
        """Per shelf, the earliest expiry of lots with stock that have not expired before `today`; `NO_DATE` if none."""
        far = np.iinfo(np.int64).max
        earliest = np.full(shelves, far, np.int64)
        alive = (self.balance > 0) & (self.expiry != NO_DATE) & (self.expiry >= today)
        np.minimum.at(earliest, self.shelf[alive], self.expiry[alive])
        earliest[earliest == far] = NO_DATE
        return earliest
