"""The hot application as a process of its own."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyspark

from smartstore.contracts import topics
from smartstore.contracts.settings import RunSettings, SourceSettings
from smartstore.contracts.wire import decoder, encode, epoch_ms
from smartstore_operator.embedded.toolchain import jar_dir, java_home
from tests.estate import spark_processes
from tests.integration.streaming.lines_on_kafka import PARTITIONS, STEP_MS, read

SPARK_HOME = Path(pyspark.__file__).parent
_JAVA_OPTIONS = "-XX:+UseSerialGC"
RUN_MODULE = Path(__file__).parents[3] / "images" / "spark" / "run_module.py"


class Hot:
    """Starts, kills and stops the driver; `acknowledged` is the slowest store's tick on `job_status`."""

    def __init__(self, bootstrap: str, prefix: str, directory: Path, **variables: str) -> None:
        """`variables`: environment beside the usual; a state directory of its own by SMARTSTORE_DATA_DIR."""
        directory.mkdir(exist_ok=True)
        run = directory / "run.json"
        run.write_bytes(encode(RunSettings(name="test", stores=3, source=SourceSettings(tick_ms=STEP_MS))))
        self._bootstrap, self._prefix, self.log = bootstrap, prefix, directory / "hot.log"
        self.environment = {
            **os.environ,
            "JAVA_HOME": str(java_home()),
            "SMARTSTORE_RUN_FILE": str(run),
            "SMARTSTORE_DATA_DIR": str(directory / "state"),
            "SMARTSTORE_KAFKA_BOOTSTRAP": bootstrap,
            "SMARTSTORE_KAFKA_PARTITIONS": str(PARTITIONS),
            "SMARTSTORE_TOPIC_PREFIX": prefix,
            "SMARTSTORE_SPARK_JARS": str(jar_dir("spark")),
            "SMARTSTORE_SPARK_JAVA_OPTIONS": _JAVA_OPTIONS,
            "SMARTSTORE_HOT_MAX_RECORDS": "2000",
            "SMARTSTORE_HOT_TRIGGER_MS": "200",
            **variables,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._spawned: list[subprocess.Popen[bytes]] = []

    def start(self) -> "Hot":
        self.process = self.spawn()
        return self

    def spawn(self) -> "subprocess.Popen[bytes]":
        """One driver more."""
        with self.log.open("ab") as log:
            self._spawned.append(
                subprocess.Popen(self.command(), env=self.environment, stdout=log, stderr=log)
            )
        return self._spawned[-1]

    def command(self) -> list[str]:
        """What starts a driver."""
        return [sys.executable, "-m", "smartstore.streaming.hot"]

    def end(self) -> None:
        """kill -9 of every driver that a failed test left running."""
        for process in self._spawned:
            if process.poll() is None:
                _kill(process)

    def kill(self) -> None:
        """kill -9 of the driver; its JVM and Python workers must end by themselves."""
        assert self.process is not None
        _kill(self.process)

    def kill_python_worker(self) -> None:
        """kill -9 of one Python worker."""
        assert self.process is not None
        spark_processes(self.process.pid, "python-worker")[0].kill()

    def stop(self) -> int:
        """Graceful; returns the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=60)

    def acknowledged(self) -> int:
        """The tick (epoch ms) that all stores have reached; 0 before any."""
        ticks: dict[str, int] = {}
        decode = decoder(topics.JOB_STATUS.value).decode
        for _, value, _ in read(self._bootstrap, self._prefix + topics.JOB_STATUS.name):
            status = decode(value)
            ticks[status.store_id] = max(ticks.get(status.store_id, 0), epoch_ms(status.tick))
        return min(ticks.values()) if len(ticks) == 3 else 0

    def wait_for(self, tick_ms: int, seconds: float = 120.0) -> None:
        """Until a tick is acknowledged."""
        deadline = time.monotonic() + seconds
        while self.acknowledged() < tick_ms:
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            assert self.process is None or self.process.poll() is None, self.log.read_text()[-3000:]
            time.sleep(0.5)


class SubmittedHot(Hot):
    """The application as spark-submit starts it in a cluster, with an executor in a process of its own."""

    def __init__(self, bootstrap: str, prefix: str, directory: Path) -> None:
        submitted = {"SMARTSTORE_SPARK_SUBMITTED": "true", "SPARK_LOCAL_IP": "127.0.0.1"}
        super().__init__(bootstrap, prefix, directory, PYSPARK_PYTHON=sys.executable, **submitted)
        self._work = directory

    def command(self) -> list[str]:
        jars = f"{jar_dir('spark')}/*"
        settings = {
            "spark.driver.extraClassPath": jars,
            "spark.executor.extraClassPath": jars,
            "spark.driver.extraJavaOptions": f"-Xss2m {_JAVA_OPTIONS}",
            "spark.executor.extraJavaOptions": f"-Xss2m {_JAVA_OPTIONS}",
            "spark.local.dir": str(self._work / "scratch"),
        }
        options = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
        submit = [str(SPARK_HOME / "bin" / "spark-submit"), "--master", "local-cluster[1,2,1024]", *options]
        return [*submit, str(RUN_MODULE), "smartstore.streaming.hot"]

    def kill_executor(self) -> None:
        """kill -9 of the executor's JVM."""
        assert self.process is not None
        found = psutil.Process(self.process.pid).children(recursive=True)
        executor = "org.apache.spark.executor.CoarseGrainedExecutorBackend"
        next(process for process in found if executor in _words(process)).kill()


def _words(process: psutil.Process) -> list[str]:
    """The command line; none of a process that has ended meanwhile."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _kill(driver: "subprocess.Popen[bytes]") -> None:
    family = psutil.Process(driver.pid).children(recursive=True)
    driver.kill()
    driver.wait()
    psutil.wait_procs(family, timeout=30)
