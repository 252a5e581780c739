"""Effective ticks: at which tick a record of a store is taken (docs/architecture.md, Source lines and ticks).

Ticks are integers here, milliseconds since the epoch.
"""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NO_MOMENT = -(2**63)
"""Stands for "never" where moments are kept as microseconds."""


def microseconds(moment: datetime) -> int:
    """Whole microseconds since the epoch."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def whole_milliseconds(moment: datetime) -> datetime:
    """Business time counts in milliseconds; finer digits do not matter."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def from_microseconds(value: int) -> datetime | None:
    """The moment, None for `NO_MOMENT`."""
    return None if value == NO_MOMENT else EPOCH + timedelta(microseconds=value)


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since the epoch, rounded down."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def from_milliseconds(value: int) -> datetime:
    """The UTC moment so many milliseconds after the epoch."""
    return EPOCH + timedelta(milliseconds=value)


class TickGrid:
    """The grid of possible ticks, multiples of `tick_ms`, and the last tick read by store on one line."""

    def __init__(self, tick_ms: int) -> None:
        self.tick_ms = tick_ms
        self._last: dict[str, int] = {}

    def read(self, tick: int, stores: list[str]) -> None:
        """Note that `tick` has been read for these stores."""
        for store in stores:
            self._last[store] = tick

    def last(self, store: str) -> int | None:
        """The last tick read for the store."""
        return self._last.get(store)

    def effective(self, store: str, timestamp: datetime) -> int:
        """max(first tick > timestamp, last tick read + 1)."""
        first = milliseconds(timestamp) // self.tick_ms * self.tick_ms + self.tick_ms
        last = self._last.get(store)
        return first if last is None or first > last else last + self.tick_ms
