"""What `up` shows in a terminal: the whole system on one screen, twice a second."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from smartstore_operator.cli import figures
from smartstore_operator.cli.lines import first_alert_text
from smartstore_operator.embedded.alerts import AlertRow
from smartstore_operator.embedded.observer import Job, Observation, Observer
from smartstore_operator.embedded.runner import Change
from smartstore_operator.embedded.supervisor import Supervisor

log = logging.getLogger(__name__)

_REFRESH_SECONDS = 0.5
_STATUS_EVERY = 4
"""Memory costs some milliseconds to read, so it is looked up at every fourth refresh only."""

_STATE_STYLES = {
    "ready": "green",
    "finished": "dim green",
    "starting": "yellow",
    "waiting": "dim",
    "restarting": "bold yellow",
    "failing": "bold red",
    "stopping": "yellow",
    "stopped": "dim",
}


class LiveView:
    """Takes the terminal's alternate screen while it is entered."""

    def __init__(self, began: float, console: Console, name: str) -> None:
        """`began` is the process's start on the monotonic clock."""
        self._began = began
        self._console = console
        self._name = name
        self._live = Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._task: asyncio.Task[None] | None = None
        self._notes: list[str] = []
        self._events: list[str] = []
        self._on = False

    async def __aenter__(self) -> "LiveView":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.quiet()

    def watch(self, supervisor: Supervisor, observer: Observer) -> None:
        """Show the system from now on."""
        self._live.start()
        self._on = True
        self._task = asyncio.create_task(self._refresh_or_say_why_not(supervisor, observer))

    async def quiet(self) -> None:
        """Give the terminal back and print what is worth keeping."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._on:
            self._live.stop()
            self._on = False
            for note in self._notes:
                self._console.print(note, highlight=False, markup=False)
            self._notes.clear()

    def say(self, text: str) -> None:
        """A line that stays after the end."""
        if self._on:
            self._notes.append(text)
        else:
            self._console.print(text, highlight=False, markup=False)

    def changed(self, change: Change) -> None:
        """A component entered a state; troubles are worth a line."""
        if change.state in ("restarting", "failing"):
            self._events.append(f"{self._now():.0f} s: {change.component} {change.state}, {change.reason}")

    def first_alert(self, alert: AlertRow) -> None:
        """The first alert of this run has reached Postgres."""
        text = first_alert_text(alert, self._now())
        self._events.append(text)
        self.say(text)

    def _now(self) -> float:
        return time.monotonic() - self._began

    async def _refresh_or_say_why_not(self, supervisor: Supervisor, observer: Observer) -> None:
        """A defect of the view must not end the system it shows."""
        try:
            await self._refresh(supervisor, observer)
        except Exception:
            log.exception("the view stopped")
            self._events.append("the view stopped")
            self.say("the view stopped: see `smartstore logs supervisor`")

    async def _refresh(self, supervisor: Supervisor, observer: Observer) -> None:
        count = 0
        status: dict[str, Any] = {}
        while True:
            if count % _STATUS_EVERY == 0:
                status = await asyncio.to_thread(supervisor.status)
            states = supervisor.states()
            frame = screen(self._name, self._now(), status, states, observer.latest, self._events[-1:])
            self._live.update(frame, refresh=True)
            count += 1
            await asyncio.sleep(_REFRESH_SECONDS)


def screen(
    name: str,
    seconds: float,
    status: dict[str, Any],
    states: dict[str, str],
    seen: Observation,
    events: Iterable[str],
) -> Layout:
    """One frame; fits 100 × 30 characters."""
    layout = Layout()
    layout.split_column(
        Layout(_head(name, seconds, status, seen), size=4),
        Layout(_jobs(seen), size=max(len(over_applications(seen.jobs)), 1) + 3),
        Layout(name="below", ratio=1),
        Layout(_foot(status, events), size=2),
    )
    layout["below"].split_row(Layout(_alerts(seen), ratio=1), Layout(_components(status, states), size=44))
    return layout


def _head(name: str, seconds: float, status: dict[str, Any], seen: Observation) -> RenderableType:
    counts = seen.alerts.counts if seen.alerts else {}
    grid = Table.grid(expand=True, padding=(0, 1))
    for _ in range(5):
        grid.add_column(justify="center", ratio=1)
    labels = ("simulated time", "speed", "events/s", "shelves to refill", "memory")
    values = (
        figures.moment(seen.simulated_time),
        figures.speed(seen.speed),
        f"{seen.events_per_second:,.0f}",
        str(counts.get("refill_request", 0)) if seen.alerts else "–",
        figures.memory(status.get("rss_bytes", 0)),
    )
    grid.add_row(*(Text(value, style="bold cyan", no_wrap=True) for value in values))
    grid.add_row(*(Text(label, style="dim", no_wrap=True) for label in labels))
    state = "all data replayed" if seen.finished else "up" if status.get("ready") else "coming up"
    return Panel(grid, title=f"SmartStore [bold]{name}[/] · {status.get('stores', '–')} stores · {state} "
                 f"· {figures.duration(seconds)}", border_style="cyan")  # fmt: skip


def _jobs(seen: Observation) -> RenderableType:
    table = _table("job", ">events", ">acknowledged tick", ">lag", ">last batch")
    for job in over_applications(seen.jobs):
        lag = "–" if job.lag is None else f"{job.lag:,}"
        batch = "–" if job.last_batch_seconds is None else f"{job.last_batch_seconds:.2f} s"
        table.add_row(job.name, f"{job.events_total:,}", figures.moment(job.tick), lag, batch)
    if not seen.jobs:
        table.add_row(Text("the jobs are not up yet", style="dim"))
    return Panel(table, title="Jobs", title_align="left", border_style="dim")


def over_applications(jobs: Iterable[Job]) -> list[Job]:
    """One line for each job, whichever applications share the stores: sums, and the slowest of what does not add up."""
    by_name: dict[str, list[Job]] = {}
    for job in jobs:
        by_name.setdefault(job.name, []).append(job)
    return [
        replace(
            shared[0],
            events_total=sum(job.events_total for job in shared),
            tick=min((job.tick for job in shared if job.tick), default=None),
            lag=sum(job.lag or 0 for job in shared),
            last_batch_seconds=max(job.last_batch_seconds or 0.0 for job in shared),
        )
        if len(shared) > 1
        else shared[0]
        for shared in by_name.values()
    ]


def _alerts(seen: Observation) -> RenderableType:
    table = _table("raised", "store", "shelf", "alert", ">stock")
    for alert in seen.alerts.newest if seen.alerts else ():
        refill = alert.alert_type == "refill_request"
        kind = (
            "refill"
            if refill
            else f"expires {alert.expiry_date:%d %b}"
            if alert.expiry_date
            else alert.alert_type
        )
        low = refill and alert.current_stock * 10 < alert.capacity
        style = (
            "dim" if alert.status == "acknowledged" else "red" if low else "yellow" if refill else "magenta"
        )
        stock = f"{alert.current_stock}/{alert.capacity}"
        cells = (f"{alert.created_at:%d %b %H:%M}", alert.store_id, alert.shelf_id, kind, stock)
        table.add_row(*(Text(cell, style=style, no_wrap=True) for cell in cells))
    counts = seen.alerts.counts if seen.alerts else {}
    total = " · ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(counts.items()))
    return Panel(
        table, title=f"Newest alerts{f' ({total})' if total else ''}", title_align="left", border_style="dim"
    )


def _components(status: dict[str, Any], states: dict[str, str]) -> RenderableType:
    table = _table("component", "state", ">memory", ">restarts")
    rows = {row["name"]: row for row in status.get("components", [])}
    for name, state in states.items():
        row = rows.get(name, {})
        used = row.get("rss_bytes", 0)
        restarts = row.get("restarts", 0)
        table.add_row(
            name,
            Text(state, style=_STATE_STYLES.get(state, "")),
            figures.memory(used) if used else "",
            Text(str(restarts), style="bold yellow") if restarts else "",
        )
    return Panel(table, title="Components", title_align="left", border_style="dim")


def _foot(status: dict[str, Any], events: Iterable[str]) -> RenderableType:
    endpoints = {key: value for key, value in status.get("endpoints", {}).items() if isinstance(value, str)}
    addresses = "  ".join(f"{key} {value.removeprefix('http://')}" for key, value in endpoints.items())
    return Group(
        Text(
            next(iter(events), "Ctrl-C stops everything; the data stay."),
            style="bold",
            no_wrap=True,
            overflow="ellipsis",
        ),
        Text(addresses, style="dim", no_wrap=True, overflow="ellipsis"),
    )


def _table(*columns: str) -> Table:
    """A plain table; a column whose name begins with `>` is aligned to the right."""
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(
            column.lstrip(">"), justify="right" if column.startswith(">") else "left", no_wrap=True
        )
    return table
