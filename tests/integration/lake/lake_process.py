"""The lake application as a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from deltalake import DeltaTable

from smartstore.lake import positions
from smartstore.process.lake_root import location
from smartstore_operator.embedded.toolchain import jar_dir, java_home


class Lake:
    """Starts, kills and stops the driver; looks at its tables."""

    def __init__(self, bootstrap: str, prefix: str, directory: Path) -> None:
        self.root, self.state, self.log = directory / "lake", directory / "state", directory / "lake.log"
        self.environment = {
            **os.environ,
            "JAVA_HOME": str(java_home()),
            "SMARTSTORE_DATA_DIR": str(self.state),
            "SMARTSTORE_LAKE_ROOT": str(self.root),
            "SMARTSTORE_KAFKA_BOOTSTRAP": bootstrap,
            "SMARTSTORE_TOPIC_PREFIX": prefix,
            "SMARTSTORE_SPARK_JARS": str(jar_dir("spark")),
            "SMARTSTORE_SPARK_DRIVER_MEMORY": "512m",
            "SMARTSTORE_LAKE_NICENESS": "0",
            "SMARTSTORE_LAKE_TRIGGER_MS": "200",
            "SMARTSTORE_LAKE_MAX_RECORDS": "6000",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        command = [sys.executable, "-m", "smartstore.lake"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env={**self.environment, **environment}, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """kill -9 of the driver; its JVM must end by itself."""
        assert self.process is not None
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait()
        psutil.wait_procs(family, timeout=30)

    def stop(self) -> int:
        """Graceful; returns the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=60)

    def wait_until(self, condition: Callable[[], bool], seconds: float = 400.0, pause: float = 0.3) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert "a micro-batch failed" not in self.log.read_text(), self.log.read_text()[:9000]
            assert time.monotonic() < deadline, self.log.read_text()[-5000:]
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-5000:]
            time.sleep(pause)

    def location(self, path: str) -> str:
        """Where a table lies."""
        return location(self.environment["SMARTSTORE_LAKE_ROOT"], path)

    def commits(self, path: str) -> int:
        """How many commits a table has."""
        return len(list((self.root / path / "_delta_log").glob("*.json")))

    def covers(self, path: str, topic: str) -> dict[int, int]:
        """Last offset by partition that a table covers."""
        table = positions.open_table(self.location(path))
        return dict(positions.read(table, None).get(topic, {})) if table is not None else {}

    def rows(self, path: str, *columns: str) -> list[dict[str, Any]]:
        """A table's rows."""
        table = DeltaTable(self.location(path))
        found: list[dict[str, Any]] = (
            table.to_pyarrow_dataset().to_table(columns=list(columns) or None).to_pylist()
        )
        return found
