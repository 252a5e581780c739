"""When a failed connector may be restarted: at once the first time, then ever more rarely."""

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 30.0
FORGIVEN_AFTER_SECONDS = 120.0
"""A connector that ran so long without a failure starts again with the shortest wait."""


class BackOff:
    """Restart budget of one connector; `now` is seconds on any clock that only runs forwards."""

    def __init__(self) -> None:
        self._wait = 0.0
        self._next = 0.0
        self._last_failure = float("-inf")

    def may_restart(self, now: float) -> bool:
        """Called when the connector is found failed: whether to restart it now. True uses the permission up."""
        if now - self._last_failure > FORGIVEN_AFTER_SECONDS:
            self._wait = 0.0
            self._next = now
        self._last_failure = now
        if now < self._next:
            return False
        self._wait = min(max(2 * self._wait, FIRST_SECONDS), LONGEST_SECONDS)
        self._next = now + self._wait
        return True

    @property
    def wait_seconds(self) -> float:
        """How long after the last restart the next one may come."""
        return self._wait
