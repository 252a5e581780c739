"""The supervisor over fake components: order, readiness, restarts, failures, graceful stop."""

import os
import signal
import socket
import sys
from typing import Any

import pytest

from smartstore_operator.embedded import control
from smartstore_operator.embedded.errors import PreflightError

from .conftest import Start, eventually

pytestmark = pytest.mark.integration


def shell(name: str, script: str, **fields: Any) -> dict[str, Any]:
    """A component that is a shell script."""
    return {"name": name, "argv": ["/bin/sh", "-c", script], **fields}


def web(name: str, port: int, **fields: Any) -> dict[str, Any]:
    """A component that answers HTTP."""
    argv = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    probe = {"kind": "http", "path": "/", "timeout_seconds": 20}
    return {"name": name, "argv": argv, "ports": {"http": port}, "probe": probe, **fields}


@pytest.fixture
def port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_starts_in_order_of_needs_and_stops_in_reverse(start: Start, port: int) -> None:
    system = start(
        shell("last", "exec sleep 600", needs=["server"]),
        web("server", port, needs=["first"]),
        shell("first", "sleep 0.2", kind="oneshot"),
    )
    system.wait_for(component="last", state="ready")
    ready = [
        (row["component"], row["state"]) for row in system.heard if row["state"] in ("ready", "finished")
    ]
    assert ready == [("first", "finished"), ("server", "ready"), ("last", "ready")]
    eventually(lambda: system.status()["ready"])
    system.process.send_signal(signal.SIGINT)
    assert system.finish() == 0
    stopped = [row["component"] for row in system.heard if row["state"] == "stopped"]
    assert stopped == ["last", "server"]
    assert not system.living()


def test_who_comes_after_another_waits_for_it_but_not_for_its_success(start: Start) -> None:
    system = start(
        shell("polite", "exec sleep 600", after=["slow", "broken"]),
        shell("slow", "sleep 1; exit 0", kind="oneshot"),
        shell("broken", "test -e tried && exec sleep 600; touch tried; exit 1"),
    )
    system.wait_for(component="polite", state="ready")
    heard = [(row["component"], row["state"]) for row in system.heard]
    assert heard.index(("polite", "starting")) > heard.index(("slow", "finished"))
    assert heard.index(("polite", "starting")) > heard.index(("broken", "restarting"))


def test_independent_components_start_together(start: Start) -> None:
    system = start(*(shell(f"c{n}", "sleep 1; exit 0", kind="oneshot") for n in range(4)))
    for _ in range(4):
        system.wait_for(state="finished")
    assert max(row["seconds"] for row in system.heard) < 3


def test_crashed_service_is_restarted(start: Start, port: int) -> None:
    system = start(web("server", port))
    system.wait_for(state="ready")
    first = system.pid("server")
    os.kill(first, signal.SIGKILL)
    while (row := system.status()["components"][0])["restarts"] == 0:
        assert row["state"] != "ready" or row["pid"] is not None
    assert system.wait_for(state="restarting")["reason"] == "killed by SIGKILL"
    system.wait_for(state="ready")
    row = system.status()["components"][0]
    assert row["restarts"] == 1
    assert row["pid"] != first


def test_restart_waits_for_what_it_needs(start: Start, port: int) -> None:
    client = shell(
        "client",
        f"{sys.executable} -c 'import socket; s=socket.create_connection((\"127.0.0.1\",{port})); s.recv(1)'",
        needs=["server"],
    )
    server = {
        "name": "server",
        "argv": [
            sys.executable,
            "-c",
            f"import socket,time; s=socket.create_server(('127.0.0.1',{port})); k=[]\nwhile True: k.append(s.accept())",
        ],
        "ports": {"tcp": port},
        "probe": {"kind": "tcp"},
    }
    system = start(server, client)
    system.wait_for(component="client", state="ready")
    eventually(lambda: system.status()["ready"])
    os.kill(system.pid("server"), signal.SIGKILL)
    system.wait_for(component="server", state="ready")
    system.wait_for(component="client", state="ready")
    assert next(row for row in system.status()["components"] if row["name"] == "client")["restarts"] <= 2


def test_failing_component_is_reported_and_the_rest_goes_on(start: Start, tmp_path: Any) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    system = start(
        shell("steady", "exec sleep 600"),
        shell("broken", f"[ -e {flag} ] && exec sleep 600; echo the disk caught fire; exit 7"),
    )
    system.wait_for(component="broken", state="ready")
    eventually(lambda: system.status()["ready"])
    flag.unlink()
    os.kill(system.pid("broken"), signal.SIGKILL)
    system.wait_for(component="broken", state="failing")
    status = system.status()
    broken = next(row for row in status["components"] if row["name"] == "broken")
    assert not status["ready"]
    assert broken["reason"] == "exited with 7"
    assert broken["tail"][-1] == "the disk caught fire"
    assert system.pid("steady")
    flag.touch()
    system.wait_for(component="broken", state="ready")


def test_service_that_exits_at_the_first_start_ends_everything(start: Start) -> None:
    system = start(
        shell("steady", "exec sleep 600"),
        shell("broken", "echo no such file; exit 3"),
        web("never", 1, needs=["broken"]),
    )
    assert system.finish() == 1
    assert "broken did not start: exited with 3, 3 times in a row" in system.heard[-1]["failure"]
    assert system.heard[-1]["tail"] == ["no such file"]
    assert not system.living()


def test_service_that_never_gets_ready_ends_everything(start: Start, port: int) -> None:
    probe = {"kind": "tcp", "timeout_seconds": 1}
    system = start(shell("deaf", "exec sleep 600", ports={"tcp": port}, probe=probe))
    assert system.finish() == 1
    assert "deaf did not start: not ready within 1 s" in system.heard[-1]["failure"]
    assert not system.living()


def test_one_shot_is_retried(start: Start, tmp_path: Any) -> None:
    system = start(
        shell("shy", f"[ -e {tmp_path}/came ] || {{ touch {tmp_path}/came; exit 1; }}", kind="oneshot")
    )
    assert system.wait_for(state="restarting")["reason"] == "exited with 1"
    system.wait_for(state="finished")


def test_missing_program_is_one_clear_line(start: Start) -> None:
    system = start({"name": "typo", "argv": ["/no/such/program"]})
    assert system.finish() == 1
    assert system.heard[-1]["tail"] == ["/no/such/program: No such file or directory"]


def test_commands_before_the_start_and_exec_probe(start: Start, tmp_path: Any) -> None:
    system = start(
        shell(
            "server",
            f"sleep 0.3; touch {tmp_path}/up; exec sleep 600",
            before_start=[["/bin/mkdir", "-p", f"{tmp_path}/prepared"]],
            probe={"kind": "exec", "argv": ["/usr/bin/test", "-e", f"{tmp_path}/up"]},
        )
    )
    system.wait_for(state="ready")
    assert (tmp_path / "prepared").is_dir()
    assert (tmp_path / "up").exists()


def test_the_shell_steers_components_only_where_it_is_meant_to(
    start: Start, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
    system = start(
        shell("curious", f"env >{tmp_path}/seen", kind="oneshot", environment={"OWN": "value"}),
    )
    system.wait_for(state="finished")
    seen = (tmp_path / "seen").read_text().splitlines()
    assert {"OWN=value", "JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1"} <= set(seen)
    assert not [line for line in seen if line.startswith("PGHOST=")]


def test_stubborn_component_is_killed_with_its_children(start: Start) -> None:
    system = start(
        shell("stubborn", "trap '' TERM; setsid sleep 600 & while true; do sleep 0.1; done", stop_seconds=0.5)
    )
    system.wait_for(state="ready")
    eventually(lambda: len(system.living()) >= 3)
    control.ask(system.data.run, {"command": "down"})
    assert system.finish() == 0
    assert system.heard[-1]["reason"] == "killed after 0.5 s"
    assert not system.living()


def test_second_interrupt_hurries(start: Start) -> None:
    system = start(shell("stubborn", "trap '' TERM; while true; do sleep 0.1; done", stop_seconds=60))
    system.wait_for(state="ready")
    system.process.send_signal(signal.SIGINT)
    system.wait_for(state="stopping")
    system.process.send_signal(signal.SIGINT)
    assert system.finish(seconds=5) == 0
    assert not system.living()


def test_stop_during_the_start(start: Start) -> None:
    system = start(
        shell("slow", "sleep 600", kind="oneshot"), shell("next", "exec sleep 600", needs=["slow"])
    )
    system.wait_for(component="slow", state="starting")
    system.process.send_signal(signal.SIGTERM)
    assert system.finish() == 0
    assert not system.living()


def test_second_supervisor_is_refused(start: Start) -> None:
    system = start(shell("steady", "exec sleep 600"))
    system.wait_for(state="ready")
    message = f"another instance is running here, pid {system.process.pid}"
    with pytest.raises(PreflightError, match=message), system.data.locked():
        pass
