"""What the operator says of itself as Prometheus metrics, all named `smartstore_operator_…`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from smartstore_operator.reconcile.reconciler import Report
from smartstore_operator.runtime.work_queue import WorkQueue

_PREFIX = "smartstore_operator_"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Telemetry:
    """Counters of one process; `registry` has them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.leader = self._gauge("leader", "1 while this operator holds the Lease.")
        self.events = self._counter("watch_events", "Events of watches.", "kind")
        self.watch_restarts = self._counter(
            "watch_restarts", "Times that a watch could not go on and began anew."
        )
        self._passes = self._counter(
            "reconciles",
            "Passes over SmartStores: done, failed, or settled, when all that the watches told was known.",
            "result",
        )
        self._seconds = Histogram(
            f"{_PREFIX}reconcile_seconds", "Duration of a pass.", buckets=_BUCKETS, registry=self.registry
        )
        self._calls = self._counter("api_calls", "Requests to the API server.", "verb", "code")
        self._applied = self._counter("applied", "Objects written.", "kind")
        self._deleted = self._counter("deleted", "Objects deleted that were no longer wanted.", "kind")
        self._drifted = self._counter("drift_corrected", "Changes of others that were taken back.", "kind")
        self._taken = self._counter(
            "taken_over", "Objects with fields taken over from other appliers.", "kind"
        )
        self._estates = self._gauge("smartstores", "SmartStores by state: ready, not_ready.", "state")
        self._objects = self._gauge("managed_objects", "Objects of all SmartStores.")
        self._depth = self._gauge("queue_depth", "SmartStores that wait for a worker.")
        self._age = self._gauge("queue_age_seconds", "How long the one that waits longest has waited.")
        self._known: dict[tuple[str, str], tuple[bool, int]] = {}

    def follow(self, queue: WorkQueue[Any]) -> None:
        """Report this queue."""
        self._depth.set_function(lambda: queue.depth)
        self._age.set_function(lambda: queue.age)

    def called(self, verb: str, code: str) -> None:
        """A request was answered, or failed without an answer (`code` 0)."""
        self._calls.labels(verb, code).inc()

    def settled(self) -> None:
        """There was nothing to look at."""
        self._passes.labels("settled").inc()

    @contextmanager
    def reconciling(self) -> Iterator[None]:
        """Time a pass and count it, as failed if it raises."""
        start = time.monotonic()
        try:
            yield
        except Exception:
            self._passes.labels("failed").inc()
            raise
        finally:
            self._seconds.observe(time.monotonic() - start)
        self._passes.labels("done").inc()

    def reported(self, name: tuple[str, str], report: Report) -> None:
        """What a pass did."""
        for counter, items in (
            (self._applied, report.applied),
            (self._deleted, report.deleted),
            (self._drifted, report.drifted),
            (self._taken, report.taken),
        ):
            for item in items:
                counter.labels(item.partition("/")[0]).inc()
        self._known[name] = report.ready, report.objects
        self._count()

    def gone(self, name: tuple[str, str]) -> None:
        """A SmartStore is no more."""
        if self._known.pop(name, None) is not None:
            self._count()

    def _count(self) -> None:
        ready = sum(is_ready for is_ready, _ in self._known.values())
        self._estates.labels("ready").set(ready)
        self._estates.labels("not_ready").set(len(self._known) - ready)
        self._objects.set(sum(objects for _, objects in self._known.values()))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(_PREFIX + name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(_PREFIX + name, text, labels, registry=self.registry)
