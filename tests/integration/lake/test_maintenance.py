"""Compaction, clustering and vacuum by the real Spark: fewer files, the same rows, the same positions."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable
from prometheus_client import CollectorRegistry
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from smartstore.lake import positions
from smartstore.lake.application import SPARK_SETTINGS
from smartstore.lake.files import files_of
from smartstore.lake.maintenance import Maintenance
from smartstore.lake.metrics import Metrics
from smartstore.lake.store import Shape, Store
from smartstore.lake.tables import lake_tables
from smartstore.process.spark import spark_session
from smartstore_operator.embedded.toolchain import jar_dir, java_home

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
COVERED = {"shelf_events": {0: 7}}


@pytest.fixture
def spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SparkSession]:
    monkeypatch.setitem(os.environ, "JAVA_HOME", str(java_home()))
    variables = {"SMARTSTORE_SPARK_DRIVER_MEMORY": "512m"}
    session = spark_session("lake", jar_dir("spark"), tmp_path / "scratch", variables, SPARK_SETTINGS)
    yield session
    session.stop()


def test_a_closed_day_becomes_one_file_and_the_unused_ones_go(spark: SparkSession, tmp_path: Path) -> None:
    metrics, now = Metrics(CollectorRegistry()), timedelta(0)
    store = Store(spark, str(tmp_path / "lake"), now, metrics)
    table = lake_tables()[0]
    store.open(Shape(path=table.path, record=table.topic.value, extra=table.extra_columns))
    for day in ("2026-01-01", "2026-01-01", "2026-01-02"):
        rows = spark.range(5).select(
            f.lit("s1").alias("store_id"), f.lit(day).cast("date").alias("ingest_date")
        )
        store.append(table.path, rows.coalesce(1), COVERED, 5)
    Maintenance(store, metrics, now).round([table.path], datetime.now(UTC) + timedelta(minutes=1))

    found = DeltaTable(store.location(table.path))
    assert sorted(str(file.day) for file in files_of(found)) == [str(date(2026, 1, day)) for day in (1, 2)]
    assert found.to_pyarrow_dataset().count_rows() == 15
    assert len(list(Path(store.location(table.path)).rglob("part*.parquet"))) == 2
    assert positions.read(found, None) == COVERED
