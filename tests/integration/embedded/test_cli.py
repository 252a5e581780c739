"""The command line as people use it, on a suspended SmartStore: everything but the components is real."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from smartstore_operator.embedded.processes import inspect

from .conftest import eventually

pytestmark = pytest.mark.integration

SPEC = """\
apiVersion: smartstore.io/v1alpha1
kind: SmartStore
metadata: {name: quiet}
spec:
  suspend: true
  kafka: {type: SingleNode%s}
  streaming: {backend: Local}
"""


class Shell:
    """Runs the command in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.write()

    def write(self, kafka: str = "") -> None:
        (self.directory / "quiet.yaml").write_text(SPEC % kafka)

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "smartstore_operator.cli.main", *arguments]


@pytest.fixture
def smartstore(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell("down")


def gone(pid: int) -> bool:
    process = inspect(pid)
    return process is None or process.zombie


def test_life_of_a_detached_system(smartstore: Shell) -> None:
    up = smartstore("up", "quiet.yaml", "--detach")
    assert up.returncode == 0, up.stderr
    assert "everything is ready after" in up.stdout
    status = json.loads(smartstore("status", "--json").stdout)
    assert status["ready"]
    assert status["stores"] == 5
    assert set(status) >= {"simulated_time", "speed", "endpoints", "jobs", "components", "rss_bytes"}
    assert set(status["endpoints"]) >= {"kafka", "redis", "postgres", "connect", "metrics"}
    assert "quiet is ready" in smartstore("status").stdout

    second = smartstore("up", "quiet.yaml")
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"another instance is running here, pid {status['pid']}" in second.stderr
    refused = smartstore("reset", "--yes")
    assert refused.returncode == 1
    assert "smartstore down" in refused.stderr

    assert smartstore("down").returncode == 0
    assert gone(status["pid"])
    assert smartstore("status").returncode == 3
    assert smartstore("down").returncode == 3
    assert smartstore("reset", "--yes").returncode == 0
    assert not (smartstore.directory / ".smartstore" / "quiet").exists()


def test_for_ends_by_itself_and_keeps_the_data(smartstore: Shell) -> None:
    up = smartstore("up", "quiet.yaml", "--for", "8s")
    assert up.returncode == 0, up.stderr
    assert up.stdout.splitlines()[-1].endswith("stopped; the data stay")
    assert (smartstore.directory / ".smartstore" / "quiet" / "secrets.json").is_file()


def test_verdict_of_verify_is_the_exit_code(smartstore: Shell) -> None:
    up = smartstore("up", "quiet.yaml", "--for", "8", "--verify")
    assert up.returncode == 2, up.stderr  # nothing ran, so there is no ledger to verify against
    assert "cannot verify: no ledger" in up.stdout
    assert up.stdout.endswith("stopped; the data stay\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_stop_gracefully(smartstore: Shell, number: signal.Signals) -> None:
    command = smartstore.command("up", "quiet.yaml")
    with subprocess.Popen(command, cwd=smartstore.directory, stdout=subprocess.PIPE, text=True) as process:
        eventually(lambda: smartstore("status").returncode == 0, seconds=30)
        process.send_signal(number)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out.endswith("stopped; the data stay\n")


def test_wrong_file_is_exit_2_and_creates_nothing(smartstore: Shell) -> None:
    smartstore.write(", heep: 1Gi")
    up = smartstore("up", "quiet.yaml")
    assert up.returncode == 2
    assert "quiet.yaml: spec.kafka.heep" in up.stderr
    assert up.stderr.count("\n") == 1
    assert not (smartstore.directory / ".smartstore").exists()
    assert smartstore("up", "missing.yaml").returncode == 2


def test_port_in_use_is_one_line(smartstore: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        smartstore.write(f", port: {port}")
        up = smartstore("up", "quiet.yaml")
    assert up.returncode == 1
    assert f"port {port} is in use (spec.kafka.port)" in up.stderr
    assert up.stderr.count("\n") == 1


def test_usage_errors(smartstore: Shell) -> None:
    assert smartstore("up", "--for", "soon").returncode == 2
    assert smartstore("frobnicate").returncode == 2
    assert smartstore("status", "--frobnicate").returncode == 2
    assert smartstore("logs", "kafka").returncode == 3


def test_logs_names_what_there_is(smartstore: Shell) -> None:
    smartstore("up", "quiet.yaml", "--for", "2")
    unknown = smartstore("logs", "kafak")
    assert unknown.returncode == 2
    assert "there are: supervisor" in unknown.stderr
    assert smartstore("logs", "supervisor", "-n", "5").returncode == 0


def test_several_systems_need_a_choice(smartstore: Shell) -> None:
    smartstore("up", "quiet.yaml", "--for", "2")
    text = (smartstore.directory / "quiet.yaml").read_text()
    (smartstore.directory / "quiet.yaml").write_text(text.replace("quiet", "other"))
    smartstore("up", "quiet.yaml", "--for", "2")
    choice = smartstore("logs", "supervisor")
    assert choice.returncode == 2
    assert "which of .smartstore/other, .smartstore/quiet? Choose one by --data-dir" in choice.stderr
    assert smartstore("logs", "supervisor", "--data-dir", ".smartstore/quiet").returncode == 0


def test_killed_system_can_be_started_again(smartstore: Shell) -> None:
    smartstore("up", "quiet.yaml", "--detach")
    pid = json.loads(smartstore("status", "--json").stdout)["pid"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: gone(pid))
    assert smartstore("status").returncode == 3
    assert smartstore("up", "quiet.yaml", "--detach").returncode == 0
