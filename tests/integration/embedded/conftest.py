"""Fake systems: a real supervisor in a process of its own over components made of sleep, sh and python."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from smartstore_operator.embedded import control
from smartstore_operator.embedded.datadir import DataDir, read_json
from smartstore_operator.embedded.processes import Process, members

FAKE_SYSTEM = Path(__file__).with_name("fake_system.py")


@dataclass
class FakeSystem:
    """A running fake system and what it has said."""

    data: DataDir
    process: subprocess.Popen[str]
    heard: list[dict[str, Any]] = field(default_factory=list)

    def wait_for(self, **wanted: object) -> dict[str, Any]:
        """Read what it says until an object has all these values."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.heard.append(json.loads(line))
            if all(self.heard[-1].get(key) == value for key, value in wanted.items()):
                return self.heard[-1]
        raise AssertionError(f"{wanted} never came; heard {self.heard}")

    def finish(self, seconds: float = 15) -> int:
        """Read the rest and wait for the end."""
        out, _ = self.process.communicate(timeout=seconds)
        self.heard += [json.loads(line) for line in out.splitlines()]
        return self.process.returncode

    def status(self) -> dict[str, Any]:
        """Ask the supervisor."""
        return control.ask(self.data.run, {"command": "status"})

    def pid(self, component: str) -> int:
        """Pid of a component's process."""
        return next(row["pid"] for row in self.status()["components"] if row["name"] == component)

    def living(self) -> list[Process]:
        """All processes of the instance by its marker and its record."""
        return members(read_json(self.data.record)["instance"])


Start = Callable[..., FakeSystem]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a fake system from dicts of `Component` fields; whatever is left is ended after the test."""
    systems: list[FakeSystem] = []

    def begin(*components: dict[str, Any]) -> FakeSystem:
        data = DataDir(tmp_path / "data")
        process = subprocess.Popen(
            [sys.executable, str(FAKE_SYSTEM), str(data.root), json.dumps(components)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=dict(os.environ),
        )
        systems.append(FakeSystem(data, process))
        return systems[-1]

    yield begin
    for system in systems:
        if system.process.poll() is None:
            system.process.kill()
            system.process.wait()
        if system.process.stdout is not None:
            system.process.stdout.close()
    if systems and systems[-1].data.record.exists():
        eventually(lambda: not systems[-1].living(), seconds=10)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
