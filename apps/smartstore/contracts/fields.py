"""Field types shared by all records: one name per meaning, with its unit and its limits.

Quantities are whole units, money is whole cents, weight is whole grams, time is UTC (ISO 8601 on the wire).
"""

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, Struct


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """Base of all records: trees without cycles, so the garbage collector need not follow them."""


Id = Annotated[str, Meta(min_length=1, max_length=64)]
"""Identifier that is unique for its kind; a UUID wherever SmartStore makes it."""

# Python's `$` would let a line feed follow, as scanners send it; the look-ahead says the same in every dialect.
StoreId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,31}(#[0-9]{1,3})?$(?!\n)")]
"""One store, or one part of a very large store (`s0001#2`)."""

ShelfId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,47}$(?!\n)")]
"""One shelf of a store; a shelf holds one SKU."""

BatchCode = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,47}$(?!\n)")]
"""One lot (batch) of a SKU: goods received together, with one expiry date."""

RowKey = Annotated[str, Meta(min_length=1, max_length=160)]
"""Key of a row of configuration without an id: store (`*` = all), shelf and what else names it, joined by `/`."""

Name = Annotated[str, Meta(max_length=128)]
"""Words for people: category, subcategory, product name."""

Text = Annotated[str, Meta(max_length=4096)]
"""A sentence or a reason."""

MOST_UNITS = 1_000_000
"""Units that one record may name."""

Units = Annotated[int, Meta(ge=1, le=MOST_UNITS)]
"""Whole units, at least one."""

Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
"""Whole units, possibly none."""

Total = Annotated[int, Meta(ge=0)]
"""Whole units that many records add up to, possibly none."""

Cents = Annotated[int, Meta(ge=0, le=100_000_000_000)]
"""Money in whole cents, rounded half up."""

MOST_GRAMS = 1_000_000_000_000
"""What a scale may show."""

Grams = Annotated[int, Meta(ge=0, le=MOST_GRAMS)]
"""Weight in whole grams."""

SignedGrams = Annotated[int, Meta(ge=-MOST_GRAMS, le=MOST_GRAMS)]
"""Change of weight in whole grams."""

Percent = Annotated[float, Meta(ge=0, le=100)]
"""Share of a hundred."""

Version = Annotated[int, Meta(ge=0)]
"""Version of one key's state: tick in epoch milliseconds plus the count of changes within the tick."""

Timestamp = Annotated[datetime, Meta(tz=True)]
"""Business time in UTC."""

Day = date
"""Calendar day, UTC."""
