"""Counter-based randomness and identifiers: each depends on its own name only, never on what was drawn before.

So a world that resumes, or that has one store more, gives every other store the same life.
"""

from hashlib import blake2b

import numpy as np

COUNTER_BITS = 28
"""A daily counter fits in so many bits; the day number stands above it in an identifier's last 48 bits."""


def generator(*name: object) -> np.random.Generator:
    """The generator of this name, e.g. (seed, store, day, purpose): Philox, keyed by a hash of the name."""
    return np.random.Generator(np.random.Philox(key=int.from_bytes(_digest(16, name), "big")))


def id_prefix(*name: object) -> str:
    """The first 24 characters of a UUID (version 8) that belong to this name; append `f"{counter:012x}"`.

    72 bits of hash stand before a counter of 48 bits, so identifiers of a name cost one formatted integer each.
    """
    text = _digest(9, name).hex()
    return f"{text[:8]}-{text[8:12]}-8{text[12:15]}-a{text[15:18]}-"


def day_counter(day: int) -> int:
    """Where a day's counter starts within an identifier; `day` counts from 1970-01-01."""
    return day << COUNTER_BITS


def _digest(size: int, name: tuple[object, ...]) -> bytes:
    return blake2b("/".join(map(str, name)).encode(), digest_size=size).digest()
