"""However the supervisor ends, no process of its instance outlives it."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from smartstore_operator.embedded.processes import descendants, inspect
from smartstore_operator.embedded.watchdog import recorded

from .conftest import FakeSystem, Start, eventually

pytestmark = pytest.mark.integration

FAMILY = "setsid sh -c 'sleep 601 & sleep 602' & setsid sleep 603 & sleep 604"
"""A process with children in its own group, in other sessions, and grandchildren."""

MASKED = "import os,sys,time; os.setsid() if os.fork() == 0 else None; time.sleep(605)"
"""A process whose child has its own session and, started without environment, no marker (as Postgres's)."""


def family() -> list[dict[str, Any]]:
    """Two components with descendants that are hard to find."""
    return [
        {"name": "family", "argv": ["/bin/sh", "-c", FAMILY]},
        {"name": "masked", "argv": ["/usr/bin/env", "-i", sys.executable, "-c", MASKED]},
    ]


def started(start: Start) -> tuple[FakeSystem, list[int]]:
    """The system with all its descendants, and their pids."""
    system = start(*family())
    for _ in range(2):
        system.wait_for(state="ready")
    pids: list[int] = []

    def complete() -> bool:
        pids[:] = [process.pid for process in system_members(system)]
        return len(pids) >= 8

    eventually(complete)
    eventually(lambda: {key.pid for key in recorded(system.data.record)} >= set(pids))
    return system, pids


def system_members(system: FakeSystem) -> list[Any]:
    """All processes below the supervisor but the watchdog."""
    below = descendants([system.process.pid])
    return [process for process in below if b"watchdog" not in _argv(process.pid)]


def watchdog_pid(system: FakeSystem) -> int:
    """Pid of the supervisor's watchdog."""
    return next(p.pid for p in descendants([system.process.pid]) if b"watchdog" in _argv(p.pid))


def _argv(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def gone(pids: list[int]) -> bool:
    """Whether none of them runs."""
    return not [pid for pid in pids if (process := inspect(pid)) is not None and not process.zombie]


def test_kill_of_the_supervisor(start: Start) -> None:
    system, pids = started(start)
    watchdog = watchdog_pid(system)
    system.process.kill()
    system.process.wait()
    eventually(lambda: gone([*pids, watchdog]), seconds=10)


def test_kill_of_supervisor_and_watchdog_takes_the_direct_children(start: Start) -> None:
    system, pids = started(start)
    direct = [system.pid("family"), system.pid("masked")]
    os.kill(watchdog_pid(system), signal.SIGSTOP)
    os.kill(watchdog_pid(system), signal.SIGKILL)
    system.process.kill()
    system.process.wait()
    eventually(lambda: gone(direct), seconds=5)
    # The next start in this data directory ends what is left of the last one.
    again = start({"name": "nap", "argv": ["/bin/sleep", "600"]})
    again.wait_for(state="ready")
    eventually(lambda: gone(pids), seconds=5)


def test_killed_watchdog_is_replaced(start: Start) -> None:
    system, pids = started(start)
    first = watchdog_pid(system)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: any(b"watchdog" in _argv(p) and p != first for p in _children(system.process.pid)))
    system.process.kill()
    system.process.wait()
    eventually(lambda: gone(pids), seconds=10)


def test_orphans_of_a_crashed_component_are_ended_before_its_restart(start: Start) -> None:
    system, pids = started(start)
    for name in ("family", "masked"):
        os.kill(system.pid(name), signal.SIGKILL)
        system.wait_for(component=name, state="restarting")
    eventually(lambda: gone(pids))


def test_interrupt(start: Start) -> None:
    system, pids = started(start)
    watchdog = watchdog_pid(system)
    system.process.send_signal(signal.SIGINT)
    assert system.finish() == 0
    assert gone([*pids, watchdog])


def _children(pid: int) -> list[int]:
    return [process.pid for process in descendants([pid])]
