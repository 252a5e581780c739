"""A SmartStore on this machine, started from a spec for one measurement."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import yaml
from prometheus_client.parser import text_string_to_metric_families

from smartstore_operator.cli import locate

SMARTSTORE = str(Path(sys.executable).with_name("smartstore"))


@dataclass
class Estate:
    """A running SmartStore and its data directory."""

    data_dir: Path
    _metrics: dict[str, str] = field(default_factory=dict)

    def status(self) -> dict[str, Any]:
        """`smartstore status --json`."""
        out = subprocess.run(self._command("status", "--json"), capture_output=True, text=True, check=True)
        decoded: dict[str, Any] = json.loads(out.stdout)
        return decoded

    def verify(self) -> str:
        """`clean`, or how many differences, or why it cannot be verified."""
        out = self._verification()
        if out.returncode == 0:
            return "clean"
        return (out.stdout or out.stderr).strip().splitlines()[-1][:200]

    def is_verified_to_the_end(self) -> bool:
        """Whether it is clean at the last tick that the source has written; before, the jobs still have it to do."""
        out = self._verification()
        if out.returncode != 0:
            return False
        found = json.loads(out.stdout)
        return bool(found["tick"] == found["ledger_tick"])

    def _verification(self) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(self._command("verify", "--json"), capture_output=True, text=True, check=False)

    def lake_lag(self) -> float:
        """Records that the lake said it had not read; very many until it says so since it was started."""
        has_read = self.metric("lake", "smartstore_application_records_total") > 0
        return self.metric("lake", "smartstore_application_lag_records") if has_read else float("inf")

    def lake_awaits(self) -> int:
        """Records that a clean verification found on topics and not yet in the lake."""
        out = self._verification()
        out.check_returncode()
        lake = next(check for check in json.loads(out.stdout)["checks"] if check["name"] == "lake")
        return int(lake["notes"][0].partition("; ")[2].split()[0].replace(",", ""))

    def report(self) -> dict[str, Any]:
        """`smartstore report --json`."""
        out = subprocess.run(self._command("report", "--json"), capture_output=True, text=True, check=True)
        decoded: dict[str, Any] = json.loads(out.stdout)
        return decoded

    def scale(self, stores: int) -> None:
        """`smartstore scale`, and wait until the source has taken it up."""
        subprocess.run(self._command("scale", str(stores)), capture_output=True, check=True)
        wait_until(f"{stores} stores", lambda: self.metric("world", "smartstore_world_stores") == stores, 60)

    def metric(self, component: str, name: str, **labels: str) -> float:
        """Sum of a metric's samples that carry these labels."""
        # Asking for the address each time would take a good part of a core while measuring.
        if component not in self._metrics:
            self._metrics.update(self.status()["endpoints"]["metrics"])
        url = self._metrics[component]
        with urllib.request.urlopen(url, timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def events(self) -> float:
        """Shelf and till events that the bridge has forwarded so far."""
        lines = ("shelf_events", "pos_transactions")
        return sum(
            self.metric("bridge", "smartstore_bridge_entries_total", stream=line, outcome="forwarded")
            for line in lines
        )

    def records(self) -> float:
        """Records of every line that the bridge has forwarded so far."""
        return self.metric("bridge", "smartstore_bridge_entries_total", outcome="forwarded")

    def simulated(self) -> float:
        """Epoch seconds of simulated time."""
        return datetime.fromisoformat(self.status()["simulated_time"]).timestamp()

    def processes(self) -> list[psutil.Process]:
        """All processes of the system, its supervisor among them."""
        pid = int(self.status()["pid"])
        return [psutil.Process(pid), *_children(pid)]

    def cpu_seconds(self) -> float:
        """What the processes that live now, and the ended children they waited for, have used of the processors."""
        return sum(map(_cpu_seconds, self.processes()))

    @property
    def tables(self) -> Path:
        """Where the lake's tables are."""
        return self.data_dir / "state" / "lake" / "tables"

    def lag(self) -> float:
        """Records that the hot application has not read."""
        return self.metric("hot", "smartstore_application_lag_records")

    def serving_lag(self) -> float:
        """Records that Kafka Connect has not committed as written to Postgres, all sinks together."""
        return self.metric("connectors", "smartstore_connector_sink_lag_records")

    @contextmanager
    def frozen(self, *components: str) -> Iterator[None]:
        """SIGSTOP for the components' processes while the block runs."""
        pids = [self._pid(name) for name in components]
        family = [process for pid in pids for process in (psutil.Process(pid), *_children(pid))]
        for process in family:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in family:
                process.send_signal(signal.SIGCONT)

    def kill(self, name: str) -> None:
        """kill -9 of one component's process, of the Spark driver's JVM (`jvm`), or of one `python-worker`."""
        if name in ("jvm", "python-worker"):
            driver = self._pid("hot")
            wait_until(f"a {name} to kill", lambda: spark_processes(driver, name), 60)
            spark_processes(driver, name)[0].kill()
            return
        psutil.Process(self._pid(name)).kill()

    def wait_until_finished(self, seconds: float) -> None:
        """Until the source has no more data; the jobs may still have its last ticks to do."""
        wait_until("the end of the data", lambda: self.status()["finished"], seconds)

    def environment(self) -> dict[str, str]:
        """The variables for clients of this SmartStore."""
        return locate.client_environment(locate.find(self.data_dir))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The answer to a query on its Postgres."""
        connection = psycopg2.connect(self.environment()["SMARTSTORE_POSTGRES_DSN"])
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall()
        finally:
            connection.close()

    def _pid(self, name: str) -> int:
        components = self.status()["components"]
        return next(int(row["pid"]) for row in components if row["name"] == name)

    def _command(self, *words: str) -> list[str]:
        return [SMARTSTORE, words[0], "--data-dir", str(self.data_dir), *words[1:]]


def _cpu_seconds(process: psutil.Process) -> float:
    """Zero for one that has ended since it was listed: its parent counts it."""
    try:
        return float(sum(process.cpu_times()[:4]))
    except psutil.NoSuchProcess:
        return 0.0


def _children(pid: int) -> list[psutil.Process]:
    try:
        children: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return children


def spark_processes(driver: int, name: str) -> list[psutil.Process]:
    """The `jvm` of a Spark driver, or its Python workers (the daemon that forks them is no worker)."""
    mark = "/bin/java" if name == "jvm" else "pyspark.daemon"
    family = [child for child in _children(driver) if mark in _command_line(child)]
    return family if name == "jvm" else [child for child in family if not _children(child.pid)]


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def spec(
    name: str,
    stores: int = 5,
    planning: dict[str, Any] | None = None,
    *,
    lake: bool = False,
    **source: object,
) -> dict[str, Any]:
    """A SmartStore with this source, else a replay; without a lake unless told otherwise."""
    return {
        "apiVersion": "smartstore.io/v1alpha1",
        "kind": "SmartStore",
        "metadata": {"name": name},
        "spec": {
            "stores": stores,
            "source": {"type": "Replay", **source},
            "planning": planning or {},
            "lake": {"enabled": lake},
        },
    }


@contextmanager
def running(resource: dict[str, Any], directory: Path) -> Iterator[Estate]:
    """Start detached, stop at the end; what a run before it left in the directory goes on."""
    file, data = written(resource, directory), directory / "data"
    subprocess.run(
        [SMARTSTORE, "up", str(file), "--detach", "--data-dir", str(data)], check=True, env=os.environ
    )
    try:
        yield Estate(data)
    finally:
        subprocess.run([SMARTSTORE, "down", "--data-dir", str(data)], check=True)


def written(resource: dict[str, Any], directory: Path) -> Path:
    """The resource as a file."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "store.yaml"
    file.write_text(yaml.safe_dump(resource))
    return file


def wait_until(what: str, condition: Any, seconds: float) -> float:
    """Seconds until the condition holds; raises TimeoutError naming what was awaited."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.5)
    return time.monotonic() - start
