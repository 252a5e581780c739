"""Rounds that are made once a day, at the first tick from an hour (UTC) on."""

from smartstore.domain.balance import NEVER
from smartstore.domain.tick import DAY_MS, Moment

HOUR_MS = 3_600_000
NO_DAY = -1
"""There was no round yet."""


def due_ms(last_day: int, hour: int, moment: Moment) -> int:
    """When the next round is due (epoch ms); `last_day` (since 1970-01-01) had the last one. Not in a closed store."""
    if not moment.open:
        return NEVER
    day = moment.today if last_day < moment.today else moment.today + 1
    return day * DAY_MS + hour * HOUR_MS
