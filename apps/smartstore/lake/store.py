"""The tables on disk: created and widened as the contracts say, and committed to together with positions."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

import msgspec
from delta.tables import DeltaMergeBuilder, DeltaTable
from deltalake import DeltaTable as LightTable
from deltalake import Schema
from msgspec import Struct
from pyspark.sql import DataFrame, SparkSession

from smartstore.contracts.derive.columns import Column, columns_of
from smartstore.contracts.lake import Covered, encode_covered
from smartstore.lake import positions
from smartstore.lake.metrics import Metrics
from smartstore.lake.schema import delta_schema, demand_compatible
from smartstore.lake.tables import INGEST_DATE, Columns
from smartstore.process.lake_root import location

log = logging.getLogger("smartstore.lake.store")

_METADATA_SETTING = "spark.databricks.delta.commitInfo.userMetadata"
_RETENTION = "delta.deletedFileRetentionDuration"


class Shape(Struct, frozen=True, kw_only=True):
    """What a table looks like: the contract's columns, further ones, and where its rows say they come from."""

    path: str
    record: type[Struct] | None = None
    extra: Columns = {}
    topic: str | None = None
    """The topic whose coordinates the rows carry."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of the contract."""
        return columns_of(self.record) if self.record is not None else ()

    @property
    def schema(self) -> Schema:
        """All columns, as Delta has them."""
        return Schema.from_json(msgspec.json.encode(delta_schema(self.columns, self.extra)).decode())


class Store:
    """All tables below one root. It is the only writer of them: hold the root's lock."""

    def __init__(self, spark: SparkSession, root: str, retention: timedelta, metrics: Metrics) -> None:
        """`retention`: how long files are kept that no current version of a table uses."""
        self.session = spark
        """The session that commits: inside a micro-batch, the one of its frame."""
        self._root, self._metrics = root, metrics
        self._hours = int(retention / timedelta(hours=1))
        self._covered: dict[str, Covered] = {}

    def open(self, shape: Shape) -> None:
        """Make the table known: create it, or check that the contract still fits it and read its positions.

        Raises:
            IncompatibleTable: the contract contradicts the table.
        """
        table = positions.open_table(self.location(shape.path))
        if table is None:
            self._create(shape)
            self._covered[shape.path] = {}
            return
        schema = msgspec.json.decode(table.schema().to_json())
        demand_compatible(shape.path, schema, shape.columns)
        self._widen(table, shape, {field["name"] for field in schema["fields"]})
        if table.metadata().configuration.get(_RETENTION) != self._properties[_RETENTION]:
            table.alter.set_table_properties({_RETENTION: self._properties[_RETENTION]})
        self._covered[shape.path] = positions.read(table, shape.topic)
        self._metrics.covers(shape.path, self._covered[shape.path])

    def covered(self, path: str) -> Covered:
        """What a table covers; nothing before it was opened."""
        return self._covered.get(path, {})

    def is_open(self, path: str) -> bool:
        """Whether `open` was called for the table."""
        return path in self._covered

    def location(self, path: str) -> str:
        """Where a table lies."""
        return location(self._root, path)

    def frame(self, path: str) -> DataFrame:
        """A table's current rows."""
        return self.session.read.format("delta").load(self.location(path))

    def append(self, path: str, rows: DataFrame, covered: Covered, count: int) -> None:
        """Add rows and positions in one commit, which is made even for no rows. `count`: how many records they are."""
        write = rows.write.format("delta").mode("append").option("mergeSchema", "true")
        self._commit(path, covered, count, lambda: write.save(self.location(path)))

    def merge(
        self,
        path: str,
        rows: DataFrame,
        condition: str,
        covered: Covered,
        count: int,
        update: str | None = None,
        delete: str | None = None,
    ) -> None:
        """Merge rows (`s`) into the table (`t`) and record positions, in one commit.

        Rows that match nothing are inserted; matching ones are updated where `update` holds, never without it. Where
        `delete` holds (of `s` alone) there is no row afterwards.
        """
        target = DeltaTable.forPath(self.session, self.location(path)).alias("t")
        merge: DeltaMergeBuilder = target.merge(rows.alias("s"), condition).withSchemaEvolution()
        if delete is not None:
            merge = merge.whenMatchedDelete(delete)
        if update is not None:
            merge = merge.whenMatchedUpdateAll(update)
        stays = None if delete is None else f"NOT ({delete})"
        self._commit(path, covered, count, merge.whenNotMatchedInsertAll(stays).execute)

    def maintain(self, path: str, operation: str, work: Callable[[DeltaTable], object]) -> None:
        """Run maintenance of a table; its commits carry the positions on."""
        began = time.monotonic()
        self.session.conf.set(_METADATA_SETTING, encode_covered(self.covered(path)))
        work(DeltaTable.forPath(self.session, self.location(path)))
        self._metrics.maintained(path, operation)
        log.info("%s: %s took %.1f s", path, operation, time.monotonic() - began)

    def _commit(self, path: str, covered: Covered, count: int, write: Callable[[], object]) -> None:
        began = time.monotonic()
        self.session.conf.set(_METADATA_SETTING, encode_covered(covered))
        write()
        self._covered[path] = covered
        self._metrics.committed(path, count, time.monotonic() - began)
        self._metrics.covers(path, covered)

    def _widen(self, table: LightTable, shape: Shape, present: set[str]) -> None:
        """Add the columns that came since the table was made; fields inside a column are added by the next write."""
        missing = [field for field in shape.schema.fields if field.name not in present]
        if missing:
            table.alter.add_columns(missing)
            log.info("%s got new columns: %s", shape.path, ", ".join(field.name for field in missing))

    def _create(self, shape: Shape) -> None:
        """Make an empty table, by the log alone: a Spark job for each would delay the first start by half a minute."""
        LightTable.create(
            self.location(shape.path),
            shape.schema,
            partition_by=[INGEST_DATE] if INGEST_DATE in shape.extra else None,
            configuration=self._properties,
        )
        log.info("created %s", shape.path)

    @property
    def _properties(self) -> dict[str, str]:
        return {
            _RETENTION: f"interval {self._hours} hours",
            # Readers that are no Spark need not know deletion vectors.
            "delta.enableDeletionVectors": "false",
        }
