"""What the supervisor exports."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """Gauges and counters by connector name."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.task_failed = Gauge(
            "smartstore_connector_task_failed",
            "Tasks of the connector (and the connector itself) that have failed and not yet been restarted.",
            ["connector"],
            registry=registry,
        )
        self.restarts = Counter(
            "smartstore_connector_restarts",
            "Restarts of failed connectors and tasks.",
            ["connector"],
            registry=registry,
        )
        self.sink_lag = Gauge(
            "smartstore_connector_sink_lag_records",
            "Records in the sink's topic that are not yet committed as written to Postgres.",
            ["connector"],
            registry=registry,
        )
        self.deletions_repeated = Counter(
            "smartstore_config_deletions_repeated",
            "Deleted rows of configuration that the source had missed, deleted once more so that stores learn of it.",
            ["topic"],
            registry=registry,
        )
        self.dead_letters = Gauge(
            "smartstore_connector_dead_letters",
            "Records that converters refused, in the connectors' dead-letter topic.",
            registry=registry,
        )
