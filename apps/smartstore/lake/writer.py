"""One micro-batch into the tables: per table the records that it does not cover yet, each table one commit."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce

from msgspec import Struct
from pyspark import StorageLevel
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as f

from smartstore.contracts.derive.columns import columns_of
from smartstore.contracts.lake import Covered
from smartstore.contracts.wire import from_epoch_ms
from smartstore.lake import decode, positions
from smartstore.lake.derived import Derived
from smartstore.lake.metrics import Metrics
from smartstore.lake.store import Shape, Store
from smartstore.lake.tables import KAFKA_COLUMNS, REASON_COLUMN, VERBATIM_COLUMNS, Table

log = logging.getLogger("smartstore.lake.writer")

_TASKS = 2
_ROWS_PER_FILE = 200_000
_IDLE_OFFSETS = 20_000
"""So many records without a row make a commit of their own, so that a restart need not read them again."""


class Arrived(Struct, frozen=True, kw_only=True):
    """What a micro-batch has of one topic."""

    ends: Mapping[int, int]
    """Last offset by partition."""
    records: int
    rows: int
    """Records that are no ticks."""
    newest_ms: int
    """Newest of Kafka's timestamps, milliseconds since the epoch."""


class Checked(Struct, frozen=True):
    """What a first look at a topic's records gives."""

    bad: int
    """Records that cannot be decoded."""
    oldest: int | None
    """Their smallest version, where the contract has one."""


NOTHING = Checked(0, None)


class Writer:
    """Writes micro-batches; a batch, or a part of it, may come again."""

    def __init__(
        self, tables: Sequence[Table], derived: Sequence[Derived], store: Store, metrics: Metrics, prefix: str
    ) -> None:
        self._tables, self._derived, self._store, self._metrics = tables, derived, store, metrics
        self._prefix = prefix
        self._tick_only: dict[str, int] = {}

    def open(self) -> None:
        """Create or check all tables; quarantines are created when they are needed.

        Raises:
            IncompatibleTable: a contract contradicts its table.
        """
        for table in self._tables:
            self._store.open(
                Shape(
                    path=table.path,
                    record=table.topic.value,
                    extra=table.extra_columns,
                    topic=table.topic.name,
                )
            )
        for derived in self._derived:
            derived.open()

    def covered(self) -> dict[str, dict[int, int]]:
        """Per topic and partition the last offset that all its tables cover.

        Quarantines do not count: they are written before their topic's own table.
        """
        found = {}
        for table in self._tables:
            name = table.topic.name
            covers = [self._store.covered(table.path)]
            covers += [derived.covers() for derived in self._derived if name in derived.topics]
            found[name] = positions.slowest(covers, name)
        return found

    def paths(self) -> list[str]:
        """The tables that are kept fit, quarantines among them."""
        own = [path for table in self._tables for path in (table.path, table.quarantine)]
        return [*own, *(derived.path for derived in self._derived)]

    def write(self, batch: DataFrame) -> datetime | None:
        """Write one micro-batch of Kafka's columns; returns the newest of Kafka's timestamps, None without records."""
        topic = f.expr(f"substring(topic, {len(self._prefix) + 1})")
        self._store.session = batch.sparkSession
        # Few tasks: Kafka gives one per topic and partition, and every table would run them all.
        rows = batch.coalesce(_TASKS).withColumn("name", topic).persist(StorageLevel.MEMORY_AND_DISK)
        try:
            arrived = _arrived(rows)
            self._metrics.read(sum(one.records for one in arrived.values()))
            fresh = {
                table.topic.name: self._fresh(rows, table)
                for table in self._tables
                if table.topic.name in arrived and self._is_behind(table.path, table, arrived)
            }
            checked = self._checked({name: frame for name, frame in fresh.items() if arrived[name].rows})
            for table in self._tables:
                name = table.topic.name
                if name in fresh:
                    self._write(table, fresh[name], arrived[name], checked.get(name, NOTHING))
            for derived in self._derived:
                _write_derived(derived, rows, arrived)
            newest = max((one.newest_ms for one in arrived.values()), default=None)
            return None if newest is None else from_epoch_ms(newest)
        finally:
            rows.unpersist()

    def _is_behind(self, path: str, table: Table, arrived: Mapping[str, Arrived]) -> bool:
        known = self._store.covered(path).get(table.topic.name, {})
        return any(end > known.get(p, -1) for p, end in arrived[table.topic.name].ends.items())

    def _fresh(self, rows: DataFrame, table: Table) -> DataFrame:
        known = self._store.covered(table.path).get(table.topic.name, {})
        return rows.where((f.col("name") == table.topic.name) & ~decode.is_tick() & decode.beyond(known))

    def _checked(self, fresh: Mapping[str, DataFrame]) -> dict[str, Checked]:
        """A first look at the records, by topic, all topics in one job."""
        looks = []
        for table in self._tables:
            if table.topic.name in fresh:
                version = f"{decode.PARSED}.version" if _has_version(table) else None
                looks.append(
                    decode.parsed(fresh[table.topic.name], table.topic).select(
                        "name",
                        decode.reason(table.topic).isNotNull().cast("long").alias("bad"),
                        (f.col(version) if version else f.lit(None).cast("bigint")).alias("version"),
                    )
                )
        if not looks:
            return {}
        counts = (
            reduce(DataFrame.union, looks)
            .groupBy("name")
            .agg(f.sum("bad").alias("bad"), f.min("version").alias("oldest"))
        )
        return {row["name"]: Checked(row["bad"], row["oldest"]) for row in counts.collect()}

    def _write(self, table: Table, fresh: DataFrame, arrived: Arrived, checked: Checked) -> None:
        topic = table.topic
        covered = positions.advanced(self._store.covered(table.path), topic.name, arrived.ends)
        if not arrived.rows:
            self._write_ticks(table, fresh, arrived, covered)
            return
        self._tick_only.pop(topic.name, None)
        frame = decode.parsed(fresh, topic)
        count = arrived.rows
        if checked.bad:
            self._quarantine(table, frame, arrived, checked.bad)
            frame = frame.where(decode.reason(topic).isNull())
            count -= checked.bad
        rows = decode.rows_of(frame, table)
        if table.mode == "mirror":
            self._store.append(table.path, _in_files(rows, count), covered, count)
        else:
            self._merge(table, rows, covered, count, checked.oldest)

    def _write_ticks(self, table: Table, fresh: DataFrame, arrived: Arrived, covered: Covered) -> None:
        """Records without a row are not worth a commit until there are many of them."""
        name = table.topic.name
        self._tick_only[name] = self._tick_only.get(name, 0) + arrived.records
        if self._tick_only[name] >= _IDLE_OFFSETS:
            nothing = decode.rows_of(decode.parsed(fresh, table.topic), table).limit(0)
            self._store.append(table.path, nothing, covered, 0)
            del self._tick_only[name]

    def _quarantine(self, table: Table, frame: DataFrame, arrived: Arrived, count: int) -> None:
        path, topic = table.quarantine, table.topic
        if not self._store.is_open(path):
            columns = KAFKA_COLUMNS | VERBATIM_COLUMNS | REASON_COLUMN
            self._store.open(Shape(path=path, extra=columns, topic=topic.name))
        known = self._store.covered(path)
        bad = frame.where(decode.reason(topic).isNotNull() & decode.beyond(known.get(topic.name, {})))
        covered = positions.advanced(known, topic.name, arrived.ends)
        self._store.append(path, _in_files(decode.quarantined(bad, topic), count), covered, count)
        self._metrics.quarantined(topic.name, count)
        log.warning("%d records of %s cannot be decoded; they are in %s", count, topic.name, path)

    def _merge(self, table: Table, rows: DataFrame, covered: Covered, count: int, oldest: int | None) -> None:
        topic = table.topic
        order = "version" if _has_version(table) else "kafka_offset"
        newest = _newest(rows, topic.key, order)
        same_key = " AND ".join(f"t.{name} = s.{name}" for name in topic.key)
        if table.mode == "state":
            self._store.merge(table.path, newest, same_key, covered, count, update=f"s.{order} > t.{order}")
            return
        # A repeat has the version of the first: files with smaller ones need not be read.
        if oldest is not None:
            same_key = f"{same_key} AND t.version >= {oldest}"
        self._store.merge(table.path, newest, same_key, covered, count)


def _write_derived(derived: Derived, rows: DataFrame, arrived: Mapping[str, Arrived]) -> None:
    known = derived.covers()
    behind = {
        topic: arrived[topic].ends
        for topic in derived.topics
        if topic in arrived
        and any(end > known.get(topic, {}).get(p, -1) for p, end in arrived[topic].ends.items())
    }
    if behind:
        derived.write(rows, behind)


def _arrived(rows: DataFrame) -> dict[str, Arrived]:
    """What came, by topic."""
    found = rows.groupBy("name", "partition").agg(
        f.max("offset").alias("end"),
        f.count("*").alias("records"),
        f.sum(decode.is_tick().cast("long")).alias("ticks"),
        f.max(f.unix_millis("timestamp")).alias("newest"),
    )
    by_topic: dict[str, list[Row]] = {}
    for row in found.collect():
        by_topic.setdefault(row["name"], []).append(row)
    return {
        name: Arrived(
            ends={row["partition"]: row["end"] for row in of_topic},
            records=sum(row["records"] for row in of_topic),
            rows=sum(row["records"] - row["ticks"] for row in of_topic),
            newest_ms=max(row["newest"] for row in of_topic),
        )
        for name, of_topic in by_topic.items()
    }


def _newest(rows: DataFrame, key: Sequence[str], order: str) -> DataFrame:
    """One row per key: the largest `order`, among equals the last offset."""
    last = f.max_by(f.struct("*"), f.struct(order, "kafka_offset"))
    return rows.groupBy(*key).agg(last.alias("newest")).select("newest.*")


def _has_version(table: Table) -> bool:
    return any(column.name == "version" for column in columns_of(table.topic.value))


def _in_files(rows: DataFrame, count: int) -> DataFrame:
    return rows.coalesce(1) if count <= _ROWS_PER_FILE else rows
