"""The process table: who a process is, and never the wrong one."""

import os
import subprocess
import sys

from smartstore_operator.embedded.processes import (
    INSTANCE_VARIABLE,
    ProcessKey,
    descendants,
    end_all,
    inspect,
    is_running,
    kill,
    members,
    memory_bytes,
)


def sleeper(instance: str = "") -> subprocess.Popen[bytes]:
    environment = {**os.environ, **({INSTANCE_VARIABLE: instance} if instance else {})}
    return subprocess.Popen(["/bin/sleep", "600"], env=environment)


def test_own_process() -> None:
    me = inspect(os.getpid())
    assert me is not None
    assert me.parent == os.getppid()
    assert is_running(me.key)
    assert memory_bytes([me.pid]) > 1_000_000


def test_name_with_parentheses_and_spaces() -> None:
    script = (
        "import ctypes,time; ctypes.CDLL(None).prctl(15, b') R 1 (x'); print(flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = inspect(process.pid)
        process.kill()
    assert found is not None
    assert found.parent == os.getpid()


def test_another_start_time_is_another_process() -> None:
    process = sleeper()
    found = inspect(process.pid)
    assert found is not None
    kill(ProcessKey(process.pid, found.key.start + 1))
    assert is_running(found.key)
    kill(found.key)
    process.wait()
    assert not is_running(found.key)
    kill(found.key)


def test_members_by_marker_and_their_end() -> None:
    ours, other = sleeper("here"), sleeper("elsewhere")
    assert [process.pid for process in members("here")] == [ours.pid]
    assert ours.pid in [process.pid for process in descendants([os.getpid()])]
    assert end_all(lambda: members("here")) == []
    assert ours.wait() == -9
    assert other.poll() is None
    other.kill()
    other.wait()
