"""What is worth a rewrite."""

from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from smartstore.lake.files import File, has_unused
from smartstore.lake.maintenance import CLUSTER_BYTES, OPEN_DAY_FILES, SMALL_BYTES, Compaction, compactions

pytestmark = pytest.mark.unit
MONDAY, TUESDAY = date(2026, 1, 5), date(2026, 1, 6)


def test_an_open_day_waits_for_many_small_files() -> None:
    assert compactions([File(MONDAY, 10)] * (OPEN_DAY_FILES - 1)) == []
    assert compactions([File(MONDAY, 10)] * OPEN_DAY_FILES) == [Compaction(MONDAY)]


def test_a_closed_day_is_put_together_once() -> None:
    assert compactions([File(MONDAY, 10), File(MONDAY, 10), File(TUESDAY, 10)]) == [Compaction(MONDAY)]
    assert compactions([File(MONDAY, 20), File(TUESDAY, 10)]) == []


def test_a_large_closed_day_is_ordered_by_store() -> None:
    files = [File(MONDAY, CLUSTER_BYTES), File(MONDAY, 10), File(MONDAY, 10), File(TUESDAY, 10)]
    assert compactions(files) == [Compaction(MONDAY, cluster=True)]


def test_large_files_are_left_alone() -> None:
    assert compactions([File(None, SMALL_BYTES)] * 50) == []
    assert compactions([File(None, 10)] * OPEN_DAY_FILES) == [Compaction(None)]


def test_only_files_that_fell_out_of_use_long_ago_are_worth_a_vacuum(tmp_path: Path) -> None:
    write_deltalake(str(tmp_path), pa.table({"n": [1]}))
    assert not has_unused(DeltaTable(str(tmp_path)), timedelta(0))
    write_deltalake(str(tmp_path), pa.table({"n": [2]}), mode="overwrite")
    assert has_unused(DeltaTable(str(tmp_path)), timedelta(0))
    assert not has_unused(DeltaTable(str(tmp_path)), timedelta(hours=1))
