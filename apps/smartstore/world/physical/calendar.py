"""When a run begins and ends."""

from datetime import UTC, date, datetime

from smartstore.contracts.settings import SourceSettings
from smartstore.contracts.wire import epoch_ms
from smartstore.world.physical.plan import DAY_MS


def run_bounds(source: SourceSettings, start: date, data_end_ms: int | None = None) -> tuple[int, int | None]:
    """First tick's lower bound and end of the run, epoch ms, both on the tick grid.

    The start is `start_hour` of the first day, or the tick before it; the end is `days` times 24 hours later, or
    when the data end, whichever is earlier.
    """
    first_hour = datetime(start.year, start.month, start.day, source.start_hour, tzinfo=UTC)
    start_ms = epoch_ms(first_hour) // source.tick_ms * source.tick_ms
    ends = [start_ms + source.days * DAY_MS] if source.days else []
    if data_end_ms is not None:
        ends.append(data_end_ms)
    return start_ms, -(-min(ends) // source.tick_ms) * source.tick_ms if ends else None
