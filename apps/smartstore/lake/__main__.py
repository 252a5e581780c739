"""The lake application: `python -m smartstore.lake`."""

import logging
import os
import sys
from pathlib import Path

from confluent_kafka import KafkaException
from pyspark.errors import PySparkException

from smartstore.lake.application import SPARK_SETTINGS, LakeApplication
from smartstore.lake.metrics import APPLICATION
from smartstore.process.env import Environment
from smartstore.process.lake_root import is_remote, spark_settings
from smartstore.process.lock import lock_directory
from smartstore.process.logs import configure_logs
from smartstore.process.spark import spark_session
from smartstore.process.stopping import stop_event

log = logging.getLogger("smartstore.lake")


def main() -> int:
    """Entry point; exit code 0 after a graceful stop."""
    configure_logs()
    logging.getLogger("py4j").setLevel(logging.WARNING)
    # The live path goes first where both want the same core.
    os.nice(int(os.environ.get("SMARTSTORE_LAKE_NICENESS", "10")))
    env = Environment.from_os()
    root = env.require("SMARTSTORE_LAKE_ROOT")
    _locks = [lock_directory(env.data_dir, "driver")]
    if not is_remote(root):  # a bucket has no locks; there the driver's own has to do
        _locks.append(lock_directory(Path(root), "lake application"))
    application, stop = LakeApplication(env), stop_event()
    application.serve()
    jars = Path(env.require("SMARTSTORE_SPARK_JARS"))
    try:
        settings = {**SPARK_SETTINGS, **spark_settings(root, env.variables)}
        spark = spark_session(APPLICATION, jars, env.data_dir / "scratch", env.variables, settings)
        return application.run(spark, stop)
    except (PySparkException, KafkaException) as error:
        log.error("the lake cannot go on: %s", str(error).splitlines()[0])
        return 1
    except SystemExit as error:
        log.error("%s", error)
        return 1


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)  # Spark's threads of a failed query may not end by themselves
