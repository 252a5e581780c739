"""The lake application's metrics: what was written per table, how far it is, how large the tables are."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from smartstore.contracts.applications import LAKE
from smartstore.process.spark import lag

APPLICATION = LAKE


class Metrics:
    """Prometheus metrics of the application and of each table."""

    def __init__(self, registry: CollectorRegistry) -> None:
        application, table = ["application"], ["table"]
        self._records = Counter(
            "smartstore_application_records", "Records read, ticks too", application, registry=registry
        )
        self._lag = Gauge(
            "smartstore_application_lag_records", "Records not read yet", application, registry=registry
        )
        self._last = Gauge(
            "smartstore_application_last_batch_seconds", "Last micro-batch", application, registry=registry
        )
        self._rows = Counter(
            "smartstore_lake_rows",
            "Records taken into a table, repeats of a key too",
            table,
            registry=registry,
        )
        self._commits = Histogram(
            "smartstore_lake_commit_seconds",
            "Time to write one table's part of a micro-batch",
            table,
            buckets=(0.2, 0.5, 1, 2, 5, 10, 30, 60),
            registry=registry,
        )
        self._offset = Gauge(
            "smartstore_lake_offset",
            "Last offset that a table covers",
            [*table, "topic", "partition"],
            registry=registry,
        )
        self._files = Gauge("smartstore_lake_files", "Data files of a table", table, registry=registry)
        self._bytes = Gauge("smartstore_lake_bytes", "Bytes in these files", table, registry=registry)
        self._quarantined = Counter(
            "smartstore_lake_quarantined", "Records put into quarantine", ["topic"], registry=registry
        )
        self._missed = Counter(
            "smartstore_lake_missed",
            "Records that Kafka deleted before they were read",
            ["topic"],
            registry=registry,
        )
        self._maintained = Counter(
            "smartstore_lake_maintenance", "Maintenance done", [*table, "operation"], registry=registry
        )

    def read(self, records: int) -> None:
        """Count the records of one micro-batch."""
        self._records.labels(APPLICATION).inc(records)

    def committed(self, table: str, rows: int, seconds: float) -> None:
        """Count one commit."""
        self._rows.labels(table).inc(rows)
        self._commits.labels(table).observe(seconds)

    def covers(self, table: str, covered: Any) -> None:
        """Show a table's positions. `covered`: last offset by topic and partition."""
        for topic, partitions in covered.items():
            for partition, offset in partitions.items():
                self._offset.labels(table, topic, partition).set(offset)

    def size(self, table: str, files: int, size: int) -> None:
        """Show what a table consists of; `size` in bytes."""
        self._files.labels(table).set(files)
        self._bytes.labels(table).set(size)

    def quarantined(self, topic: str, records: int) -> None:
        """Count records that could not be decoded."""
        self._quarantined.labels(topic).inc(records)

    def missed(self, topic: str, records: int) -> None:
        """Count records that are lost for the lake."""
        self._missed.labels(topic).inc(records)

    def maintained(self, table: str, operation: str) -> None:
        """Count one piece of maintenance: compact, cluster or vacuum."""
        self._maintained.labels(table, operation).inc()

    def progress(self, progress: Any) -> None:
        """Take in Spark's own report of the last micro-batch (`StreamingQuery.lastProgress`)."""
        self._last.labels(APPLICATION).set(progress["durationMs"].get("triggerExecution", 0) / 1000)
        self._lag.labels(APPLICATION).set(sum(lag(source) for source in progress["sources"]))
