"""What the bridge tells Prometheus. Counts by stream survive restarts: Redis keeps them with the acknowledgements."""

import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

OUTCOMES = ("in", "forwarded", "duplicate", "dead", "tick")
"""in = forwarded + duplicate + dead; ticks are counted apart."""


class BridgeMetrics:
    """All metrics of the bridge, in one registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._entries = Counter(
            "smartstore_bridge_entries",
            "Entries acknowledged, by what became of them (in = forwarded + duplicate + dead)",
            ["stream", "outcome"],
            registry=self.registry,
        )
        self._totals: dict[tuple[str, str], int] = {}
        self.backlog = Gauge(
            "smartstore_bridge_backlog", "Entries not yet acknowledged", ["stream"], registry=self.registry
        )
        self.in_flight = Gauge(
            "smartstore_bridge_in_flight", "Entries read, not yet confirmed by Kafka", registry=self.registry
        )
        self.holds_lock = Gauge(
            "smartstore_bridge_active", "1 while this bridge holds the lock", registry=self.registry
        )
        age = Gauge(
            "smartstore_bridge_last_confirm_age_seconds",
            "Seconds since Kafka last confirmed a batch",
            registry=self.registry,
        )
        age.set_function(self.seconds_since_confirm)
        self._confirmed_at = time.monotonic()
        self._backlog = 0

    def set_totals(self, totals: Mapping[tuple[str, str], int]) -> None:
        """Bring the counters, by stream and outcome, up to what Redis remembers."""
        for key, total in totals.items():
            self.count(*key, total - self._totals.get(key, 0))

    def count(self, stream: str, outcome: str, number: int) -> None:
        """Add acknowledged entries."""
        if number > 0:
            self._entries.labels(stream, outcome).inc(number)
            self._totals[stream, outcome] = self._totals.get((stream, outcome), 0) + number

    def confirmed(self) -> None:
        """Note that a batch has been confirmed, or that there is none to wait for."""
        self._confirmed_at = time.monotonic()

    def set_backlog(self, backlog: Mapping[str, int]) -> None:
        """Set the entries waiting, by stream."""
        for stream, entries in backlog.items():
            self.backlog.labels(stream).set(entries)
        self._backlog = sum(backlog.values())
        if not self._backlog:
            self.confirmed()

    def seconds_since_confirm(self) -> float:
        """Seconds since the last confirmation."""
        return time.monotonic() - self._confirmed_at

    def healthy(self, within_seconds: float) -> bool:
        """Whether there was a confirmation lately, or nothing to confirm."""
        return self._backlog == 0 or self.seconds_since_confirm() < within_seconds
