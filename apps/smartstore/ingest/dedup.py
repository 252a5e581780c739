"""Which event ids of a store have been seen: sets in Redis, by source line and by the line's business time.

A *stream's clock* is its last tick (before the first, the greatest timestamp seen). An id is remembered in the
set of the 8 hours in which the clock stood when the event came, and looked up in all sets that reach into the last
26 hours; older sets are dropped. An event more than 24 hours behind the clock is refused as too old; the first copy of
a younger one came at most two hours before its own timestamp, so if there was one, its set still exists. The set does
not depend on the event's timestamp, so a copy with another payload is found too. Each stream has its own clock, because
after an outage the streams catch up at different speeds.

Ids are kept as 16-byte digests: any text may be an id, and two are likely to collide only among 2^64. A digest is of
the store too: tills that count their events need not agree with those of other stores, and no key can spend their ids.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

HOUR_MS = 3_600_000
WINDOW_MS = 24 * HOUR_MS
"""How far apart in business time two copies of an event are recognised as such."""
_BUCKET_MS = 8 * HOUR_MS
_KEPT_MS = WINDOW_MS + 2 * HOUR_MS
_MOST_DROPPED = 64


def digest(store_id: str, event_id: str) -> bytes:
    """16 bytes that stand for an event id of a store."""
    return blake2b(f"{store_id}/{event_id}".encode(), digest_size=16).digest()


def bucket_of(clock_ms: int) -> int:
    """The number of the set in which ids are remembered at a moment of the stream's clock."""
    return clock_ms // _BUCKET_MS


def live_buckets(clock_ms: int) -> range:
    """The sets that may hold the first copy of an event that is not too old."""
    return range((clock_ms - _KEPT_MS) // _BUCKET_MS, bucket_of(clock_ms) + 1)


class SeenIds:
    """The sets of one stream: the commands that ask, remember and forget."""

    def __init__(self, prefix: str, line: str) -> None:
        self._base = f"{prefix}dedup:{line}:"

    def key(self, bucket: int) -> str:
        """The name of a set."""
        return f"{self._base}{bucket}"

    def questions(self, first_ms: int, last_ms: int, digests: Sequence[bytes]) -> list[tuple[object, ...]]:
        """Commands that ask which ids are known, for events between two moments of the clock; see `known`."""
        buckets = range(live_buckets(first_ms).start, live_buckets(last_ms).stop)
        return [("SMISMEMBER", self.key(bucket), *digests) for bucket in buckets]

    def remember(self, digests: dict[int, list[bytes]]) -> list[tuple[object, ...]]:
        """Commands that remember ids, by bucket."""
        return [("SADD", self.key(bucket), *members) for bucket, members in digests.items() if members]

    def forget(self, before_ms: int, clock_ms: int) -> list[tuple[object, ...]]:
        """Commands that drop the sets that were live at the first and are no longer at the second moment."""
        first, end = live_buckets(before_ms).start, live_buckets(clock_ms).start
        buckets = range(max(first, end - _MOST_DROPPED), end)
        return [("UNLINK", *(self.key(bucket) for bucket in buckets))] if buckets else []


def known(digests: Sequence[bytes], replies: Iterable[Sequence[int]]) -> set[bytes]:
    """Those of the digests that any of the replies to `questions` affirms."""
    found: set[bytes] = set()
    for reply in replies:
        if 1 in reply:
            found.update(member for member, there in zip(digests, reply, strict=True) if there)
    return found
