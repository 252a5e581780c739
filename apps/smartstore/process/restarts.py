"""How often a failed query may be started again: so many times in so long, with longer pauses each time."""

import logging
import time

log = logging.getLogger("smartstore.process.restarts")

ALLOWED = 5
WINDOW_SECONDS = 600.0
_LONGEST_PAUSE_SECONDS = 10.0


class RestartBudget:
    """Counts the failures of one query."""

    def __init__(self) -> None:
        self._failures: list[float] = []

    def allows(self, error: BaseException | None) -> bool:
        """Take note of a failure and its cause, and wait; False when there were too many lately."""
        log.error("the query stopped: %s", str(error).splitlines()[0] if error else "no reason given")
        now = time.monotonic()
        recent = [moment for moment in self._failures if now - moment < WINDOW_SECONDS]
        self._failures = [*recent, now]
        if len(self._failures) > ALLOWED:
            log.error("the query failed %d times in %.0f s; giving up", len(self._failures), WINDOW_SECONDS)
            return False
        time.sleep(min(2.0 ** len(self._failures) / 2, _LONGEST_PAUSE_SECONDS))
        return True
