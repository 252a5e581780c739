"""The Spark session of our streaming applications."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from pyspark.sql import SparkSession

from smartstore.contracts.brokers import Brokers, group_id

SUBMITTED = "SMARTSTORE_SPARK_SUBMITTED"
"""Variable that says, by `true`, that spark-submit has begun the application and given it master, memory and jars."""
_SECRETS = "(?i)secret|password|token|access[.]?key|url|jaas"


def spark_session(
    name: str,
    jars: Path,
    scratch: Path,
    variables: Mapping[str, str],
    extra: Mapping[str, str] | None = None,
    *,
    tasks_per_core: int = 1,
) -> SparkSession:
    """A session in local mode with the given jars on its class path, or the one that spark-submit has prepared.

    `variables` are the SMARTSTORE_SPARK_* environment, `extra` settings that only this application has. In local mode
    `scratch` is emptied: what a killed driver left there would otherwise stay for ever. More than one task per core is
    for tasks that wait more than they compute.
    """
    given = {**COMMON, **(extra or {})}
    builder = SparkSession.builder.appName(f"smartstore-{name}")
    if variables.get(SUBMITTED) != "true":
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        tasks = tasks_per_core * int(variables.get("SMARTSTORE_SPARK_CORES", "2"))
        builder = builder.master(f"local[{tasks},4]")
        memory = variables.get("SMARTSTORE_SPARK_DRIVER_MEMORY", "1g")
        java = variables.get("SMARTSTORE_SPARK_JAVA_OPTIONS", "")
        given = {**local_settings(jars, scratch, memory, java), **given}
    for setting, value in given.items():
        builder = builder.config(setting, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("WARN")
    return session


def local_settings(jars: Path, scratch: Path, memory: str, java_options: str = "") -> dict[str, str]:
    """Spark configuration of a driver that does everything itself."""
    return {
        "spark.driver.memory": memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraClassPath": f"{jars}/*",
        "spark.driver.extraJavaOptions": f"-XX:+UseSerialGC -Xss2m {java_options} -Djava.io.tmpdir={scratch}",
        "spark.local.dir": str(scratch),
    }


COMMON = {
    # What plans and logs show of options: a login to Kafka is one line with the password in it.
    "spark.redaction.regex": _SECRETS,
    "spark.sql.redaction.options.regex": _SECRETS,
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    # Hashes over every byte that nobody reads; any of the three switches them on.
    "spark.sql.shuffle.orderIndependentChecksum.enabled": "false",
    "spark.sql.shuffle.orderIndependentChecksum.enableFullRetryOnMismatch": "false",
    "spark.sql.shuffle.orderIndependentChecksum.enableQueryLevelRollbackOnMismatch": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "1000000",
    "spark.sql.streaming.noDataMicroBatches.enabled": "false",
    "spark.sql.streaming.minBatchesToRetain": "10",
    "spark.sql.streaming.maxBatchesToRetainInMemory": "1",
    "spark.sql.streaming.numRecentProgressUpdates": "5",
    "spark.sql.streaming.metricsEnabled": "false",
    "spark.sql.ui.retainedExecutions": "5",
    "spark.ui.retainedJobs": "5",
    "spark.ui.retainedStages": "5",
    "spark.python.worker.reuse": "true",
    "spark.locality.wait": "0",
}
"""Spark configuration of all our applications."""


def kafka_options(brokers: Brokers, part: str) -> dict[str, str]:
    """Options of a Kafka source: how a part of the system connects, and as which consumer groups."""
    options = {f"kafka.{name}": value for name, value in brokers.java().items()}
    return {**options, "groupIdPrefix": group_id(part)}


def lag(source: Any) -> int:
    """Records between what a Kafka source has read and what Kafka has. `source`: of `StreamingQuery.lastProgress`."""
    read, latest = _offsets(source["endOffset"]), _offsets(source["latestOffset"])
    return sum(
        max(0, end - read.get(topic, {}).get(partition, 0))
        for topic, partitions in latest.items()
        for partition, end in partitions.items()
    )


def _offsets(value: Any) -> dict[str, dict[str, int]]:
    decoded = msgspec.json.decode(value) if isinstance(value, str) else value
    return decoded or {}
