"""Waiting for a server that is down: longer pauses each time, cut short when the process is asked to stop."""

import threading

_FIRST_SECONDS = 0.1
_LONGEST_SECONDS = 5.0


class Stopped(Exception):
    """The process was asked to stop while it waited."""


class Backoff:
    """Pauses of 0.1, 0.2, 0.4 … 5 seconds; `reset` after a success."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._next = _FIRST_SECONDS

    def reset(self) -> None:
        """Begin with the shortest pause again."""
        self._next = _FIRST_SECONDS

    def pause(self) -> None:
        """Wait once; raises `Stopped` when the process is asked to stop."""
        if self._stop.wait(self._next):
            raise Stopped
        self._next = min(2 * self._next, _LONGEST_SECONDS)
