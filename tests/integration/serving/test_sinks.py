"""Contract topics → Postgres through the real Kafka Connect: complete, newest row wins, nothing stops it for good."""

import time
from datetime import datetime
from typing import Any

import pytest

from smartstore.contracts.derive.connectors import DEAD_LETTER_TOPIC
from smartstore.contracts.events import Tick
from smartstore.contracts.topics import WH_EVENTS
from smartstore.contracts.wire import HEADER_TICK, TICK_KEY, encode, from_epoch_ms
from tests.integration.serving.conftest import PARTITIONS, Deployment, wait_until

pytestmark = pytest.mark.integration

NOW = "2026-01-01T08:00:00Z"


def shelf_state(store: str, shelf: str, version: int, stock: int = 5) -> dict[str, Any]:
    return {
        "store_id": store,
        "shelf_id": shelf,
        "item_category": "MEAT",
        "item_subcategory": "Beef",
        "current_stock": stock,
        "deficit": 0,
        "capacity": 10,
        "shelf_weight_g": 100,
        "last_event_at": None,
        "updated_at": NOW,
        "version": version,
    }


def dead_letter(number: int, reason: str) -> dict[str, Any]:
    return {
        "dead_letter_id": f"d{number}",
        "source": "shelf_events",
        "position": "0-1",
        "store_id": None,
        "event_id": None,
        "reason": reason,
        "field": None,
        "value": "{",
    }


def test_no_password_can_be_read(deployment: Deployment) -> None:
    for config in deployment.connectors("info").values():
        passwords = [value for name, value in config["config"].items() if name.endswith("password")]
        login = "CDC" if "database.password" in config["config"] else "SINK"
        assert passwords == [f"${{env:SMARTSTORE_POSTGRES_{login}_PASSWORD}}"]


def test_rows_arrive_with_their_types(deployment: Deployment) -> None:
    lot = {
        "store_id": "s1",
        "shelf_id": "a",
        "batch_code": "b1",
        "received_date": None,
        "expiry_date": "2026-02-03",
        "quantity_store": 7,
        "deficit": 0,
        "last_event_at": "2026-01-01T07:59:59.123456Z",
        "updated_at": NOW,
        "version": 1,
    }
    deployment.produce("shelf_batch_state", lot)
    query = "SELECT expiry_date::text, last_event_at AT TIME ZONE 'UTC', received_date FROM state.shelf_batch_state"
    expected = [("2026-02-03", datetime(2026, 1, 1, 7, 59, 59, 123456), None)]  # noqa: DTZ001
    deployment.expect(query, expected, 20)


def movement(number: int, quantity: int) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "store_id": "s1",
        "timestamp": NOW,
        "event_type": "wh_in",
        "shelf_id": "a",
        "batch_code": "b1",
        "quantity": quantity,
    }


def test_a_line_has_a_row_for_each_event_and_none_for_ticks(deployment: Deployment) -> None:
    """Events of one shelf share the record's key; a tick is passed over, it is no record that failed."""
    deployment.produce("wh_events", movement(0, 1))
    tick = encode(Tick(tick=from_epoch_ms(0), stores=["s1"]))
    producer, topic = deployment.producer(), deployment.prefix + WH_EVENTS.name
    for partition in range(PARTITIONS):
        producer.produce(topic, tick, TICK_KEY, partition, headers={HEADER_TICK: b"1"})
    assert producer.flush(30) == 0
    deployment.produce("wh_events", movement(1, 2), movement(2, 3), movement(0, 9))
    rows = "SELECT event_id, quantity, reason FROM ops.wh_events ORDER BY event_id"
    deployment.expect(rows, [("e0", 1, None), ("e1", 2, None), ("e2", 3, None)], 20)
    assert tick not in deployment.values(DEAD_LETTER_TOPIC)


def test_older_records_never_overwrite_newer_ones(deployment: Deployment) -> None:
    """Neither in one batch nor across batches."""
    versions = [3, 5, 4, 1, 5, 2]
    deployment.produce("shelf_state", *(shelf_state("s1", "order", v, stock=v) for v in versions))
    query = "SELECT version, current_stock FROM state.shelf_state WHERE shelf_id = 'order'"
    deployment.expect(query, [(5, 5)], 20)
    deployment.produce("shelf_state", shelf_state("s1", "order", 4, stock=4), shelf_state("s1", "after", 1))
    after = "SELECT 1 FROM state.shelf_state WHERE shelf_id = 'after'"
    deployment.expect(after, [(1,)], 20)
    assert deployment.sql(query) == [(5, 5)]


def test_a_repeated_dead_letter_keeps_the_first(deployment: Deployment) -> None:
    deployment.produce(
        "dead_letters", dead_letter(1, "first"), dead_letter(1, "second"), dead_letter(2, "other")
    )
    query = "SELECT dead_letter_id, reason FROM ops.dead_letters ORDER BY 1"
    deployment.expect(query, [("d1", "first"), ("d2", "other")], 20)


def test_what_a_converter_refuses_goes_to_the_dead_letters(deployment: Deployment) -> None:
    incomplete = shelf_state("s1", "incomplete", 1)
    del incomplete["capacity"]
    deployment.produce("shelf_state", b"not json", incomplete, shelf_state("s1", "fine", 1))
    fine = "SELECT 1 FROM state.shelf_state WHERE shelf_id = 'fine'"
    deployment.expect(fine, [(1,)], 20)
    # They come from two partitions, so in either order.
    unreadable = deployment.read("connect_dead_letters", lambda value: not value)
    assert unreadable[-1].value() == b"not json"
    letters = deployment.read("connect_dead_letters", lambda value: value.get("shelf_id") == "incomplete")
    headers = dict(letters[-1].headers())
    assert headers["__connect.errors.topic"] == f"{deployment.prefix}shelf_state".encode()
    assert b"Invalid null value for required" in headers["__connect.errors.exception.stacktrace"]
    assert deployment.all_running()


def test_a_killed_postgres_loses_nothing(deployment: Deployment) -> None:
    """`kill -9` while 50,000 records are on their way; tasks fail, are restarted, and every row is exact."""
    records, shelves = 50_000, 5_000
    producer = deployment.producer()
    for number in range(records):
        deployment.send(
            producer,
            "shelf_state",
            shelf_state(f"k{number % 4}", f"x{number % shelves}", number + 1, number % 100),
        )
        if number == records // 2:
            producer.flush(30)
            deployment.kill("bin/postgres")
    assert producer.flush(30) == 0
    query = (
        "SELECT count(*), min(version), max(version), sum(current_stock) FROM state.shelf_state"
        " WHERE store_id LIKE 'k%'"
    )
    newest = range(records - shelves, records)
    expected = (shelves, newest[0] + 1, newest[-1] + 1, sum(number % 100 for number in newest))
    deployment.expect(query, [expected], 120)
    wait_until(deployment.all_running, 60, "all tasks running")
    assert sum(deployment.metric("smartstore_connector_restarts_total").values()) > 0
    wait_until(
        lambda: set(deployment.metric("smartstore_connector_task_failed").values()) == {0.0},
        30,
        "no failure left",
    )
    wait_until(
        lambda: deployment.metric("smartstore_connector_sink_lag_records")["sink-shelf-state"] == 0,
        30,
        "no lag",
    )


def test_a_row_is_there_soon_after_its_record(deployment: Deployment) -> None:
    seconds = []
    for number in range(20):
        started = time.monotonic()
        deployment.produce("shelf_state", shelf_state("s2", f"fast{number}", 1))
        query = f"SELECT 1 FROM state.shelf_state WHERE shelf_id = 'fast{number}'"
        deployment.expect(query, [(1,)], 10)
        seconds.append(time.monotonic() - started)
    assert sorted(seconds)[10] < 1.0, seconds
