"""What the world process tells Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class WorldMetrics:
    """All metrics of the world process, in one registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.simulated_time = self._gauge("simulated_time_seconds", "Last emitted tick, seconds since 1970")
        self.speed = self._gauge("speed_ratio", "Simulated seconds per second, lately")
        self.lead = self._gauge(
            "lead_ticks", "Ticks between the last emitted and the slowest acknowledged one"
        )
        self.stores = self._gauge("stores", "Open stores")
        self.finished = self._gauge("finished", "1 when all data has been emitted")
        self.redis_up = self._gauge("redis_up", "1 while Redis takes what is emitted")
        self.held_back = self._counter("held_back_seconds", "Seconds spent waiting for acknowledged ticks")
        self.ticks = self._counter("ticks", "Ticks emitted")
        self.lost_sales = self._counter("lost_sales_units", "Units wanted but not on the shelf")
        self.config_rows = self._counter(
            "config_rows", "Rows of configuration relayed or refused", "topic", "outcome"
        )
        self.events = self._counter("events", "Records emitted", "line")
        self.faults = self._counter("faults", "Faults added on purpose", "fault")
        self.stream_length = Gauge(
            "smartstore_world_stream_length",
            "Entries in a Redis stream",
            ["stream"],
            registry=self.registry,
        )

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"smartstore_world_{name}", text, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"smartstore_world_{name}", text, labels, registry=self.registry)
