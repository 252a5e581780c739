"""The jar lock `images/jars.lock`: exact coordinates and sha256 of every jar, by set.

A set is one class path (`kafka`, `connect`, `spark`) or one Connect plugin archive (`debezium-…`).
"""

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smartstore_operator.embedded.toolchain.errors import ToolchainError

LOCK_VARIABLE = "SMARTSTORE_JARS_LOCK"
_REGENERATE = (
    "restore it from git, or regenerate it by `python -m smartstore_operator.embedded.toolchain.lock`"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, order=True)
class Coordinate:
    """What names an artifact in the Java world: `org:name:rev[:classifier:ext]`."""

    org: str
    name: str
    rev: str
    classifier: str = ""
    ext: str = "jar"

    @classmethod
    def parse(cls, text: str) -> "Coordinate":
        """Read `org:name:rev` or `org:name:rev:classifier:ext`; ValueError for anything else."""
        parts = text.split(":")
        if len(parts) not in (3, 5) or not all(parts):
            raise ValueError(f"{text!r} is not org:name:rev[:classifier:ext]")
        return cls(*parts)

    @property
    def file(self) -> str:
        """The file name the artifact has in the registry and in our cache."""
        suffix = f"-{self.classifier}" if self.classifier else ""
        return f"{self.name}-{self.rev}{suffix}.{self.ext}"

    def __str__(self) -> str:
        text = f"{self.org}:{self.name}:{self.rev}"
        return text if not self.classifier else f"{text}:{self.classifier}:{self.ext}"


@dataclass(frozen=True, order=True)
class Artifact:
    """One locked file: where it comes from, what it must contain (sha256) and its size in bytes."""

    coordinate: Coordinate
    sha256: str
    size: int

    @property
    def file(self) -> str:
        """The file name in the set's directory."""
        return self.coordinate.file


Lock = Mapping[str, tuple[Artifact, ...]]


def lock_path() -> Path:
    """`$SMARTSTORE_JARS_LOCK`, else `images/jars.lock` of the checkout this package belongs to.

    Raises:
        ToolchainError: neither exists.
    """
    chosen = os.environ.get(LOCK_VARIABLE)
    candidates = [Path(chosen)] if chosen else [p / "images" / "jars.lock" for p in Path(__file__).parents]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    where = chosen or "images/jars.lock"
    raise ToolchainError("the jar lock is missing", where, f"work in a checkout, or set {LOCK_VARIABLE}")


def load(path: Path | None = None) -> Lock:
    """Read the lock: set name → its artifacts.

    Raises:
        ToolchainError: not readable, not TOML, or an entry is incomplete; names the entry.
    """
    path = path or lock_path()
    try:
        document = tomllib.loads(path.read_text())
        return {name: tuple(_artifact(name, row) for row in rows) for name, rows in document.items()}
    except (OSError, ValueError) as error:
        raise ToolchainError(f"the jar lock cannot be read, {error}", path, _REGENERATE) from error


def digest(artifacts: tuple[Artifact, ...]) -> str:
    """A short name for exactly these contents, so that caches of two locks never mix."""
    text = "\n".join(f"{artifact.file} {artifact.sha256}" for artifact in sorted(artifacts))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def dump(lock: Lock) -> str:
    """The lock as TOML text, one line per artifact, sorted, so that a diff shows what changed."""
    lines = [
        "# Exact jars by set. Written by: python -m smartstore_operator.embedded.toolchain.lock",
        "# `make setup` fetches these and nothing else, and refuses a file whose sha256 differs.",
    ]
    for name in sorted(lock):
        lines += ["", f"{name} = ["]
        lines += [f"    {_row(artifact)}," for artifact in sorted(lock[name])]
        lines.append("]")
    return "\n".join(lines) + "\n"


def _row(artifact: Artifact) -> str:
    return (
        f'{{ jar = "{artifact.coordinate}", file = "{artifact.file}", '
        f'sha256 = "{artifact.sha256}", size = {artifact.size} }}'
    )


def _artifact(set_name: str, row: Any) -> Artifact:
    try:
        artifact = Artifact(Coordinate.parse(row["jar"]), row["sha256"], int(row["size"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"set {set_name!r}: {row!r} needs jar, file, sha256 and size") from error
    if not _SHA256.fullmatch(artifact.sha256):
        raise ValueError(f"set {set_name!r}: {artifact.coordinate} has no valid sha256")
    if row.get("file") != artifact.file:
        raise ValueError(f"set {set_name!r}: {artifact.coordinate} must have file = {artifact.file!r}")
    return artifact
