"""What `up` says when standard output is no terminal: one line per event, and a summary now and then."""

import asyncio
import contextlib
import time
from types import TracebackType
from typing import Any

from smartstore_operator.cli import figures
from smartstore_operator.embedded.alerts import AlertRow
from smartstore_operator.embedded.observer import Observer
from smartstore_operator.embedded.runner import Change
from smartstore_operator.embedded.supervisor import Supervisor

SUMMARY_SECONDS = 10.0


class Lines:
    """Prints as things happen, with the seconds since the process began."""

    def __init__(self, began: float) -> None:
        """`began` is the process's start on the monotonic clock."""
        self._began = began
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Lines":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.quiet()

    def watch(self, supervisor: Supervisor, _observer: Observer) -> None:
        """Print summaries from now on."""
        self._task = asyncio.create_task(self._summaries(supervisor))

    async def quiet(self) -> None:
        """Print no more summaries."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def say(self, text: str) -> None:
        """One line. A reader that has gone does not disturb the run."""
        with contextlib.suppress(OSError):
            print(f"{time.monotonic() - self._began:7.1f} s  {text}", flush=True)

    def changed(self, change: Change) -> None:
        """A component entered a state."""
        if change.state in ("ready", "finished"):
            self.say(f"{change.component} {change.state} ({change.seconds:.1f} s)")
        elif change.state in ("restarting", "failing"):
            self.say(f"{change.component} {change.state}: {change.reason}")
        elif change.state == "stopped":
            self.say(f"{change.component} stopped{f', {change.reason}' if change.reason else ''}")

    def first_alert(self, alert: AlertRow) -> None:
        """The first alert of this run has reached Postgres."""
        self.say(first_alert_text(alert, time.monotonic() - self._began))

    async def _summaries(self, supervisor: Supervisor) -> None:
        while True:
            await asyncio.sleep(SUMMARY_SECONDS)
            status = await asyncio.to_thread(supervisor.status)
            if not supervisor.stopping:
                self.say(summary(status))


def first_alert_text(alert: AlertRow, seconds: float) -> str:
    """`first alert after 23.4 s: refill_request s367/1082185 3 of 18`."""
    return f"first alert after {seconds:.1f} s: {alert.describe()}"


def summary(status: dict[str, Any]) -> str:
    """The state of the system in one line."""
    parts = [f"{figures.moment(status.get('simulated_time'))} {figures.speed(status.get('speed'))}"]
    parts.append(f"{status.get('events_per_second', 0):,.0f} events/s")
    jobs = status.get("jobs") or []
    lags = [job["lag"] for job in jobs if job["lag"] is not None]
    batches = [job["last_batch_seconds"] for job in jobs if job["last_batch_seconds"] is not None]
    if lags:
        parts.append(f"lag {max(lags):,}")
    if batches:
        parts.append(f"batch {max(batches):.2f} s")
    alerts = status.get("open_alerts") or {}
    parts += [f"{count} {kind}" for kind, count in sorted(alerts.items())]
    parts.append(figures.memory(status["rss_bytes"]))
    unwell = [
        f"{row['name']} {row['state']}"
        for row in status["components"]
        if row["state"] not in ("ready", "finished")
    ]
    return " · ".join(parts + unwell)
