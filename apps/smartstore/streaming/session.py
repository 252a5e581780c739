"""The Spark session of our streaming applications, in local mode, tuned for small machines."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import SparkSession


def spark_session(jars: Path, scratch: Path, variables: Mapping[str, str]) -> SparkSession:
    """A local session with the given jars on its class path. `variables`: the SMARTSTORE_SPARK_* environment.

    `scratch` is emptied: what a killed driver left there would otherwise stay for ever.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    cores = variables.get("SMARTSTORE_SPARK_CORES", "2")
    memory = variables.get("SMARTSTORE_SPARK_DRIVER_MEMORY", "1g")
    builder = SparkSession.builder.master(f"local[{cores},4]").appName("smartstore-hot")
    for name, value in settings(jars, scratch, memory, variables).items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("WARN")
    return session


def settings(jars: Path, scratch: Path, memory: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Spark configuration. The number of shuffle partitions is frozen into a checkpoint at its first start."""
    return {
        "spark.driver.memory": memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraClassPath": f"{jars}/*",
        "spark.driver.extraJavaOptions": f"-XX:+UseSerialGC -Xss2m -Djava.io.tmpdir={scratch}",
        "spark.local.dir": str(scratch),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": variables.get("SMARTSTORE_HOT_SHUFFLE_PARTITIONS", "2"),
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
