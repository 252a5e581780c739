"""The savepoints of a data directory: asked for by a file, written by the hot applications, begun from at a start."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smartstore.contracts.applications import hot_applications, is_hot
from smartstore_operator.embedded.datadir import DataDir, read_json, write_text

HOT_FACT = "hot"
"""The fact of a data directory that says how many shards its state has, and the savepoint that it begins from."""
_REQUEST = "request"


@dataclass(frozen=True)
class Savepoint:
    """One savepoint; `applications` are those that share the stores."""

    name: str
    directory: Path
    applications: tuple[str, ...]

    @property
    def parts(self) -> dict[str, dict[str, Any]]:
        """What each application says of its part, of those that have written it."""
        found = {name: read_json(self.directory / f"{name}.json") for name in self.applications}
        return {name: part for name, part in found.items() if part}

    @property
    def missing(self) -> list[str]:
        """The applications that have not written their part."""
        return [name for name in self.applications if name not in self.parts]

    @property
    def is_complete(self) -> bool:
        """Whether it can be begun from."""
        return not self.missing

    @property
    def errors(self) -> dict[str, str]:
        """Why applications could not write their part."""
        paths = {name: self.directory / f"{name}.error" for name in self.applications}
        return {name: path.read_text() for name, path in paths.items() if path.is_file()}


def request(data: DataDir) -> Savepoint:
    """Ask the hot applications of the running system for a new savepoint, numbered from 0001."""
    data.savepoints.mkdir(exist_ok=True)
    numbers = [int(path.name) for path in data.savepoints.glob("[0-9]*") if path.name.isdecimal()]
    name = f"{max(numbers, default=0) + 1:04d}"
    write_text(data.savepoints / _REQUEST, name, 0o644)
    shards = (data.fact(HOT_FACT) or {}).get("shards") or 1
    return Savepoint(name, data.savepoints / name, hot_applications(shards))


def withdraw(data: DataDir) -> None:
    """The request is met."""
    (data.savepoints / _REQUEST).unlink(missing_ok=True)


def find_all(data: DataDir) -> list[Savepoint]:
    """All savepoints, oldest first; some may not be complete."""
    return [
        Savepoint(path.name, path, _applications(path))
        for path in sorted(data.savepoints.glob("[0-9]*"))
        if path.is_dir()
    ]


def restore(data: DataDir, wanted: Savepoint) -> None:
    """Drop the checkpoints, so that the next start begins from the savepoint with any number of shards.

    The caller holds the data directory's lock.
    """
    data.note(HOT_FACT, {"shards": None, "savepoint": wanted.name})
    for state in data.savepoints.parent.iterdir():
        if is_hot(state.name):
            shutil.rmtree(state)


def _applications(directory: Path) -> tuple[str, ...]:
    """The applications that share the stores of a savepoint, by any part of it."""
    for path in sorted(directory.glob("*.json")):
        return hot_applications(int(read_json(path).get("shards", 1)))
    return hot_applications(1)
