"""Reading the lake's tables without a JVM: delta-rs for the log, DuckDB for SQL."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb
import msgspec
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from smartstore.contracts.lake import COVERED_IN, decode_covered
from smartstore.contracts.topics import TOPICS
from smartstore.lake import positions
from smartstore.lake.files import files_of
from smartstore.process.lake_root import exists, location, tables_below

Row = dict[str, Any]


class LakeError(Exception):
    """A question that the lake cannot answer; one line."""


class Lake:
    """The tables below one root, as they are now."""

    def __init__(self, root: str) -> None:
        """Raises `LakeError` when there is no lake, `OSError` when its place does not answer."""
        if not exists(root):
            raise LakeError(f"there is no lake at {root} yet; it is made when a SmartStore with `lake` runs")
        self._root = root

    def paths(self) -> list[str]:
        """All tables, as `level/table`."""
        return tables_below(self._root)

    def tables(self) -> list[Row]:
        """One row per table."""
        feeds = {topic.lake: topic.name for topic in TOPICS if topic.lake is not None}
        return [self._summary(path, feeds.get(path)) for path in self.paths()]

    def _summary(self, path: str, topic: str | None) -> Row:
        table = self._open(path)
        files = files_of(table)
        return {
            "table": path,
            "topic": topic,
            "rows": table.to_pyarrow_dataset().count_rows(),
            "files": len(files),
            "bytes": sum(file.size for file in files),
            "version": table.version(),
            "changed_at": _moment(next(iter(table.history(1)), {}).get("timestamp")),
        }

    def describe(self, name: str) -> Row:
        """Columns, partitioning and positions of one table."""
        path = self.resolve(name)
        table = self._open(path)
        metadata = table.metadata()
        topic = next((topic for topic in TOPICS if topic.lake == path), None)
        return {
            "table": path,
            "topic": topic.name if topic else None,
            "key": list(topic.key) if topic else [],
            "partitioned_by": metadata.partition_columns,
            "properties": metadata.configuration,
            "covers": {
                covered_topic: {str(partition): offset for partition, offset in partitions.items()}
                for covered_topic, partitions in positions.read(table, topic.name if topic else None).items()
            },
            "columns": [
                {
                    "name": field["name"],
                    "type": _type_name(field["type"]),
                    "description": field["metadata"].get("comment", ""),
                }
                for field in msgspec.json.decode(table.schema().to_json())["fields"]
            ],
        }

    def history(self, name: str, limit: int) -> list[Row]:
        """The last commits of one table, newest first."""
        return [_commit(commit) for commit in self._open(self.resolve(name)).history(limit)]

    def sql(self, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names and rows of a query; tables are called `level.table`.

        Raises:
            LakeError: the query is wrong; says what DuckDB says.
        """
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for path in self._named_in(query):
                level, table = path.split("/")
                source = f"{level}__{table}"
                connection.register(source, self._open(path).to_pyarrow_dataset())
                connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{level}"')
                view = f'CREATE VIEW "{level}"."{table}" AS SELECT * FROM "{source}"'  # noqa: S608  names of ours
                connection.execute(view)
            try:
                result = connection.execute(query)
                return [column[0] for column in result.description or []], result.fetchall()
            except duckdb.Error as error:
                raise LakeError(_one_line(error)) from None

    def _named_in(self, query: str) -> Iterator[str]:
        """The tables whose names the query holds; a table that it does not name need not be opened."""
        words = set(re.findall(r"\w+", query.lower()))
        return (path for path in self.paths() if set(path.lower().split("/")) <= words)

    def resolve(self, name: str) -> str:
        """The path of a table given as `level/table`, `level.table` or, if only one has it, `table`.

        Raises:
            LakeError: no table, or several, are called so.
        """
        paths = self.paths()
        wanted = name.strip("/").replace(".", "/")
        found = [path for path in paths if wanted in (path, path.partition("/")[2])]
        if len(found) == 1:
            return found[0]
        if found:
            raise LakeError(f"{name!r} may be {' or '.join(found)}; give its level too")
        raise LakeError(f"there is no table {name!r}; there are: {', '.join(paths) or 'none yet'}")

    def _open(self, path: str) -> DeltaTable:
        try:
            return DeltaTable(location(self._root, path))
        except DeltaError as error:
            raise LakeError(f"{path} cannot be read: {_one_line(error)}") from None


def _commit(commit: Mapping[str, Any]) -> Row:
    metrics = commit.get("operationMetrics") or {}
    covered = decode_covered(commit.get(COVERED_IN))
    return {
        "version": commit.get("version"),
        "at": _moment(commit.get("timestamp")),
        "operation": commit.get("operation"),
        "rows": _first(metrics, "numOutputRows", "numTargetRowsInserted"),
        "updated": _first(metrics, "numTargetRowsUpdated"),
        "files_added": _first(metrics, "numFiles", "numTargetFilesAdded", "numAddedFiles"),
        "files_removed": _first(metrics, "numTargetFilesRemoved", "numRemovedFiles"),
        "covers": {topic: {str(p): o for p, o in ends.items()} for topic, ends in (covered or {}).items()},
    }


def _first(metrics: Mapping[str, Any], *names: str) -> int | None:
    return next((int(metrics[name]) for name in names if metrics.get(name) is not None), None)


def _moment(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return (
        datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    )


def _type_name(kind: Any) -> str:
    """Delta's JSON type as SQL says it."""
    if isinstance(kind, str):
        return {"long": "bigint"}.get(kind, kind)
    if kind["type"] == "array":
        return f"array<{_type_name(kind['elementType'])}>"
    fields = ", ".join(f"{field['name']}: {_type_name(field['type'])}" for field in kind["fields"])
    return f"struct<{fields}>"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
