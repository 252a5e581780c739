"""The data files of a table."""

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable
from msgspec import Struct

from smartstore.lake.tables import INGEST_DATE


class File(Struct, frozen=True):
    """One data file: its partition, where the table has days, and its size in bytes."""

    day: date | None
    size: int


def files_of(table: DeltaTable) -> list[File]:
    """The data files of a table's current version."""
    actions = pa.table(table.get_add_actions(flatten=True))
    sizes: list[Any] = actions["size_bytes"].to_pylist()
    name = f"partition.{INGEST_DATE}"
    days = actions[name].to_pylist() if name in actions.column_names else [None] * len(sizes)
    return [File(day, size) for day, size in zip(days, sizes, strict=True)]


def has_unused(table: DeltaTable, retention: timedelta) -> bool:
    """Whether there are files that no version of the table has used for so long."""
    hours = int(retention / timedelta(hours=1))
    return bool(table.vacuum(hours, dry_run=True, enforce_retention_duration=False, full=True))
