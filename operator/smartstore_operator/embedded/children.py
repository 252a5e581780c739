"""Child processes of the supervisor: started so that they cannot outlive it, reaped with all they leave behind.

Each child leads its own session, dies with the supervisor (parent-death signal), and carries the instance's marker. The
supervisor is a subreaper: what a child orphans becomes the supervisor's own child instead of getting lost.
"""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from smartstore_operator.embedded import launch
from smartstore_operator.embedded.processes import (
    COMPONENT_VARIABLE,
    INSTANCE_VARIABLE,
    Process,
    ProcessKey,
    descendants,
    end_all,
    environment_of,
    inspect,
    members,
    table,
)

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(eq=False)
class Child:
    """A started process; `exited` is done, with its exit code, once it and its process group are gone."""

    component: str
    key: ProcessKey
    process: subprocess.Popen[bytes]
    exited: asyncio.Future[int] = field(repr=False)

    @property
    def pid(self) -> int:
        """Its process id, and the id of its group and session."""
        return self.key.pid

    async def end(self) -> int:
        """Wait for its end; the exit code, negative for a signal. The waiter may be cancelled, `exited` is not."""
        return await asyncio.shield(self.exited)

    def signal(self, number: signal.Signals) -> None:
        """Signal the process itself, not its group: how a program stops its own children is its business."""
        if not self.exited.done():
            os.kill(self.pid, number)  # not reaped yet, so the pid is still its own

    def kill_group(self) -> None:
        """Kill the process and its group at once."""
        if not self.exited.done():
            os.killpg(self.pid, signal.SIGKILL)


class Children:
    """All child processes of one supervisor. To be used in the event loop of the main thread."""

    def __init__(self, instance: str, changed: Callable[[], None]) -> None:
        """`changed` is called whenever a child comes or goes."""
        self.instance = instance
        self._changed = changed
        self._living: dict[int, Child] = {}
        self.spared: set[int] = set()
        """Pids of children that are none of the instance: its watchdog."""

    def open(self) -> None:
        """Become the subreaper and listen for ends of processes."""
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._reap)

    def close(self) -> None:
        """Kill whatever is left of the instance and stop listening."""
        for child in list(self._living.values()):
            child.kill_group()
        end_all(self._left, seconds=10)
        self._reap()
        asyncio.get_running_loop().remove_signal_handler(signal.SIGCHLD)

    def spawn(
        self,
        component: str,
        argv: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        output: int,
    ) -> Child:
        """Start `argv` with exactly this environment plus the markers; `output` gets stdout and stderr.

        Raises `OSError` when even the launcher cannot be started. A program that cannot be is an exit code 1 with a
        line in the log.
        """
        launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(int(signal.SIGKILL))]
        marked = {**environment, INSTANCE_VARIABLE: self.instance, COMPONENT_VARIABLE: component}
        process = subprocess.Popen(
            [*launcher, *argv],
            env=marked,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        found = inspect(process.pid)
        if found is None:  # cannot be: it is our child and nobody has reaped it
            raise ProcessLookupError(f"{component}: process {process.pid} is not in /proc")
        child = Child(component, found.key, process, asyncio.get_running_loop().create_future())
        self._living[process.pid] = child
        self._changed()
        return child

    def process_keys(self) -> list[ProcessKey]:
        """The children and all their descendants."""
        below = descendants(list(self._living))
        return [*(child.key for child in self._living.values()), *(process.key for process in below)]

    def trees(self) -> dict[str, list[int]]:
        """Pids by component: its children and all their descendants."""
        trees: dict[str, list[int]] = {}
        for child in self._living.values():
            pids = [child.pid, *(process.pid for process in descendants([child.pid]))]
            trees.setdefault(child.component, []).extend(pids)
        return trees

    def _reap(self) -> None:
        """Take in ended processes. A leader still unreaped keeps its pid, so its group can be killed without doubt."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            child = self._living.pop(ended.si_pid, None)
            if child is None:
                os.waitid(os.P_PID, ended.si_pid, os.WEXITED)
                continue
            os.killpg(child.pid, signal.SIGKILL)
            code = child.process.wait()
            end_all(lambda name=child.component: self._stray(name), seconds=5)  # type: ignore[misc]
            self._changed()
            if not child.exited.done():
                child.exited.set_result(code)

    def _stray(self, component: str) -> list[Process]:
        """What an ended component left behind: orphans, now ours, that are marked with its name or hide their marks."""
        if any(child.component == component for child in self._living.values()):
            return []
        found = []
        for process in table().values():
            if process.zombie or process.parent != os.getpid():
                continue
            if process.pid in self._living or process.pid in self.spared:
                continue
            marks = environment_of(process.pid)
            if marks.get(INSTANCE_VARIABLE, self.instance) != self.instance:
                continue
            if marks.get(COMPONENT_VARIABLE, component) == component:
                found.append(process)
        return [*found, *descendants([process.pid for process in found])]

    def _left(self) -> list[Process]:
        self._reap()
        return members(self.instance, [child.key for child in self._living.values()])
