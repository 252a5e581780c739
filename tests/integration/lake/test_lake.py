"""The lake against Kafka: through kill -9 between two tables of one micro-batch, and without its checkpoint."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.cimpl import NewTopic
from deltalake import DeltaTable, Field, Schema
from deltalake.schema import PrimitiveType
from msgspec.structs import replace

from smartstore.contracts import outputs, topics
from smartstore.contracts.events import PosItem, PosTransaction, ShelfEvent, Store, Tick
from smartstore.contracts.wire import TICK_KEY, encode, key_of, partition_of
from tests.integration.lake.lake_process import Lake
from tests.integration.streaming.lines_on_kafka import read
from tests.kafka_topics import create_topics

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PARTITIONS = 2
STORES = ("s0001", "s0002", "s0003")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HEADERS: list[tuple[str, str | bytes | None]] = [("stream", b"shelf_events"), ("redis_id", b"1-1")]


class Records:
    """What is written to Kafka; `rounds` of it differ."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap, self.prefix = bootstrap, prefix
        create_topics(bootstrap, [NewTopic(prefix + topic.name, PARTITIONS, 1) for topic in topics.TOPICS])
        self._producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})

    def write_round(self, number: int) -> None:
        for store in STORES:
            for n in range(1000):
                self.write(topics.SHELF_EVENTS, _pickup(store, number, n))
            for n in range(30):
                self.write(topics.POS_TRANSACTIONS, _receipt(store, number, n))
                line = _line(store, number, n)
                self.write(topics.POS_TRANSACTION_LINES, line)
                if n % 3 == 0:
                    self.write(topics.POS_TRANSACTION_LINES, line)  # as a repeated micro-batch gives it
                self.write(topics.SHELF_STATE, _state(store, n, version=10 * number + 1, stock=number))
                self.write(topics.SHELF_STATE, _state(store, n, version=10 * number + 2, stock=100 + number))
                self.write(
                    topics.SHELF_STATE, _state(store, n, version=10 * number, stock=0)
                )  # late and older
            self.raw(topics.SHELF_EVENTS, store, b"no json")
            self.raw(topics.SHELF_EVENTS, store, b'{"event_id": "e", "store_id": 7, "quantity": "three"}')
            self.raw(topics.SHELF_EVENTS, store, b'{"event_id": "e", "timestamp": "2026-01-01T12:00:00Z"}')
        for line_topic in topics.LINES:
            for partition in range(PARTITIONS):
                tick = encode(Tick(tick=NOON + timedelta(minutes=number), stores=list(STORES)))
                self._producer.produce(self.prefix + line_topic.name, tick, TICK_KEY, partition)
        self._producer.flush()

    def write(self, topic: topics.Topic, record: Any) -> None:
        self._produce(topic, record.store_id, key_of(topic.key, record).encode(), encode(record))

    def raw(self, topic: topics.Topic, store: str, value: bytes) -> None:
        self._produce(topic, store, f"{store}/A0".encode(), value)

    def _produce(self, topic: topics.Topic, store: str, key: bytes, value: bytes) -> None:
        place = partition_of(store, PARTITIONS)
        self._producer.produce(self.prefix + topic.name, value, key, place, headers=HEADERS)
        self._producer.poll(0)

    def values(self, topic: topics.Topic) -> list[tuple[bytes, bytes]]:
        """Key and value of all records of a topic, ticks left out."""
        found = read(self.bootstrap, self.prefix + topic.name)
        return sorted((key, value) for key, value, _ in found if key != TICK_KEY)

    def ends(self, topic: topics.Topic) -> int:
        """How many records a topic has, ticks too."""
        return sum(1 for _ in read(self.bootstrap, self.prefix + topic.name))


def _pickup(store: str, number: int, n: int) -> ShelfEvent:
    return ShelfEvent(
        event_id=f"{store}-{number}-{n}",
        store_id=store,
        timestamp=NOON + timedelta(minutes=number, milliseconds=n),
        event_type="pickup",
        shelf_id=f"A{n % 30}",
        quantity=1 + n % 3,
    )


def _receipt(store: str, number: int, n: int) -> PosTransaction:
    return PosTransaction(
        event_id=f"{store}-{number}-{n}",
        store_id=store,
        timestamp=NOON,
        transaction_id=f"{store}-{number}-{n}",
        items=[PosItem(line_no=1, shelf_id="A1", quantity=2, unit_price_cents=50, total_cents=100)],
    )


def _line(store: str, number: int, n: int) -> outputs.PosTransactionLine:
    return outputs.PosTransactionLine(
        store_id=store,
        transaction_id=f"{store}-{number}-{n}",
        line_no=1,
        shelf_id="A1",
        batch_code=None,
        expiry_date=None,
        customer_id=None,
        sold_at=NOON,
        quantity=2,
        unit_price_cents=50,
        discount_cents=0,
        total_cents=100,
        updated_at=NOON,
        version=1000 + number,
    )


def _state(store: str, n: int, version: int, stock: int) -> outputs.ShelfState:
    return outputs.ShelfState(
        store_id=store,
        shelf_id=f"A{n}",
        item_category="c",
        item_subcategory="s",
        current_stock=stock,
        deficit=0,
        capacity=30,
        shelf_weight_g=0,
        last_event_at=None,
        updated_at=NOON + timedelta(seconds=version),
        version=version,
    )


def _table_of_an_older_release(lake: Lake) -> None:
    """`cleansed/stores` as it was before `parts` came."""
    kinds = {"event_id": "string", "store_id": "string", "ordinal": "long"}
    fields = [Field(name, PrimitiveType(kind)) for name, kind in kinds.items()]
    path = lake.root / "cleansed" / "stores"
    path.mkdir(parents=True)
    properties = {"delta.deletedFileRetentionDuration": "interval 24 hours"}
    DeltaTable.create(str(path), Schema(fields), configuration=properties)


@pytest.fixture(scope="module")
def written(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Records, Lake]]:
    """Two rounds of records in the lake; what happens to the application in between is told here."""
    directory = tmp_path_factory.mktemp("lake")
    records = Records(bootstrap, f"lake{directory.name.replace('-', '')}_")
    lake = Lake(bootstrap, records.prefix, directory)
    _table_of_an_older_release(lake)
    records.write_round(1)
    try:
        lake.start()
        # The first micro-batch has begun: shelf_events are written, shelf_state is not.
        lake.wait_until(lambda: lake.commits("raw/shelf_events") > 1, pause=0.002)
        lake.kill()
        assert not lake.covers("cleansed/shelf_state", "shelf_state")
        shutil.rmtree(lake.state / "checkpoint")
        (lake.state / "checkpoint").mkdir()
        (lake.state / "checkpoint" / "metadata").write_text('{"id": "of another query"}')
        records.write_round(2)
        store = Store(event_id="o", store_id="s0001", timestamp=NOON, ordinal=0, name="One")
        records.write(topics.STORES, replace(store, version=3, name="Two"))
        records.write(topics.STORES, store)
        records.write_round(3)
        lake.start(SMARTSTORE_LAKE_MAINTENANCE_SECONDS="0", SMARTSTORE_LAKE_RETENTION_HOURS="0")
        wanted = {
            topic: records.ends(topic) for topic in (topics.SHELF_EVENTS, topics.SHELF_STATE, topics.STORES)
        }
        lake.wait_until(
            lambda: (
                all(_covered(lake, topic) == count for topic, count in wanted.items())
                and _covered(lake, topics.SHELF_STATE, "curated/product_total_state")
                == wanted[topics.SHELF_STATE]
            )
        )
        assert lake.stop() == 0
        yield records, lake
    finally:
        if lake.process is not None and lake.process.poll() is None:
            lake.kill()


def _covered(lake: Lake, topic: topics.Topic, path: str | None = None) -> int:
    assert topic.lake is not None
    return sum(offset + 1 for offset in lake.covers(path or topic.lake, topic.name).values())


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
        *("analytics", "cleansed", "curated", "lock", "ops", "quarantine", "raw"),
    ]
