"""Savepoints: the state of every store as rows, apart from Spark's checkpoint, and where in Kafka to read on.

A savepoint is a directory with two files of each application that shares the stores: `<application>.arrow`, an Arrow
IPC file of the columns `store_id` and `state` (as `domain.state_codec.pack_parts` packs it), and `<application>.json`,
a `Summary`, written last. It depends neither on the number of applications nor on Spark's partitions. Its positions may
lie before what a store's state has taken in: the state knows its own.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec
import pyarrow as pa
from msgspec import Struct

from smartstore.contracts.applications import hot_applications
from smartstore.contracts.wire import encode

FORMAT = 1
_SCHEMA = pa.schema([pa.field("store_id", pa.string()), pa.field("state", pa.binary())])
_BATCH_ROWS = 64

Positions = dict[str, dict[int, int]]
"""Next offset to read, by line and partition."""


class SavepointError(Exception):
    """A savepoint that cannot be used; says which and why."""


class Summary(Struct, frozen=True, kw_only=True):
    """What one application has put into a savepoint; `first_tick` and `last_tick` are the least and the greatest tick
    that its stores have taken.
    """

    format: int = FORMAT
    application: str
    shards: int
    stores: int
    first_tick: datetime | None
    last_tick: datetime | None
    positions: Positions


def write(directory: Path, summary: Summary, states: Iterable[tuple[str, bytes]]) -> None:
    """Write one application's part: store ids and their packed states; it is there wholly or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    rows, about = _paths(directory, summary.application)
    draft = rows.with_suffix(".partial")
    with pa.OSFile(str(draft), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
        for batch in _batches(states):
            writer.write_batch(batch)
    _settle(draft, rows)
    draft.write_bytes(encode(summary))
    _settle(draft, about)


def read_summaries(directory: Path) -> list[Summary]:
    """What each application has put into a savepoint.

    Raises:
        SavepointError: it is not there, not complete, or of another format.
    """
    found = {path.stem: _read_summary(path) for path in sorted(directory.glob("*.json"))}
    if not found:
        raise SavepointError(f"there is no savepoint in {directory}")
    wanted = hot_applications(next(iter(found.values())).shards)
    missing = [application for application in wanted if application not in found]
    if missing:
        raise SavepointError(f"the savepoint in {directory} is not complete: {', '.join(missing)} is missing")
    return list(found.values())


class SavedStates:
    """The packed states of a savepoint by store, mapped from its files."""

    def __init__(self, directory: Path) -> None:
        self._places: dict[str, tuple[pa.RecordBatch, int]] = {}
        for path in sorted(directory.glob("*.arrow")):
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                for row, store_id in enumerate(batch.column("store_id").to_pylist()):
                    self._places[store_id] = (batch, row)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def get(self, store_id: str) -> bytes | None:
        """The state of a store; None if the savepoint does not have it."""
        place = self._places.get(store_id)
        if place is None:
            return None
        batch, row = place
        state: bytes = batch.column("state")[row].as_py()
        return state

    def only(self, wanted: Callable[[str], bool]) -> dict[str, bytes]:
        """The stores that are wanted, with their states."""
        return {store_id: self.get(store_id) or b"" for store_id in self if wanted(store_id)}


def merged_positions(summaries: Iterable[Summary]) -> Positions:
    """The positions of all applications: each partition was read by one of them."""
    merged: Positions = {}
    for summary in summaries:
        for line, offsets in summary.positions.items():
            merged.setdefault(line, {}).update(offsets)
    return merged


def _paths(directory: Path, application: str) -> tuple[Path, Path]:
    return directory / f"{application}.arrow", directory / f"{application}.json"


def _read_summary(path: Path) -> Summary:
    try:
        summary = msgspec.json.decode(path.read_bytes(), type=Summary)
    except (OSError, msgspec.MsgspecError) as error:
        raise SavepointError(f"{path} cannot be read: {error}") from None
    if summary.format != FORMAT:
        raise SavepointError(f"{path} has format {summary.format}; this release reads {FORMAT}")
    return summary


def _batches(states: Iterable[tuple[str, bytes]]) -> Iterator[pa.RecordBatch]:
    rows: list[tuple[str, bytes]] = []
    for row in states:
        rows.append(row)
        if len(rows) == _BATCH_ROWS:
            yield _batch(rows)
            rows = []
    if rows:
        yield _batch(rows)


def _batch(rows: list[tuple[str, bytes]]) -> pa.RecordBatch:
    stores, states = zip(*rows, strict=True)
    return pa.record_batch([pa.array(stores, pa.string()), pa.array(states, pa.binary())], schema=_SCHEMA)


def _settle(draft: Path, path: Path) -> None:
    """Bring a draft to the disk, then give it its name."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
