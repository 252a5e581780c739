"""Reading the lake's tables as they are at one moment."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from msgspec import Struct
from msgspec.structs import fields

from smartstore.contracts.lake import COVERED_IN, Covered, decode_covered
from smartstore.process.lake_root import location, tables_below

BATCH = 20_000
PLACE = ("kafka_partition", "kafka_offset")
"""Columns that say where on its topic a row comes from."""
VERBATIM = ("kafka_key", "kafka_headers", "kafka_value")
"""Columns of a mirror that keep the record as it was."""
RECENT_COMMITS = 50

Row = dict[str, Any]


class LakeError(Exception):
    """A table cannot be read; says which and why."""


@dataclass(frozen=True)
class Table:
    """One version of a table; it stays readable while the lake goes on."""

    path: str
    covered: Covered
    """How far it goes on its topics."""
    committed_ms: int
    """When it was written last (epoch ms)."""
    _table: DeltaTable

    def rows(self, *columns: str) -> Iterator[list[Row]]:
        """All rows, some at a time. A column that the table does not have is null."""
        known = {field.name for field in self._table.schema().fields}
        wanted = [name for name in columns if name in known]
        missing = dict.fromkeys(set(columns) - known)
        try:
            for batch in self._table.to_pyarrow_dataset().to_batches(columns=wanted, batch_size=BATCH):
                yield [missing | row for row in batch.to_pylist()] if missing else batch.to_pylist()
        except (DeltaError, OSError) as error:
            raise LakeError(f"{self.path} cannot be read: {_one_line(error)}") from error

    def at(self, topic: str, ends: dict[int, int]) -> "Table | None":
        """The newest version that covers the topic exactly up to `ends` (last offset by partition), if there is one."""
        if self.covered.get(topic, {}) == ends:
            return self
        for version, covered in _commits(self._table, None):
            if covered.get(topic, {}) == ends:
                older = DeltaTable(self._table.table_uri, version=version)
                return Table(self.path, covered, self.committed_ms, older)
        return None


class Tables:
    """The tables below one root."""

    def __init__(self, root: str) -> None:
        self._root = root

    @property
    def exist(self) -> bool:
        """Whether there is a lake at all. Raises `LakeError`."""
        try:
            return bool(tables_below(self._root))
        except OSError as error:
            raise LakeError(f"{self._root} does not answer: {_one_line(error)}") from error

    def open(self, path: str) -> Table | None:
        """The table as it is now; None where there is none. Raises `LakeError`."""
        place = location(self._root, path)
        try:
            if not DeltaTable.is_deltatable(place):
                return None
            table = DeltaTable(place)
            newest = next(iter(table.history(1)), {})
            return Table(path, _covered(table), int(newest.get("timestamp", 0)), table)
        except (DeltaError, OSError) as error:
            raise LakeError(f"{path} cannot be read: {_one_line(error)}") from error


def columns_of(record: type[Struct]) -> list[str]:
    """The names of a contract's columns."""
    return [field.encode_name for field in fields(record)]


def place_of(partition: int, offset: int) -> int:
    """Partition and offset as one number."""
    return partition << 48 | offset


def name_of_place(place: int) -> str:
    """Partition and offset as people read them."""
    return f"partition {place >> 48} offset {place & (1 << 48) - 1}"


def is_covered(ends: Covered, topic: str) -> Callable[[int, int], bool]:
    """Whether a record (partition, offset) of the topic lies within `ends`."""
    last = ends.get(topic, {})
    return lambda partition, offset: offset <= last.get(partition, -1)


def _covered(table: DeltaTable) -> Covered:
    for limit in (RECENT_COMMITS, None):  # the second look is for a table that others worked on
        for _, covered in _commits(table, limit):
            return covered
    return {}


def _commits(table: DeltaTable, limit: int | None) -> Iterator[tuple[int, Covered]]:
    """Version and positions of the commits that have some, the newest first."""
    for commit in table.history(limit):
        covered = decode_covered(commit.get(COVERED_IN))
        if covered is not None:
            yield commit["version"], covered


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
