"""How fast ticks may follow each other: a target speed, and a bound on the lead over what has been acknowledged."""

import time
from collections import deque
from collections.abc import Callable

_WINDOW_SECONDS = 10.0


class Clock:
    """Paces the ticks of one run. Times are simulated epoch milliseconds unless they are named seconds."""

    def __init__(
        self,
        *,
        speed: float,
        tick_ms: int,
        max_lead: int,
        start_ms: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`speed` in simulated seconds per second, 0 = unbounded; `start_ms` is the tick before the first one."""
        self._interval = tick_ms / 1000 / speed if speed else 0.0
        self._tick_ms = tick_ms
        self._max_lead = max_lead
        self._start_ms = start_ms
        self._now = now
        self._due: float | None = None
        self._emitted: deque[tuple[float, int]] = deque()

    def seconds_until_due(self) -> float:
        """How long the target speed still asks to wait for the next tick; 0 or less = due."""
        return 0.0 if self._due is None else self._due - self._now()

    def lead(self, tick_ms: int, acknowledged_ms: int | None) -> int:
        """How many ticks lie between `tick_ms` and the last acknowledged tick."""
        return (tick_ms - self._acknowledged(acknowledged_ms)) // self._tick_ms - 1

    def may_lead(self, tick_ms: int, acknowledged_ms: int | None) -> bool:
        """Whether the tick may be emitted, given the slowest acknowledged tick (None = none yet).

        With `max_lead` 0 only when the tick before it is acknowledged.
        """
        return self.lead(tick_ms, acknowledged_ms) <= self._max_lead

    def emitted(self, tick_ms: int) -> None:
        """Note that a tick has been emitted.

        Time lost (a slow machine, a held clock) is not caught up in a burst: the speed is an upper bound at all times.
        """
        now = self._now()
        due = now if self._due is None else self._due
        self._due = max(due + self._interval, now)
        self._emitted.append((now, tick_ms))
        while len(self._emitted) > 2 and self._emitted[1][0] < now - _WINDOW_SECONDS:
            self._emitted.popleft()

    def achieved_speed(self) -> float:
        """Simulated seconds per second over the last ten seconds or so; 0 before the second tick."""
        if len(self._emitted) < 2:
            return 0.0
        (first_at, first_ms), last_ms = self._emitted[0], self._emitted[-1][1]
        seconds = self._now() - first_at
        return (last_ms - first_ms) / 1000 / seconds if seconds > 0 else 0.0

    def _acknowledged(self, acknowledged_ms: int | None) -> int:
        return self._start_ms if acknowledged_ms is None else max(self._start_ms, acknowledged_ms)
