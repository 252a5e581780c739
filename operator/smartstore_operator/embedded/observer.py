"""What the running system does, seen from beside: once a second, from metrics pages and one query on Postgres."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from smartstore.contracts.applications import is_hot
from smartstore_operator.embedded import metrics
from smartstore_operator.embedded.alerts import AlertReader, AlertRow, Alerts
from smartstore_operator.embedded.metrics import Samples

_WORLD = "world"
_SAMPLE_SECONDS = 1.0
_EAGER_SECONDS = 0.25
"""Between two looks for the first alert, whose time is reported."""
_RATE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job of one application: events since it started, its acknowledged tick, and how its application does."""

    name: str
    application: str
    events_total: int
    tick: str | None
    lag: int | None
    last_batch_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """The system at one moment; None is unknown."""

    simulated_time: str | None = None
    speed: float | None = None
    events_per_second: float = 0.0
    """Records that the applications read per second, lately."""
    finished: bool = False
    """Whether the source has emitted all its data."""
    jobs: tuple[Job, ...] = ()
    alerts: Alerts | None = None
    first_alert: AlertRow | None = None
    """The first one that was raised since the observer looks."""


@dataclass
class _Counter:
    """A counter that does not fall back when its process starts again, and its rate."""

    total: float = 0.0
    _last: float = 0.0
    _history: deque[tuple[float, float]] = field(default_factory=deque)

    def add(self, reading: float, now: float) -> None:
        """Take the process's own count at the moment `now`."""
        self.total += reading - self._last if reading >= self._last else reading
        self._last = reading
        self._history.append((now, self.total))
        while now - self._history[0][0] > _RATE_SECONDS:
            self._history.popleft()

    def rate(self) -> float:
        """Increase per second over the last seconds."""
        (begin, first), (end, last) = self._history[0], self._history[-1]
        return (last - first) / (end - begin) if end > begin else 0.0


class Observer:
    """Looks once a second; `latest` is what it saw, `status` the same for `smartstore status`."""

    def __init__(
        self,
        urls: Mapping[str, str],
        postgres_dsn: str,
        first_alert: Callable[[AlertRow], None] = lambda _: None,
    ) -> None:
        """`urls` maps components to their metrics pages."""
        self.latest = Observation()
        self._urls = urls
        self._reader = AlertReader(postgres_dsn)
        self._say_first_alert = first_alert
        self._counters: dict[str, _Counter] = {}
        self._known: datetime | None = None
        self._baseline_set = False

    async def run(self) -> None:
        """Look until cancelled. The queries run in a thread, so a slow server delays nothing else."""
        next_sample = 0.0
        try:
            while True:
                alerts = await asyncio.to_thread(self._reader.read)
                self._take_alerts(alerts)
                if time.monotonic() >= next_sample:
                    next_sample = time.monotonic() + _SAMPLE_SECONDS
                    pages = await asyncio.to_thread(self._scrape)
                    self.latest = replace(self.latest, **self._interpret(pages, time.monotonic()))
                waiting = self.latest.alerts is not None and self.latest.first_alert is None
                await asyncio.sleep(_EAGER_SECONDS if waiting else _SAMPLE_SECONDS)
        finally:
            self._reader.close()

    def status(self, restarts: Mapping[str, int]) -> dict[str, Any]:
        """The part of `status` that comes from looking; `restarts` by component."""
        latest = self.latest
        return {
            "simulated_time": latest.simulated_time,
            "speed": latest.speed,
            "finished": latest.finished,
            "events_per_second": round(latest.events_per_second, 1),
            "open_alerts": dict(latest.alerts.counts) if latest.alerts else {},
            "jobs": [_job_status(job, restarts.get(job.application, 0)) for job in latest.jobs],
        }

    def _scrape(self) -> dict[str, Samples]:
        names = [name for name in self._urls if is_hot(name) or name == _WORLD]
        return {name: metrics.scrape(self._urls[name]) for name in names}

    def _take_alerts(self, alerts: Alerts | None) -> None:
        if alerts is None:
            self.latest = replace(self.latest, alerts=None)
            return
        first = self.latest.first_alert
        if not self._baseline_set:  # these are of an earlier run
            self._known = max((alert.created_at for alert in alerts.newest), default=None)
            self._baseline_set = True
        elif first is None:
            new = [alert for alert in alerts.newest if self._known is None or alert.created_at > self._known]
            first = min(new, key=lambda alert: (alert.created_at, alert.alert_id), default=None)
        announce = first is not None and self.latest.first_alert is None
        self.latest = replace(self.latest, alerts=alerts, first_alert=first)
        if announce and first is not None:
            self._say_first_alert(first)

    def _interpret(self, pages: Mapping[str, Samples], now: float) -> dict[str, Any]:
        world = pages.get(_WORLD, {})
        simulated = metrics.value(world, "smartstore_world_simulated_time_seconds")
        speed = metrics.value(world, "smartstore_world_speed_ratio")
        changes: dict[str, Any] = {
            "speed": round(speed, 1) if speed is not None else None,
            "finished": metrics.value(world, "smartstore_world_finished") == 1,
        }
        if simulated:  # while the world is away the last time seen stays
            changes["simulated_time"] = _iso(simulated)
        jobs: list[Job] = []
        rate = 0.0
        for application, samples in pages.items():
            if not is_hot(application):
                continue
            records = metrics.total(samples, "smartstore_application_records_total")
            if records is not None:
                rate += self._count(application, records, now).rate()
            jobs += self._jobs(application, samples, now)
        changes["events_per_second"] = rate
        if jobs:
            changes["jobs"] = tuple(jobs)
        return changes

    def _jobs(self, application: str, samples: Samples, now: float) -> list[Job]:
        lag = metrics.value(samples, "smartstore_application_lag_records", application=application)
        last = metrics.value(samples, "smartstore_application_last_batch_seconds", application=application)
        names = [labels["job"] for labels in metrics.labels_of(samples, "smartstore_job_events_total")]
        jobs = []
        for name in names:
            labels = {"job": name, "application": application}
            events = metrics.value(samples, "smartstore_job_events_total", **labels) or 0.0
            tick = metrics.value(samples, "smartstore_job_tick_seconds", **labels)
            counter = self._count(f"{application}/{name}", events, now)
            jobs.append(
                Job(
                    name=name,
                    application=application,
                    events_total=int(counter.total),
                    tick=_iso(tick) if tick else None,
                    lag=int(lag) if lag is not None else None,
                    last_batch_seconds=round(last, 3) if last is not None else None,
                )
            )
        return jobs

    def _count(self, name: str, reading: float, now: float) -> _Counter:
        counter = self._counters.setdefault(name, _Counter())
        counter.add(reading, now)
        return counter


def _job_status(job: Job, restarts: int) -> dict[str, Any]:
    return {
        "name": job.name,
        "application": job.application,
        "events_total": job.events_total,
        "tick": job.tick,
        "lag": job.lag,
        "last_batch_seconds": job.last_batch_seconds,
        "restarts": restarts,
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
