"""Snapshots of the source: what it takes to continue from a tick without making the whole run again.

A snapshot is a shortcut, never the truth: one that is damaged, of another format or ahead of the ledger is passed over.
"""

import logging
import os
import zlib
from pathlib import Path

import msgspec
from msgspec import Struct

from smartstore.world.ledger import LedgerPlace

_FORMAT = 2
_KEPT = 2
_SUFFIX = ".snapshot"
log = logging.getLogger("smartstore.world.snapshots")


class Snapshot(Struct, frozen=True, kw_only=True):
    """The state after a tick (epoch milliseconds), and where its `tick` line ends in the ledger."""

    format: int = _FORMAT
    tick_ms: int
    place: LedgerPlace
    world: bytes
    faults: bytes
    relay: bytes


class Snapshots:
    """The newest snapshots in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def save(self, snapshot: Snapshot) -> None:
        """Write a snapshot; it is there wholly or not at all. Older ones than the last two are removed."""
        body = msgspec.msgpack.encode(snapshot)
        path = self._directory / f"{snapshot.place.seq:016d}{_SUFFIX}"
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(zlib.crc32(body).to_bytes(4, "big") + body)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        for old in self._paths()[_KEPT:]:
            old.unlink()

    def newest(self, last_seq: int) -> Snapshot | None:
        """The newest usable snapshot that the ledger, whose last committed line is `last_seq`, covers."""
        for path in self._paths():
            snapshot = _read(path)
            if snapshot is not None and snapshot.place.seq <= last_seq:
                return snapshot
            log.warning("snapshot %s is not usable, an older one is taken", path.name)
        return None

    def _paths(self) -> list[Path]:
        return sorted(self._directory.glob(f"*{_SUFFIX}"), reverse=True)


def _read(path: Path) -> Snapshot | None:
    content = path.read_bytes()
    if zlib.crc32(content[4:]).to_bytes(4, "big") != content[:4]:
        return None
    try:
        snapshot = msgspec.msgpack.decode(content[4:], type=Snapshot)
    except msgspec.MsgspecError:
        return None
    return snapshot if snapshot.format == _FORMAT else None
