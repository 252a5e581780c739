"""The query of the lake application and its upkeep: started from what the tables cover, restarted within a budget."""

import logging
import shutil
import threading
import time
from datetime import timedelta

from prometheus_client import CollectorRegistry
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from smartstore.lake.maintenance import SETTINGS as MAINTENANCE_SETTINGS
from smartstore.lake.maintenance import Maintenance
from smartstore.lake.metrics import APPLICATION, Metrics
from smartstore.lake.pending import PendingRefills
from smartstore.lake.source import extents, read_stream, start_of
from smartstore.lake.store import Store
from smartstore.lake.tables import lake_tables
from smartstore.lake.totals import Totals
from smartstore.lake.writer import Writer
from smartstore.process.env import Environment
from smartstore.process.restarts import RestartBudget
from smartstore.process.server import serve_metrics

log = logging.getLogger("smartstore.lake.application")

STOP_SECONDS = 20.0
SPARK_SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.parquet.compression.codec": "zstd",
    # Small batches a minute apart: most of their time would go into compiling, planning and filters to save reading.
    "spark.driver.defaultJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.sql.optimizer.runtime.bloomFilter.enabled": "false",
    "spark.databricks.delta.snapshotPartitions": "2",
    # Positions must move on with a batch that changes no row.
    "spark.databricks.delta.skipRecordingEmptyCommits": "false",
    **MAINTENANCE_SETTINGS,
}


class LakeApplication:
    """Keeps the query going and the tables fit."""

    def __init__(self, env: Environment) -> None:
        variables = env.variables
        self._env = env
        self._root = env.require("SMARTSTORE_LAKE_ROOT")
        self._max_records = int(variables.get("SMARTSTORE_LAKE_MAX_RECORDS", "200000"))
        self._trigger_ms = int(variables.get("SMARTSTORE_LAKE_TRIGGER_MS", "60000"))
        self._retention = timedelta(hours=float(variables.get("SMARTSTORE_LAKE_RETENTION_HOURS", "24")))
        self._every = float(variables.get("SMARTSTORE_LAKE_MAINTENANCE_SECONDS", "600"))
        self._registry = CollectorRegistry()
        self._metrics = Metrics(self._registry)
        self._failing = False
        self._restarts = RestartBudget()

    def serve(self) -> None:
        """Serve metrics and health: healthy unless the query is down."""
        serve_metrics(self._env.metrics_address, self._registry, lambda: not self._failing)

    def run(self, spark: SparkSession, stop: threading.Event) -> int:
        """Until asked to stop; returns the exit code.

        Raises:
            SystemExit: the lake contradicts the contracts or Kafka; says where.
        """
        query = self._start(spark)
        seen = -1
        while not stop.wait(0.25):
            if not query.isActive:
                self._failing = True
                if not self._restarts.allows(query.exception()):
                    return 1
                query = self._start(spark)
                self._failing = False
            progress = query.lastProgress
            if progress is not None and progress["batchId"] != seen:
                seen = progress["batchId"]
                self._metrics.progress(progress)
        _stop(query)
        return 0

    def _start(self, spark: SparkSession) -> StreamingQuery:
        """Open the tables and begin right after what they cover.

        Spark demands a checkpoint, but the tables know better: what it says may be older or newer than any of them.
        """
        env = self._env
        store = Store(spark, self._root, self._retention, self._metrics)
        writer = Writer(
            lake_tables(), (Totals(store), PendingRefills(store)), store, self._metrics, env.prefix
        )
        writer.open()
        covered = writer.covered()
        start = start_of(covered, extents(env.brokers, env.prefix, list(covered)))
        for topic, records in start.missed.items():
            self._metrics.missed(topic, records)
            log.error(
                "%d records of %s are lost for the lake: Kafka deleted them before they were read",
                records,
                topic,
            )
        maintenance = Maintenance(store, self._metrics, self._retention)
        checkpoint = self._env.data_dir / "checkpoint"
        shutil.rmtree(checkpoint, ignore_errors=True)
        frame = read_stream(spark, env.brokers, env.prefix, start, self._max_records)
        query = (
            frame.writeStream.foreachBatch(_Batches(writer, maintenance, self._every).take)
            .queryName(APPLICATION)
            .option("checkpointLocation", str(checkpoint))
            .trigger(processingTime=f"{self._trigger_ms} milliseconds")
            .start()
        )
        log.info("query %s writes %d tables below %s", APPLICATION, len(lake_tables()), self._root)
        return query


class _Batches:
    """What happens in the query's thread: a micro-batch, then upkeep when it is due."""

    def __init__(self, writer: Writer, maintenance: Maintenance, every: float) -> None:
        self._writer, self._maintenance, self._every = writer, maintenance, every
        self._next = time.monotonic() + every

    def take(self, batch: DataFrame, _batch_id: int) -> None:
        """Write one micro-batch; it may come again when the driver dies, and then changes nothing."""
        try:
            newest = self._writer.write(batch)
            if newest is not None and time.monotonic() >= self._next:
                self._maintenance.round(self._writer.paths(), newest)
                self._next = time.monotonic() + self._every
        except Exception:
            log.exception("a micro-batch failed")  # Spark's own report does not show where
            raise


def _stop(query: StreamingQuery) -> None:
    """Let the micro-batch end if it ends soon; one that is cut off is repeated."""
    stopping = threading.Thread(target=query.stop, daemon=True)
    stopping.start()
    stopping.join(STOP_SECONDS)
