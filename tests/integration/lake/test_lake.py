"""The lake against Kafka: through kill -9 between two tables of one micro-batch, and without its checkpoint."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from smartstore.contracts import topics
from tests.integration.lake.lake_process import Lake
from tests.integration.lake.records import HEADERS, NOON, STORES, Records

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), pytest.mark.xdist_group("lake")]


def test_raw_tables_equal_the_topic_without_ticks_and_bad_records(written: tuple[Records, Lake]) -> None:
    records, lake = written
    rows = lake.rows("raw/shelf_events")
    kept = sorted((row["kafka_key"], row["kafka_value"]) for row in rows)
    bad = lake.rows("quarantine/shelf_events")
    assert sorted(kept + [(row["kafka_key"], row["kafka_value"]) for row in bad]) == records.values(
        topics.SHELF_EVENTS
    )
    assert len(rows) == 9000
    places = {(row["kafka_partition"], row["kafka_offset"]) for row in rows}
    assert len(places) == 9000
    first = min(rows, key=lambda row: (row["store_id"], row["timestamp"]))
    assert (first["event_id"], first["quantity"], first["timestamp"]) == (
        "s0001-1-0",
        1,
        NOON + timedelta(minutes=1),
    )
    assert first["kafka_headers"] == [{"key": key, "value": value} for key, value in HEADERS]
    assert first["ingest_date"] == first["kafka_timestamp"].date()


def test_undecodable_records_are_kept_once_with_the_reason(written: tuple[Records, Lake]) -> None:
    _, lake = written
    reasons = [row["reason"] for row in lake.rows("quarantine/shelf_events")]
    assert len(reasons) == 27
    assert reasons.count("not JSON, or a field has another type than ShelfEvent says") == 18
    assert reasons.count("ShelfEvent needs `store_id`, which is missing or null") == 9


def test_nested_columns_are_typed_and_have_the_contracts_defaults(written: tuple[Records, Lake]) -> None:
    _, lake = written
    rows = lake.rows("raw/pos_transactions")
    assert len(rows) == 270
    item = rows[0]["items"][0]
    assert (item["line_no"], item["total_cents"], item["discount_cents"]) == (1, 100, 0)


def test_the_newest_version_of_a_key_wins(written: tuple[Records, Lake]) -> None:
    _, lake = written
    rows = lake.rows("cleansed/shelf_state", "store_id", "shelf_id", "version", "current_stock")
    assert len(rows) == 90
    assert {(row["version"], row["current_stock"]) for row in rows} == {(32, 103)}


def test_a_repeated_output_is_one_row(written: tuple[Records, Lake]) -> None:
    _, lake = written
    rows = lake.rows("cleansed/pos_transaction_lines", "transaction_id")
    assert len(rows) == len({row["transaction_id"] for row in rows}) == 270


def test_a_new_field_of_a_contract_becomes_a_column(written: tuple[Records, Lake]) -> None:
    _, lake = written
    (row,) = lake.rows("cleansed/stores")
    assert (row["name"], row["parts"], row["status"], row["version"]) == ("Two", 1, "open", 3)


def test_totals_follow_the_states(written: tuple[Records, Lake]) -> None:
    _, lake = written
    rows = lake.rows("curated/product_total_state")
    assert len(rows) == 90
    assert {(row["units_on_shelf"], row["total_stock"], row["version"]) for row in rows} == {(103, 103, 32)}
    assert {row["updated_at"] for row in rows} == {NOON + timedelta(seconds=32)}


def test_goods_on_their_way_have_a_row_until_they_are_there(written: tuple[Records, Lake]) -> None:
    _, lake = written
    rows = lake.rows("staging/shelf_refill_pending")
    assert {(row["store_id"], row["plan_id"], row["quantity"]) for row in rows} == {
        (store, "plan-3", 7) for store in STORES
    }


def _ask(lake: Lake, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "smartstore.lake.cli", *words]
    return subprocess.run(
        command, env=lake.environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_terminal_reads_what_spark_wrote(written: tuple[Records, Lake]) -> None:
    _, lake = written
    tables = {row["table"]: row for row in json.loads(_ask(lake, "tables", "--json").stdout)}
    assert tables["raw/shelf_events"]["rows"] == 9000
    assert tables["ops/alerts"]["rows"] == 0
    described = json.loads(_ask(lake, "describe", "shelf_state", "--json").stdout)
    assert described["key"] == ["store_id", "shelf_id"]
    assert described["covers"]["shelf_state"]
    history = json.loads(_ask(lake, "history", "cleansed/shelf_state", "--json").stdout)
    assert "MERGE" in {commit["operation"] for commit in history}
    query = (
        "select s.store_id, count(*) n from raw.shelf_events e join cleansed.shelf_state s "
        "using (store_id, shelf_id) group by 1 order by 1"
    )
    assert json.loads(_ask(lake, "sql", query, "--json").stdout) == [
        {"store_id": store, "n": 3000} for store in STORES
    ]
    wrong = _ask(lake, "sql", "select nothing from ops.alerts")
    assert wrong.returncode == 1
    assert len(wrong.stderr.splitlines()) == 1


def test_files_that_are_not_needed_stay_out(written: tuple[Records, Lake]) -> None:
    _, lake = written
    assert sorted(path.name for path in Path(lake.root).iterdir()) == [
        *("analytics", "cleansed", "curated", "lock", "ops", "quarantine", "raw", "staging"),
    ]
