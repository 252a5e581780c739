"""What the gateway tells Prometheus."""

from collections import Counter as Counting
from collections.abc import Callable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from smartstore.gateway.admission import Accepted, Refused, reasons


class GatewayMetrics:
    """All metrics of the gateway, in one registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "smartstore_gateway_requests", "Requests answered", ["path", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "smartstore_gateway_request_seconds",
            "Time from a request's head to its answer",
            ["path"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=self.registry,
        )
        self._accepted = Counter(
            "smartstore_gateway_records_accepted",
            "Records written to Redis",
            ["topic"],
            registry=self.registry,
        )
        self._refused = Counter(
            "smartstore_gateway_records_refused",
            "Records answered with an error, by the first word of its reason",
            ["topic", "reason"],
            registry=self.registry,
        )
        self._length = Gauge(
            "smartstore_gateway_stream_length",
            "Entries in a Redis stream",
            ["stream"],
            registry=self.registry,
        )
        self._keys_age = Gauge(
            "smartstore_gateway_keys_age_seconds", "Age of the copy of the keys", registry=self.registry
        )

    def watch_keys(self, age: Callable[[], float]) -> None:
        """Show the age of the copy of the keys."""
        self._keys_age.set_function(age)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def accepted(self, records: Sequence[Accepted]) -> None:
        """Count records that are in Redis."""
        for topic, count in Counting(record.topic for record in records).items():
            self._accepted.labels(topic).inc(count)

    def refused(self, records: Sequence[Refused]) -> None:
        """Count records that were answered with an error."""
        for labels, count in Counting(reasons(records)).items():
            self._refused.labels(*labels).inc(count)

    def set_lengths(self, lengths: Mapping[str, int]) -> None:
        """Show how full the streams are."""
        for stream, length in lengths.items():
            self._length.labels(stream).set(length)
