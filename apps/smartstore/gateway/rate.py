"""How much one key may send: a token bucket per key, in this process.

Each gateway process counts for itself, so with n of them behind a balancer a key gets up to n times its rate.
"""

import math
import time
from collections.abc import Callable

from msgspec import Struct


class _Bucket(Struct):
    tokens: float
    at: float


class RateLimit:
    """`per_second` records in the long run, `burst` at once.

    A request is let in while its key's bucket is not empty, and is charged for one record then and for the others once
    they are counted; what it takes beyond the bucket has to come in again before the next one.
    """

    def __init__(self, per_second: float, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._now = per_second, burst, now
        self._buckets: dict[str, _Bucket] = {}

    def seconds_to_wait(self, key_id: str) -> int:
        """0 when the key may send now, else whole seconds until it may."""
        tokens = self._refilled(key_id).tokens
        return 0 if tokens > 0 else max(1, math.ceil(-tokens / self._rate))

    def charge(self, key_id: str, records: int) -> None:
        """Take so many records out of the key's bucket."""
        self._refilled(key_id).tokens -= records

    def _refilled(self, key_id: str) -> _Bucket:
        now = self._now()
        bucket = self._buckets.get(key_id)
        if bucket is None:
            bucket = self._buckets[key_id] = _Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        return bucket
