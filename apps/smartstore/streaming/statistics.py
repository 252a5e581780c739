"""The hot application's metrics: the statistics rows of all stores, summed, and how far behind it is."""

from collections import defaultdict
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from smartstore.domain.engine import JOBS
from smartstore.process.spark import lag
from smartstore.streaming.group import StoreResult


class Statistics:
    """Prometheus metrics of the application and of each job."""

    def __init__(self, registry: CollectorRegistry, name: str) -> None:
        """`name`: of the application."""
        self._application = name
        job, application = ["job", "application"], ["application"]
        self._events = Counter("smartstore_job_events", "Events a job took in", job, registry=registry)
        self._outputs = Counter("smartstore_job_outputs", "Records a job emitted", job, registry=registry)
        self._dropped = Counter(
            "smartstore_job_dropped", "Events a job refused or ignored", job, registry=registry
        )
        self._seconds = Counter("smartstore_job_seconds", "Time spent in a job", job, registry=registry)
        self._tick = Gauge(
            "smartstore_job_tick_seconds", "Acknowledged tick of the slowest store", job, registry=registry
        )
        self._rows = Gauge("smartstore_job_state_rows", "Rows of state, all stores", job, registry=registry)
        self._bytes = Gauge(
            "smartstore_job_state_bytes", "Bytes of state, all stores", job, registry=registry
        )
        self._late = Counter(
            "smartstore_job_late", "Records behind their tick", application, registry=registry
        )
        self._repeats = Counter(
            "smartstore_job_repeats", "Repeats recognised by position", application, registry=registry
        )
        self._records = Counter(
            "smartstore_application_records", "Records read, ticks too", application, registry=registry
        )
        self._lag = Gauge(
            "smartstore_application_lag_records", "Records not read yet", application, registry=registry
        )
        self._last = Gauge(
            "smartstore_application_last_batch_seconds", "Last micro-batch", application, registry=registry
        )
        self._batches = Histogram(
            "smartstore_application_batch_seconds",
            "Micro-batches",
            application,
            buckets=(0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
            registry=registry,
        )
        self._stores = Gauge(
            "smartstore_application_stores", "Open stores served", application, registry=registry
        )
        for job_name in JOBS:
            self._events.labels(job_name, self._application)
        self._ticks: dict[str, dict[str, int]] = defaultdict(dict)
        self._sizes: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)

    def add(self, results: list[StoreResult]) -> None:
        """Count what one micro-batch did."""
        for result in results:
            self._records.labels(self._application).inc(result.records)
            self._late.labels(self._application).inc(result.late)
            self._repeats.labels(self._application).inc(result.repeats)
            for row in result.jobs:
                labels = (row.job, self._application)
                self._events.labels(*labels).inc(row.events_in)
                self._outputs.labels(*labels).inc(row.events_out)
                self._dropped.labels(*labels).inc(row.dropped)
                self._seconds.labels(*labels).inc(row.seconds)
                self._ticks[row.job][result.store_id] = row.tick_ms
                if row.state_bytes:
                    self._sizes[row.job][result.store_id] = (row.state_rows, row.state_bytes)
                if not result.open:  # its ticks end; it would be the slowest for ever
                    del self._ticks[row.job][result.store_id]
        for job, ticks in self._ticks.items():
            if ticks:
                self._tick.labels(job, self._application).set(min(ticks.values()) / 1000)
            sizes = self._sizes[job].values()
            self._rows.labels(job, self._application).set(sum(rows for rows, _ in sizes))
            self._bytes.labels(job, self._application).set(sum(size for _, size in sizes))
            self._stores.labels(self._application).set(len(ticks))

    def progress(self, progress: Any) -> None:
        """Take in Spark's own report of the last micro-batch (`StreamingQuery.lastProgress`)."""
        seconds = progress["durationMs"].get("triggerExecution", 0) / 1000
        self._last.labels(self._application).set(seconds)
        self._batches.labels(self._application).observe(seconds)
        self._lag.labels(self._application).set(sum(lag(source) for source in progress["sources"]))
