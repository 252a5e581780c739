"""The data files of a table."""

from datetime import date, datetime
from pathlib import Path
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


def has_unused(table: DeltaTable, directory: Path, before: datetime) -> bool:
    """Whether there are data files older than `before` that the table's current version does not use."""
    used = {Path(uri).name for uri in table.file_uris()}
    return any(
        file.name not in used and file.stat().st_mtime < before.timestamp()
        for file in directory.rglob("*.parquet")
        if "_delta_log" not in file.parts
    )
