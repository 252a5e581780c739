"""`python -m smartstore.verify` against real Kafka and Postgres that hold a small estate; then one thing is changed."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg2
import pytest
from confluent_kafka import Producer
from confluent_kafka.cimpl import NewTopic

from smartstore.contracts import topics as contract
from smartstore.contracts.derive.kafka import topic_config
from smartstore.contracts.derive.sql import create_table, table_topics
from smartstore.contracts.outputs import DeadLetter, JobStatus
from smartstore.contracts.settings import RunSettings, SourceSettings
from smartstore.contracts.topics import TOPICS, Topic
from smartstore.contracts.wire import (
    HEADER_FACT,
    HEADER_JOB,
    TICK_KEY,
    derived_id,
    encode,
    epoch_ms,
    from_epoch_ms,
    key_of,
    partition_of,
)
from smartstore.verify.__main__ import main
from smartstore.verify.facts import ExpectedFact
from smartstore.verify.ledger import EventLine, Ledger, TickLine
from smartstore.verify.ledger_index import read_index
from smartstore.verify.replay import Replay
from tests.kafka_topics import create_topics

pytestmark = pytest.mark.integration

PARTITIONS = 2
TICK_MS = 300_000
START = epoch_ms(datetime(2026, 1, 1, 8, tzinfo=UTC))
STORES = ["s1", "s2"]


class Estate:
    """Two stores after four ticks: the ledger, and what the system shows of it."""

    def __init__(self, directory: Path, bootstrap: str, prefix: str, dsn: str) -> None:
        self.directory, self.prefix, self.dsn = directory, prefix, dsn
        self._lines: list[dict[str, Any]] = []
        self._redis_id = 0
        self._undelivered: list[str] = []
        self.last_tick = START + 4 * TICK_MS
        self._create(bootstrap)
        self._producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
        self._write_ledger()
        self._emit()
        self._publish_outputs()

    def publish(self, topic: Topic, record: msgspec.Struct, *, store: str | None = None) -> None:
        """One record on its topic."""
        headers: Any = [("redis_id", f"{self._redis_id}-0".encode())]
        self._redis_id += 1
        partition = partition_of(store, PARTITIONS) if store else 0
        key = key_of(topic.key, record).encode()
        self._producer.produce(
            self.prefix + topic.name,
            encode(record),
            key,
            partition,
            headers=headers,
            on_delivery=self._delivered,
        )

    def flush(self) -> None:
        """All that was published is in Kafka."""
        assert self._producer.flush(30) == 0
        assert not self._undelivered

    def _delivered(self, error: Any, message: Any) -> None:
        # A report without error and without offset was seen for records that are not in the log.
        if error is not None or message.offset() is None:
            self._undelivered.append(
                f"{message.topic()} partition {message.partition()}: {error or 'no offset'}"
            )

    def execute(self, statement: str, *arguments: Any) -> None:
        """One SQL statement, committed; it must change one row."""
        connection = psycopg2.connect(self.dsn)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            assert cursor.rowcount == 1
        connection.close()

    def insert(self, topic: Topic, record: Any) -> None:
        """One row of the topic's table."""
        names = list(record.__struct_fields__)
        places = ", ".join(["%s"] * len(names))
        columns = ", ".join(f'"{name}"' for name in names)
        values = [getattr(record, name) for name in names]
        self.execute(f"INSERT INTO {topic.table} ({columns}) VALUES ({places})", *values)

    def _create(self, bootstrap: str) -> None:
        wanted = [
            NewTopic(self.prefix + topic.name, PARTITIONS, 1, config=topic_config(topic)) for topic in TOPICS
        ]
        create_topics(bootstrap, wanted)
        connection = psycopg2.connect(self.dsn)
        with connection, connection.cursor() as cursor:
            for schema in sorted({str(topic.table).split(".")[0] for topic in table_topics()}):
                cursor.execute(f"CREATE SCHEMA {schema}")
            for topic in table_topics():
                cursor.execute(create_table(topic))
        connection.close()

    def _put(self, kind: str, **fields: Any) -> None:
        self._lines.append({"kind": kind, "seq": len(self._lines), **fields})

    def _event(self, store: str, line: str, at: int, **fields: Any) -> None:
        identity = {
            "event_id": f"{store}-{len(self._lines)}",
            "store_id": store,
            "timestamp": from_epoch_ms(at),
        }
        self._put("event", line=line, data=identity | fields)

    def _write_ledger(self) -> None:
        settings = RunSettings(name="t", stores=2, source=SourceSettings(tick_ms=TICK_MS))
        self._put("run", settings=settings, stores=STORES)
        for store in STORES:
            self._opening(store)
        for number in range(4):
            at = START + number * TICK_MS
            for store in STORES:
                self._visit(store, at)
            if number == 2:
                self._put("broken", line="shelf_events", raw='{"event_id": 7}', store_id="s2")
            self._put("tick", tick=from_epoch_ms(at + TICK_MS), stores=STORES)
        text = b"".join(msgspec.json.encode(line) + b"\n" for line in self._lines)
        (self.directory / "00000001.jsonl").write_bytes(text)

    def _opening(self, store: str) -> None:
        profile = {
            "shelf_id": "f1", "sku": "k1", "item_category": "dairy", "item_subcategory": "milk",
            "capacity": 10, "item_weight_g": 100, "item_price_cents": 250,
        }  # fmt: skip
        self._event(store, "store_config", START, kind="profile", profile=profile)
        lots = [{"batch_code": "A", "quantity": 8, "expiry_date": "2026-01-04"}]
        self._event(store, "stock_counts", START, count_type="opening", shelf_id="f1", quantity=8, lots=lots)
        back = {"count_type": "opening", "location": "warehouse", "shelf_id": "f1", "quantity": 20}
        stored = [{"batch_code": "W", "quantity": 20, "expiry_date": "2026-02-04"}]
        self._event(store, "stock_counts", START, **back, lots=stored)

    def _visit(self, store: str, at: int) -> None:
        self._event(store, "shelf_events", at + 1000, event_type="pickup", shelf_id="f1", quantity=2)
        item = {"line_no": 1, "shelf_id": "f1", "quantity": 2, "unit_price_cents": 250, "total_cents": 500}
        fields = {"transaction_id": f"t{at}", "items": [item | {"batch_code": "A"}]}
        self._event(store, "pos_transactions", at + 60_000, **fields)

    def _emit(self) -> None:
        """As the bridge would: each store's events in order, ticks on every line."""
        for _, line in Ledger(self.directory).lines():
            if isinstance(line, EventLine):
                topic = contract.BY_NAME[line.line]
                record = msgspec.json.decode(line.data, type=topic.value)
                self.publish(topic, record, store=record.store_id)  # type: ignore[attr-defined]
                if topic.table:
                    self.insert(topic, record)
            elif isinstance(line, TickLine):
                for topic in contract.LINES:
                    for partition in range(PARTITIONS):
                        stores = [
                            store for store in line.stores if partition_of(store, PARTITIONS) == partition
                        ]
                        if stores:
                            mark = {"event_type": "tick", "tick": line.tick, "stores": stores}
                            value = msgspec.json.encode(mark)
                            self._producer.produce(
                                self.prefix + topic.name,
                                value,
                                TICK_KEY,
                                partition,
                                on_delivery=self._delivered,
                            )

    def _publish_outputs(self) -> None:
        ledger = Ledger(self.directory)
        truth = Replay(read_index(ledger, self.last_tick, _quiet), self.last_tick).run(ledger, [], _quiet)
        keyed: list[tuple[Topic, Any]] = [
            (contract.SHELF_STATE, truth.shelves),
            (contract.SHELF_BATCH_STATE, truth.lots),
            (contract.WH_STATE, truth.back_rooms),
            (contract.WH_BATCH_STATE, truth.back_lots),
            (contract.SHELF_RESTOCK_PLAN, truth.plans),
            (contract.POS_TRANSACTION_LINES, truth.sales),
            (contract.ALERTS, truth.alerts),
        ]
        for topic, expected in keyed:
            for key, history in expected.all():
                published = [history.record(index) for index in range(len(history.versions))]
                for record in published:
                    self.publish(topic, record, store=str(key[0]))
                self.insert(topic, published[-1])
        numbers = Counter[str]()
        for fact in truth.facts.values():
            numbers[fact.record.store_id] += 1
            self._state(fact, numbers[fact.record.store_id])
        letter = DeadLetter(
            dead_letter_id=derived_id("bridge", "shelf_events", "5-0"),
            source="shelf_events",
            position="5-0",
            store_id=None,
            event_id=None,
            reason="malformed: Expected `str`, got `int`",
            field="event_id",
            value='{"event_id": 7}',
        )
        self.publish(contract.DEAD_LETTERS, letter)
        self.insert(contract.DEAD_LETTERS, letter)
        for store in STORES:
            self.publish(contract.JOB_STATUS, self._status(store), store=store)
        self.flush()

    def _state(self, fact: ExpectedFact, number: int) -> None:
        """As a job would state a fact."""
        record, topic = fact.record, contract.BY_NAME[fact.line]
        headers: Any = [(HEADER_JOB, b"hot"), (HEADER_FACT, str(number).encode())]
        place = partition_of(record.store_id, PARTITIONS)
        key = key_of(topic.key, record).encode()
        if topic.table:
            self.insert(topic, record)
        self._producer.produce(
            self.prefix + topic.name,
            encode(record),
            key,
            place,
            headers=headers,
            on_delivery=self._delivered,
        )

    def _status(self, store: str) -> JobStatus:
        return JobStatus(
            application="hot",
            job="shelf-aggregator",
            store_id=store,
            tick=from_epoch_ms(self.last_tick),
            events_in=0,
            events_out=0,
            late=0,
            dropped=0,
            state_rows=0,
            state_bytes=0,
            version=self.last_tick,
        )


@pytest.fixture
def estate(
    tmp_path: Path, bootstrap: str, topic_prefix: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> Estate:
    """The small estate, with the environment that points at it."""
    monkeypatch.setenv("SMARTSTORE_KAFKA_BOOTSTRAP", bootstrap)
    monkeypatch.setenv("SMARTSTORE_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("SMARTSTORE_POSTGRES_DSN", database)
    monkeypatch.setenv("SMARTSTORE_LEDGER_DIR", str(tmp_path))
    return Estate(tmp_path, bootstrap, topic_prefix, database)


def _quiet(_text: str) -> None:
    """Progress is not of interest here."""


def verdict(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, int]]]:
    """Run verify with a short wait; the exit code, and the kinds of differences by check."""
    code = main(["--json", "--timeout", "1"])
    report = json.loads(capsys.readouterr().out)
    return code, {check["name"]: check["kinds"] for check in report["checks"] if check["kinds"]}


def test_an_estate_as_it_must_be_is_clean(estate, capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    assert text.rstrip().endswith("CLEAN")
    assert "tick 2026-01-01T08:20:00Z" in text
    assert main(["--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    compared = {check["name"]: check["compared"] for check in report["checks"]}
    assert report["verdict"] == "clean"
    assert compared["state.shelf_state"] == 2
    assert compared["topic shelf_state"] == 8
    assert compared["ops.pos_transaction_lines"] == 8
    assert compared["source topics"] == 2 * (1 + 2 + 4 + 4)
    assert compared["facts of jobs"] == 2
    assert compared["ops.shelf_restock_plan"] == 2
    assert compared["ops.alerts"] == 4


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "UPDATE state.shelf_state SET current_stock = current_stock + 1 WHERE store_id = 's2'",
            {
                "state.shelf_state": {"current_stock differs": 1},
                "conservation": {"lots and shelf disagree": 1, "units are not conserved": 1},
            },
        ),
        (
            "UPDATE state.shelf_batch_state SET expiry_date = '2027-01-01' WHERE store_id = 's1'",
            {"state.shelf_batch_state": {"expiry_date differs": 1}},
        ),
        (
            "UPDATE state.wh_state SET wh_current_stock = wh_current_stock - 1 WHERE store_id = 's1'",
            {
                "state.wh_state": {"wh_current_stock differs": 1},
                "conservation": {"back room and its lots disagree": 1, "units are not conserved": 1},
            },
        ),
        (
            "UPDATE ops.shelf_restock_plan SET suggested_qty = 99 WHERE store_id = 's2'",
            {"ops.shelf_restock_plan": {"suggested_qty differs": 1}},
        ),
        (
            "UPDATE ops.wh_events SET quantity = quantity + 1 WHERE store_id = 's1'",
            {"ops.wh_events": {"content differs": 1}},
        ),
        (
            "UPDATE ops.wh_events SET event_id = 'other' WHERE store_id = 's2'",
            {
                "ops.wh_events": {"is missing": 1, "is not on its topic": 1},
                "serving": {"Postgres is behind": 1},
            },
        ),
        (
            f"DELETE FROM ops.pos_transaction_lines WHERE store_id = 's1' AND transaction_id = 't{START}'",
            {"ops.pos_transaction_lines": {"is missing": 1}},
        ),
        (
            "UPDATE ops.alerts SET status = 'acknowledged' WHERE store_id = 's1' AND alert_type = 'near_expiry'",
            {"ops.alerts": {"status differs": 1}},
        ),
        (
            "UPDATE ops.dead_letters SET value = 'other'",
            {"ops.dead_letters": {"is missing": 1}, "counts": {"do not add up": 1}},
        ),
        (
            (
                "INSERT INTO ops.adjustments "
                "VALUES ('a', 's1', 'f1', NULL, 'store', 1, 'recount', '2026-01-01T08:10:00Z', 1)"
            ),
            {
                "ops.adjustments": {"should not exist": 1},
                "conservation": {
                    "adjusted without a fault": 1,
                    "lots and shelf disagree": 1,
                    "units are not conserved": 1,
                },
            },
        ),
    ],
)
def test_a_changed_row_is_found(estate, capsys, statement, found):
    estate.execute(statement)
    assert verdict(capsys) == (1, found)


def test_a_table_that_lags_behind_its_topic_is_found(estate, capsys):
    estate.execute("DELETE FROM state.shelf_state WHERE store_id = 's2'")
    code, found = verdict(capsys)
    assert code == 1
    assert found == {"serving": {"Postgres is behind": 1}, "state.shelf_state": {"is missing": 1}}


def test_changed_bytes_of_a_repeat_are_found(estate, capsys):
    connection = psycopg2.connect(estate.dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT alert_id FROM ops.alerts WHERE store_id = 's1' AND alert_type = 'near_expiry'")
        rows = cursor.fetchall()
    connection.close()
    ledger = Ledger(estate.directory)
    truth = Replay(read_index(ledger, estate.last_tick, _quiet), estate.last_tick).run(ledger, [], _quiet)
    record = truth.alerts.find(("s1", rows[0][0])).record(0)
    estate.publish(contract.ALERTS, msgspec.structs.replace(record, suggested_qty=9), store="s1")
    estate.flush()
    kinds = {"suggested_qty differs": 1, "a repeat has other bytes": 1}
    assert verdict(capsys) == (1, {"topic alerts": kinds})


def test_an_event_posted_by_hand_counts(estate, capsys):
    """The jobs saw it, so what they show without it is wrong: verify has to tell, not to guess."""
    decoder = msgspec.json.Decoder(contract.SHELF_EVENTS.value)
    event = decoder.decode(
        b'{"event_id":"hand","store_id":"s1","timestamp":"2026-01-01T08:21:00Z","event_type":"pickup",'
        b'"shelf_id":"f1","quantity":1}'
    )
    estate.publish(contract.SHELF_EVENTS, event, store="s1")
    estate.flush()
    assert main(["--json", "--timeout", "1"]) == 0
    report = json.loads(capsys.readouterr().out)
    notes = [note for check in report["checks"] for note in check["notes"]]
    assert notes == ["1 events not in the ledger: taken into account at their effective ticks"]


def test_what_cannot_be_verified_says_why(estate, capsys, monkeypatch, tmp_path):
    assert main(["--ledger", str(tmp_path / "nowhere")]) == 2
    assert "cannot verify: no ledger at" in capsys.readouterr().err
    monkeypatch.delenv("SMARTSTORE_POSTGRES_DSN")
    assert main([]) == 2
    assert "SMARTSTORE_POSTGRES_DSN is not set" in capsys.readouterr().err
