"""The hot application: `python -m smartstore.streaming.hot`."""

import logging
import os
import sys
import threading
from pathlib import Path

from prometheus_client import CollectorRegistry
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from smartstore.domain.engine import APPLICATION, Parameters
from smartstore.process.env import Environment
from smartstore.process.lock import lock_directory
from smartstore.process.logs import configure_logs
from smartstore.process.restarts import RestartBudget
from smartstore.process.server import serve_metrics
from smartstore.process.spark import spark_session
from smartstore.process.stopping import stop_event
from smartstore.streaming.group import RESULT_DECODER
from smartstore.streaming.publisher import Publisher
from smartstore.streaming.query import results
from smartstore.streaming.statistics import Statistics

log = logging.getLogger("smartstore.streaming.hot")

STOP_SECONDS = 10.0


class HotApplication:
    """Starts the query and keeps it going; a failed query is restarted from its checkpoint within a budget."""

    def __init__(self, env: Environment, spark: SparkSession) -> None:
        settings = env.run_settings()
        self._env, self._spark = env, spark
        self._parameters = Parameters(settings.source.tick_ms, settings.planning)
        self._registry = CollectorRegistry()
        self._statistics = Statistics(self._registry)
        self._publisher = self._new_publisher()
        self._query: StreamingQuery | None = None
        self._restarts = RestartBudget()

    def run(self) -> int:
        """Until asked to stop; returns the exit code."""
        stop = stop_event()
        serve_metrics(self._env.metrics_address, self._registry, self._is_healthy)
        self._query = self._start()
        seen = -1
        while not stop.wait(0.25):
            if not self._query.isActive:
                if not self._restarts.allows(self._query.exception()):
                    return 1
                self._publisher = self._new_publisher()
                self._query = self._start()
            progress = self._query.lastProgress
            if progress is not None and progress["batchId"] != seen:
                seen = progress["batchId"]
                self._statistics.progress(progress)
        self._stop_query()
        return 0

    def _stop_query(self) -> None:
        """Let the micro-batch end if it ends soon; one that is cut off is repeated from the checkpoint."""
        assert self._query is not None
        stopping = threading.Thread(target=self._query.stop, daemon=True)
        stopping.start()
        stopping.join(STOP_SECONDS)

    def _start(self) -> StreamingQuery:
        variables = self._env.variables
        frame = results(
            self._spark,
            self._env.kafka_bootstrap,
            self._env.prefix,
            int(variables.get("SMARTSTORE_HOT_MAX_RECORDS", "200000")),
            self._parameters,
        )
        query = (
            frame.writeStream.foreachBatch(self._publish)
            .queryName(APPLICATION)
            .option("checkpointLocation", str(self._env.data_dir / "checkpoint"))
            .trigger(processingTime=f"{variables.get('SMARTSTORE_HOT_TRIGGER_MS', '500')} milliseconds")
            .start()
        )
        log.info("query %s runs from %s", APPLICATION, self._env.data_dir / "checkpoint")
        return query

    def _publish(self, frame: DataFrame, _batch_id: int) -> None:
        """Publish one micro-batch. It runs again with the same content if the driver dies before Spark commits it."""
        rows = [RESULT_DECODER.decode(value) for value in frame.toArrow().column("result").to_pylist()]
        rows.sort(key=lambda result: result.store_id)
        self._publisher.publish(rows)
        self._statistics.add(rows)

    def _new_publisher(self) -> Publisher:
        return Publisher(self._env.kafka_bootstrap, self._env.prefix, self._env.partitions)

    def _is_healthy(self) -> bool:
        return self._query is not None and self._query.isActive


def main() -> int:
    """Entry point; exit code 0 after a graceful stop."""
    configure_logs()
    logging.getLogger("py4j").setLevel(logging.WARNING)
    env = Environment.from_os()
    _lock = lock_directory(env.data_dir, "driver")
    jars, scratch = Path(env.require("SMARTSTORE_SPARK_JARS")), env.data_dir / "scratch"
    # Their number is frozen into the checkpoint at its first start.
    partitions = env.variables.get("SMARTSTORE_HOT_SHUFFLE_PARTITIONS", "2")
    extra = {"spark.sql.shuffle.partitions": partitions}
    spark = spark_session(APPLICATION, jars, scratch, env.variables, extra)
    try:
        return HotApplication(env, spark).run()
    except PySparkException as error:
        log.error("Spark cannot go on: %s", str(error).splitlines()[0])
        return 1


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)  # Spark's threads of a failed query may not end by themselves
