"""Keeping the tables fit to read: few large files, rows of a store together, no files that nobody uses any more.

It runs between two micro-batches in the thread that writes, so never beside a write of the same table.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct

from smartstore.lake import positions
from smartstore.lake.files import File, files_of, has_unused
from smartstore.lake.metrics import Metrics
from smartstore.lake.store import Store
from smartstore.lake.tables import INGEST_DATE

SMALL_BYTES = 32 * 1024**2
"""Files below this size are put together; larger ones are left alone, so that a row is rewritten a few times only."""
LARGE_BYTES = 128 * 1024**2
"""Size that files grow to."""
OPEN_DAY_FILES = 20
"""So many small files are worth a rewrite while more will come."""
CLUSTER_BYTES = 64 * 1024**2
"""From this size on a day is ordered by store when it is put together: below, a reader reads all of it anyway."""
SETTINGS = {
    "spark.databricks.delta.optimize.minFileSize": str(SMALL_BYTES),
    "spark.databricks.delta.optimize.maxFileSize": str(LARGE_BYTES),
    "spark.databricks.delta.optimize.maxThreads": "1",
    # The listing of a vacuum starts so many tasks; the default is 10,000.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
}


class Compaction(Struct, frozen=True):
    """What to rewrite: one day, or all of a table without days; `cluster`: ordered by store."""

    day: date | None
    cluster: bool = False


def compactions(files: Iterable[File]) -> list[Compaction]:
    """What is worth a rewrite. A day is closed once a newer one has files; then two small files are enough."""
    days: dict[date | None, list[int]] = {}
    for file in files:
        days.setdefault(file.day, []).append(file.size)
    newest = max((day for day in days if day is not None), default=None)
    found = []
    for day in sorted(days, key=str):
        sizes = days[day]
        is_closed = day is not None and day != newest
        small = sum(size < SMALL_BYTES for size in sizes)
        if small >= (2 if is_closed else OPEN_DAY_FILES):
            found.append(Compaction(day, cluster=is_closed and sum(sizes) >= CLUSTER_BYTES))
    return found


class Maintenance:
    """Looks after a set of tables, one round at a time."""

    def __init__(self, store: Store, metrics: Metrics, retention: timedelta) -> None:
        """`retention`: how long unused files are kept."""
        self._store, self._metrics, self._retention = store, metrics, retention
        self._vacuumed: dict[str, datetime] = {}

    def round(self, paths: Sequence[str], now: datetime) -> None:
        """Do what is due. `now`: the newest of Kafka's timestamps."""
        for path in paths:
            table = positions.open_table(self._store.location(path))
            if table is None:
                continue
            files = files_of(table)
            self._metrics.size(path, len(files), sum(file.size for file in files))
            for compaction in compactions(files):
                self._compact(path, compaction)
            if self._is_due(path, now) and has_unused(table, self._retention):
                self._store.maintain(path, "vacuum", lambda target: target.vacuum())
                self._vacuumed[path] = now

    def _is_due(self, path: str, now: datetime) -> bool:
        """A file counts from when it fell out of use, which is later than when it was written: do not try at once."""
        return path not in self._vacuumed or now - self._vacuumed[path] >= self._retention / 4

    def _compact(self, path: str, compaction: Compaction) -> None:
        def work(target: Any) -> None:
            optimize = target.optimize()
            if compaction.day is not None:
                optimize = optimize.where(f"{INGEST_DATE} = '{compaction.day.isoformat()}'")
            if compaction.cluster:
                optimize.executeZOrderBy("store_id")
            else:
                optimize.executeCompaction()

        self._store.maintain(path, "cluster" if compaction.cluster else "compact", work)
