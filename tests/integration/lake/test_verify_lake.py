"""`python -m smartstore.verify.lake` on what the lake wrote: clean; then one thing is changed in a copy of it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake

from tests.integration.lake.lake_process import Lake
from tests.integration.lake.records import Records

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), pytest.mark.xdist_group("lake")]

EVENT = "event_id = 's0001-1-0'"
SHELF = "store_id = 's0001' AND shelf_id = 'A1'"
ELSEWHERE = {"is beyond its positions", "is missing", "is not on its topic"}
LINE = "store_id = 's0001' AND transaction_id = 's0001-1-0'"


def _verify(lake: Lake, root: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **lake.environment, "SMARTSTORE_LAKE_ROOT": str(root)}
    command = [sys.executable, "-m", "smartstore.verify.lake", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_what_the_lake_wrote_is_clean(written: tuple[Records, Lake]) -> None:
    _, lake = written
    done = _verify(lake, lake.root, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    compared = {check["name"]: check["compared"] for check in found["checks"]}
    assert found["verdict"] == "clean"
    assert compared["lake raw/shelf_events"] == 9000
    assert compared["lake cleansed/pos_transaction_lines"] == 270
    assert compared["lake cleansed/shelf_state"] == compared["lake curated/product_total_state"] == 90
    assert _verify(lake, lake.root).stdout.splitlines()[-1] == "CLEAN"


def _delete(where: str) -> Callable[[DeltaTable], Any]:
    return lambda table: table.delete(where)


def _update(where: str, **columns: str) -> Callable[[DeltaTable], Any]:
    return lambda table: table.update(updates=columns, predicate=where)


def _twice(where: str) -> Callable[[DeltaTable], Any]:
    def append(table: DeltaTable) -> None:
        rows = table.to_pyarrow_table()
        column, value = (part.strip().strip("'") for part in where.split("=")[:2])
        mask = [cell == value for cell in rows[column].to_pylist()]
        write_deltalake(table, rows.filter(mask), mode="append")

    return append


@pytest.mark.parametrize(
    ("path", "change", "kinds"),
    [
        ("raw/shelf_events", _update(EVENT, kafka_offset="1000000"), ELSEWHERE),
        ("raw/shelf_events", _delete(EVENT), {"is missing"}),
        ("raw/shelf_events", _update(EVENT, quantity="9"), {"columns differ"}),
        ("raw/shelf_events", _update(EVENT, kafka_headers="NULL"), {"content differs"}),
        ("raw/shelf_events", _twice(EVENT), {"is there twice"}),
        ("quarantine/shelf_events", _delete("kafka_value = CAST('no json' AS BYTEA)"), {"is missing"}),
        ("cleansed/pos_transaction_lines", _delete(LINE), {"is missing"}),
        ("cleansed/pos_transaction_lines", _update(LINE, total_cents="1"), {"content differs"}),
        ("cleansed/shelf_state", _delete(SHELF), {"is missing", "differs"}),
        ("cleansed/shelf_state", _update(SHELF, current_stock="1"), {"content differs", "differs"}),
        ("cleansed/shelf_state", _update(SHELF, version="31"), {"is behind", "content differs", "differs"}),
        ("cleansed/shelf_state", _update(SHELF, version="99"), {"is not on its topic", "differs"}),
        ("staging/shelf_refill_pending", _delete("store_id = 's0001'"), {"differs"}),
        ("staging/shelf_refill_pending", _update("true", quantity="1"), {"differs"}),
        ("curated/product_total_state", _update(SHELF, total_stock="1"), {"differs"}),
    ],
)  # fmt: skip
def test_one_change_is_found(
    written: tuple[Records, Lake],
    tmp_path: Path,
    path: str,
    change: Callable[[DeltaTable], Any],
    kinds: set[str],
) -> None:
    _, lake = written
    shutil.copytree(lake.root, tmp_path / "lake")
    change(DeltaTable(str(tmp_path / "lake" / path)))
    done = _verify(lake, tmp_path / "lake", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    assert {kind for check in json.loads(done.stdout)["checks"] for kind in check["kinds"]} == kinds


def test_no_lake_is_said_and_a_table_that_went_is_missing(
    written: tuple[Records, Lake], tmp_path: Path
) -> None:
    _, lake = written
    none = _verify(lake, tmp_path / "none")
    assert (none.returncode, "not compared: it has no tables yet" in none.stdout) == (0, True)
    shutil.copytree(lake.root, tmp_path / "lake")
    shutil.rmtree(tmp_path / "lake" / "cleansed" / "shelf_state")
    gone = _verify(lake, tmp_path / "lake")
    assert gone.returncode == 1
    assert "no table: cleansed/shelf_state" in gone.stdout
