"""Processes of this machine as `/proc` shows them: who belongs to an instance, what they use, how to end them.

A process is named by (pid, start time), since pids are used again. Every process of an instance carries the variable
`SMARTSTORE_INSTANCE` in its environment, its descendants inherit it. Standard library only: the watchdog runs this.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

INSTANCE_VARIABLE = "SMARTSTORE_INSTANCE"
COMPONENT_VARIABLE = "SMARTSTORE_COMPONENT"
_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, order=True)
class ProcessKey:
    """A process for all time since boot: its pid and its start time in clock ticks."""

    pid: int
    start: int


@dataclass(frozen=True)
class Process:
    """One line of the process table."""

    key: ProcessKey
    parent: int
    group: int
    session: int
    zombie: bool

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.key.pid


def inspect(pid: int) -> Process | None:
    """The process with this pid right now, or None."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # "pid (name) state ppid pgrp session …": the name may hold spaces and parentheses, so split after the last one.
    fields = text[text.rindex(")") + 2 :].split()
    return Process(
        key=ProcessKey(pid, int(fields[19])),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        zombie=fields[0] in "ZX",
    )


def is_running(key: ProcessKey) -> bool:
    """Whether exactly this process still exists and is not merely waiting to be reaped."""
    process = inspect(key.pid)
    return process is not None and process.key == key and not process.zombie


def table() -> dict[int, Process]:
    """All processes by pid."""
    found = (inspect(int(entry.name)) for entry in _PROC.iterdir() if entry.name.isdigit())
    return {process.pid: process for process in found if process is not None}


def environment_of(pid: int) -> Mapping[str, str]:
    """The environment a process was started with; empty when it may not be read or was overwritten."""
    try:
        raw = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return {}
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0") if b"=" in entry)
    return {name.decode(errors="replace"): value.decode(errors="replace") for name, _, value in pairs}


def members(instance: str, recorded: Iterable[ProcessKey] = ()) -> list[Process]:
    """All living processes of an instance.

    These carry its marker, or are one of `recorded`, or are in the group or session of such a process, or descend
    from one (Postgres overwrites its environment and gives each of its children a session).
    """
    processes = {pid: process for pid, process in table().items() if not process.zombie}
    marker = f"{INSTANCE_VARIABLE}={instance}".encode()
    keys = set(recorded)
    found = {p.pid for p in processes.values() if p.key in keys or _carries(p.pid, marker)}
    leaders = set(found)
    found |= {p.pid for p in processes.values() if p.group in leaders or p.session in leaders}
    found |= _descendants(found, processes)
    found.discard(os.getpid())
    return [processes[pid] for pid in sorted(found)]


def descendants(roots: Iterable[int]) -> list[Process]:
    """The living descendants of `roots`, without the roots."""
    processes = table()
    return [
        processes[pid] for pid in sorted(_descendants(set(roots), processes)) if not processes[pid].zombie
    ]


def end_all(find: Callable[[], Iterable[Process]], *, seconds: float = 10.0) -> list[Process]:
    """Kill what `find` finds until it finds nothing; returns what is left when the time is up.

    Asked again and again, since a process may fork while its parent is being killed.
    """
    deadline = time.monotonic() + seconds
    while True:
        left = list(find())
        if not left or time.monotonic() > deadline:
            return left
        for process in left:
            kill(process.key)
        time.sleep(0.05)


def kill(key: ProcessKey, number: signal.Signals = signal.SIGKILL) -> None:
    """Signal exactly this process; nothing happens when it is gone or its pid belongs to another one now."""
    try:
        handle = os.pidfd_open(key.pid)
    except OSError:
        return
    try:
        if is_running(key):  # the handle was opened before, so it names the process that was just verified
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)


def memory_bytes(pids: Iterable[int]) -> int:
    """Resident memory of these processes; shared pages count in parts (PSS), in full where only RSS can be read."""
    return sum(_memory(pid) for pid in pids)


def _memory(pid: int) -> int:
    try:
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _carries(pid: int, marker: bytes) -> bool:
    try:
        return marker in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _descendants(roots: set[int], processes: Mapping[int, Process]) -> set[int]:
    children: dict[int, list[int]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    open_ends = list(roots)
    while open_ends:
        for pid in children.get(open_ends.pop(), ()):
            if pid not in found and pid not in roots:
                found.add(pid)
                open_ends.append(pid)
    return found
