"""Seals: a cheap proof that the files of a directory are still the ones that were verified.

A seal records sha256, size and modification time of every file. A later check costs one `stat` per file; only a file
whose size or time differs is hashed again. So truncated, replaced and deleted files are found at every start.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

SEAL_NAME = ".seal.json"


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file's content."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write(directory: Path, digests: Mapping[str, str]) -> None:
    """Seal `directory`; `digests` maps relative file names to the sha256 just verified."""
    entries = {name: [digest, *_stat(directory / name)] for name, digest in sorted(digests.items())}
    draft = directory / f"{SEAL_NAME}.new"
    draft.write_text(json.dumps(entries, indent=0))
    draft.replace(directory / SEAL_NAME)


def digests(directory: Path) -> dict[str, str]:
    """The sha256 of every sealed file; empty when there is no readable seal."""
    return {name: entry[0] for name, entry in _read(directory).items()}


def damaged(directory: Path, wanted: Mapping[str, str]) -> list[str]:
    """Names from `wanted` (relative name → sha256) that are missing or differ, in order.

    Files that were merely touched are hashed, found good and sealed again where the directory may be written.
    """
    sealed = _read(directory)
    bad: list[str] = []
    stale = False
    for name, digest in sorted(wanted.items()):
        try:
            size, mtime = _stat(directory / name)
        except OSError:
            bad.append(name)
            continue
        if sealed.get(name) == (digest, size, mtime):
            continue
        stale = True
        if sha256(directory / name) != digest:
            bad.append(name)
    if stale and not bad:
        _reseal(directory, wanted)
    return bad


def _reseal(directory: Path, wanted: Mapping[str, str]) -> None:
    try:
        write(directory, wanted)
    except OSError:
        return  # a cache that may only be read is still good; it costs the hashing at each start


def _stat(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _read(directory: Path) -> dict[str, tuple[str, int, int]]:
    try:
        entries = json.loads((directory / SEAL_NAME).read_text())
        return {name: (digest, size, mtime) for name, (digest, size, mtime) in entries.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # no seal or a damaged one: everything is hashed again
