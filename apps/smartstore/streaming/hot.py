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

from smartstore.contracts.wire import from_epoch_ms
from smartstore.domain.engine import Parameters
from smartstore.domain.lines import NO_POSITION
from smartstore.domain.state_codec import taken_ms_of
from smartstore.process.env import Environment
from smartstore.process.lock import lock_directory
from smartstore.process.logs import configure_logs
from smartstore.process.restarts import RestartBudget
from smartstore.process.server import serve_metrics
from smartstore.process.spark import spark_session
from smartstore.process.stopping import stop_event
from smartstore.streaming import checkpoint, savepoint
from smartstore.streaming.group import RESULT_DECODER, StoreGroup
from smartstore.streaming.origin import NoBeginning, Origin, demand_kept, kept_by
from smartstore.streaming.publisher import Publisher
from smartstore.streaming.query import Reading, results
from smartstore.streaming.savepoint import SavepointError, Summary
from smartstore.streaming.savepoint_requests import Requests
from smartstore.streaming.shard import Shard, shard_of
from smartstore.streaming.statistics import Statistics

log = logging.getLogger("smartstore.streaming.hot")

STOP_SECONDS = 10.0
TASKS_PER_CORE = 4
"""A micro-batch has a task per line and partition, and most of them only wait for Kafka's answer."""


class HotApplication:
    """Starts the query and keeps it going; a failed query is restarted from its checkpoint within a budget."""

    def __init__(self, env: Environment, spark: SparkSession, shard: Shard) -> None:
        settings = env.run_settings()
        self._env, self._spark, self._shard = env, spark, shard
        self._parameters = Parameters(settings.source.tick_ms, settings.planning)
        self._checkpoint = env.data_dir / "checkpoint"
        self._origin = Origin(env.data_dir / "origin")
        self._requests = Requests(env.variables.get("SMARTSTORE_SAVEPOINT_DIR", ""), shard.application)
        self._registry = CollectorRegistry()
        self._statistics = Statistics(self._registry, shard.application)
        self._publishing = threading.Lock()
        self._publisher = self._new_publisher()
        self._query: StreamingQuery | None = None
        self._has_begun = False
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
                self._query = self._start_again()
            wanted = self._requests.wanted()
            if wanted is not None and checkpoint.last_batch(self._checkpoint) is not None:
                self._answer(wanted)
            self._has_begun = self._has_begun or _is_past_first_trigger(self._query)
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

    def _answer(self, wanted: Path) -> None:
        """Stop the query, write this application's part of a savepoint, start it again.

        A micro-batch that is cut off is repeated from the checkpoint.
        """
        assert self._query is not None
        self._query.stop()
        with self._publishing:  # it may still be at it
            log.info("savepoint wanted in %s", wanted)
        try:
            self._save(wanted)
        except (PySparkException, OSError) as error:
            self._requests.refuse(wanted, str(error).splitlines()[0])
            log.error("no savepoint: %s", str(error).splitlines()[0])
        self._query = self._start_again()

    def _save(self, wanted: Path) -> None:
        batch = checkpoint.last_batch(self._checkpoint)
        assert batch is not None
        states = self._origin.states() | dict(checkpoint.states_after(self._spark, self._checkpoint, batch))
        ticks = [tick for state in states.values() if (tick := taken_ms_of(state)) != NO_POSITION]
        summary = Summary(
            application=self._shard.application,
            shards=self._shard.shards,
            stores=len(states),
            first_tick=from_epoch_ms(min(ticks)) if ticks else None,
            last_tick=from_epoch_ms(max(ticks)) if ticks else None,
            positions=checkpoint.positions_after(self._checkpoint, batch, self._env.prefix),
        )
        savepoint.write(wanted, summary, sorted(states.items()))
        log.info("savepoint of %d stores written to %s", len(states), wanted)

    def _begin(self) -> savepoint.Positions:
        """Where a new checkpoint begins to read: by the savepoint asked for, else at the beginning of all lines.

        Raises:
            NoBeginning: Kafka no longer has what would be needed.
            SavepointError: the savepoint cannot be used.
        """
        wanted = self._env.variables.get("SMARTSTORE_HOT_SAVEPOINT")
        if wanted and not self._origin.is_savepoint:
            self._origin.adopt(Path(wanted), self._shard)
            log.info("begin from the savepoint in %s", wanted)
        positions = self._origin.positions()
        demand_kept(positions, kept_by(self._env.brokers, self._env.prefix, self._shard))
        return positions

    def _start_again(self) -> StreamingQuery:
        self._publisher = self._new_publisher()
        return self._start()

    def _start(self) -> StreamingQuery:
        variables = self._env.variables
        begin = {} if checkpoint.exists(self._checkpoint) else self._begin()
        frame = results(
            self._spark,
            Reading(self._env.brokers, self._env.prefix, self._shard, begin),
            int(variables.get("SMARTSTORE_HOT_MAX_RECORDS", "200000")),
            StoreGroup(self._parameters, self._shard.application, self._origin),
        )
        query = (
            frame.writeStream.foreachBatch(self._publish)
            .queryName(self._shard.application)
            .option("checkpointLocation", str(self._checkpoint))
            .trigger(processingTime=f"{variables.get('SMARTSTORE_HOT_TRIGGER_MS', '500')} milliseconds")
            .start()
        )
        log.info("query %s runs from %s", self._shard.application, self._checkpoint)
        return query

    def _publish(self, frame: DataFrame, _batch_id: int) -> None:
        """Publish one micro-batch. It runs again with the same content if the driver dies before Spark commits it."""
        rows = [RESULT_DECODER.decode(value) for value in frame.toArrow().column("result").to_pylist()]
        rows.sort(key=lambda result: result.store_id)
        with self._publishing:
            self._publisher.publish(rows)
        self._statistics.add(rows)

    def _new_publisher(self) -> Publisher:
        return Publisher(self._env.brokers, self._env.prefix, self._env.partitions)

    def _is_healthy(self) -> bool:
        return self._has_begun and self._query is not None and self._query.isActive


def _is_past_first_trigger(query: StreamingQuery) -> bool:
    """Whether a micro-batch is done, or there was nothing to do."""
    return query.lastProgress is not None or query.status["message"] == "Waiting for data to arrive"


def main() -> int:
    """Entry point; exit code 0 after a graceful stop."""
    configure_logs()
    logging.getLogger("py4j").setLevel(logging.WARNING)
    env = Environment.from_os()
    shard = shard_of(env)
    _lock = lock_directory(env.data_dir, "driver")
    jars, scratch = Path(env.require("SMARTSTORE_SPARK_JARS")), env.data_dir / "scratch"
    # Their number is frozen into the checkpoint at its first start.
    partitions = env.variables.get("SMARTSTORE_HOT_SHUFFLE_PARTITIONS", "2")
    extra = {"spark.sql.shuffle.partitions": partitions, **checkpoint.LOCAL_FILES}
    spark = spark_session(
        shard.application, jars, scratch, env.variables, extra, tasks_per_core=TASKS_PER_CORE
    )
    try:
        return HotApplication(env, spark, shard).run()
    except (NoBeginning, SavepointError) as error:
        log.error("cannot begin: %s", error)
        return 1
    except PySparkException as error:
        log.error("Spark cannot go on: %s", str(error).splitlines()[0])
        return 1


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)  # Spark's threads of a failed query may not end by themselves
