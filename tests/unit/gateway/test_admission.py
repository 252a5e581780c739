"""Verdicts on records: contract, unknown fields, the key's store, the clock, and how refusals are told."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from smartstore.contracts.events import ShelfEvent
from smartstore.contracts.wire import decoder
from smartstore.gateway.admission import COMMAND_TOPICS, EVENT_TOPICS, Accepted, Admission, Refused
from smartstore.gateway.keys import ANY_STORE, ValidKey

pytestmark = pytest.mark.unit

NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
PICKUP = {
    "topic": "shelf_events",
    "event_id": "e1",
    "store_id": "s0001",
    "timestamp": "2026-05-04T09:29:58Z",
    "event_type": "pickup",
    "shelf_id": "MILK-1",
    "quantity": 1,
}
PROFILE = {
    "shelf_id": "MILK-1",
    "sku": "4011",
    "item_category": "DAIRY",
    "item_subcategory": "MILK",
    "capacity": 20,
    "item_weight_g": 1030,
    "item_price_cents": 119,
}


def admission(store: str = "s0001", now: datetime | None = NOW, allowed: Any = EVENT_TOPICS) -> Admission:
    return Admission(ValidKey("k", store, b""), frozenset(("s0001", "s0002")), now, allowed)


def judge(record: Any, **settings: Any) -> Accepted | Refused:
    raw = record if isinstance(record, bytes) else json.dumps(record).encode()
    return admission(**settings).judge(3, raw)


def refused(record: Any, **settings: Any) -> Refused:
    verdict = judge(record, **settings)
    assert isinstance(verdict, Refused), verdict
    return verdict


def test_a_good_record_goes_on_without_its_topic() -> None:
    verdict = judge(PICKUP)
    assert isinstance(verdict, Accepted)
    assert verdict.topic == "shelf_events"
    assert b"topic" not in verdict.value
    event = decoder(ShelfEvent).decode(verdict.value)
    assert (event.event_id, event.quantity) == ("e1", 1)


def test_a_refusal_names_the_place_the_event_and_the_field() -> None:
    assert refused({**PICKUP, "quantity": 0}) == Refused(
        3, "malformed: Expected `int` >= 1", "e1", "shelf_events", "quantity"
    )


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"topic": "alerts"}, "unknown_topic", "topic"),
        ({"topic": "commands"}, "unknown_topic", "topic"),
        ({"topic": None}, "unknown_topic", "topic"),
        ({"topic": ["shelf_events"]}, "unknown_topic", "topic"),
        ({"quantity": "1"}, "malformed", "quantity"),
        ({"event_id": 5}, "malformed", "event_id"),
        ({"timestamp": "2026-05-04T09:29:58"}, "malformed", "timestamp"),
        ({"shelf_id": "MILK\0"}, "malformed", "shelf_id"),
        ({"shelf_id": "MILK-1\n"}, "malformed", "shelf_id"),
        ({"event_type": "weight_change", "delta_weight_g": 5, "lots": [{"batch_code": "L1", "quantity": 1}]},
         "malformed", "lots"),
        ({"reason": "a\0b"}, "malformed", None),
        ({"quantty": 1}, "malformed", "quantty"),
        ({"lots": [{"batch_code": "L1", "quantity": 1, "expiry": "2026-06-01"}], "event_type": "putback"},
         "malformed", "lots[0].expiry"),
        ({"store_id": "s0002"}, "forbidden", "store_id"),
        ({"timestamp": (NOW - timedelta(hours=25)).isoformat()}, "too_old", "timestamp"),
        ({"timestamp": (NOW + timedelta(hours=25)).isoformat()}, "too_early", "timestamp"),
    ],
)  # fmt: skip
def test_bad_records(changes: dict[str, Any], reason: str, field: str | None) -> None:
    verdict = refused({**PICKUP, **changes})
    assert (verdict.reason.partition(":")[0], verdict.field) == (reason, field)


@pytest.mark.parametrize("raw", [b"", b"5", b"null", b"[]", b"{", b'"\xff"', b'{"topic":' * 50_000])
def test_what_is_no_record_is_told_so(raw: bytes) -> None:
    assert refused(raw).reason.startswith("malformed")


def test_a_record_too_large_for_kafka_is_refused() -> None:
    items = [
        {
            "line_no": n,
            "shelf_id": "S" * 48,
            "quantity": 1,
            "unit_price_cents": 1,
            "total_cents": 1,
            "batch_code": "L" * 48,
        }
        for n in range(1, 1001)
    ]
    receipt = {
        "topic": "pos_transactions",
        "event_id": "r1",
        "store_id": "s0001",
        "timestamp": NOW.isoformat(),
        "transaction_id": "t1",
        "items": items,
    }
    assert isinstance(judge(receipt), Accepted)
    counts = [{"batch_code": f"{n:048}", "quantity": 1} for n in range(15_000)]
    count = {
        "topic": "stock_counts",
        "event_id": "c1",
        "store_id": "s0001",
        "timestamp": NOW.isoformat(),
        "count_type": "recount",
        "shelf_id": "MILK-1",
        "quantity": 15_000,
        "lots": counts,
    }
    assert refused(count).reason.startswith("malformed: more than")


def test_a_key_for_all_stores_writes_for_each_store_there_is() -> None:
    assert isinstance(judge({**PICKUP, "store_id": "s0002"}, store=ANY_STORE), Accepted)
    assert refused({**PICKUP, "store_id": "s0003"}, store=ANY_STORE).reason.startswith("unknown_store")


def test_profiles_are_taken_and_rows_of_postgres_are_not() -> None:
    config = {"topic": "store_config", "event_id": "p1", "store_id": "s0001", "timestamp": NOW.isoformat()}
    assert isinstance(judge({**config, "kind": "profile", "profile": PROFILE}), Accepted)
    days = {"first_day": "2026-01-01", "last_day": "2026-01-07"}
    promotion = {"shelf_id": PROFILE["shelf_id"], "pct": 12.5, **days}
    assert isinstance(judge({**config, "kind": "promotion", "promotion": promotion}), Accepted)
    verdict = refused({**config, "kind": "policy", "policy": {"policy_id": "p", "threshold_pct": 5.0}})
    assert (verdict.reason.partition(":")[0], verdict.field) == ("forbidden", "kind")
    verdict = refused({**config, "kind": "profile", "profile": {**PROFILE, "row_key": "*/f1"}})
    assert (verdict.reason.partition(":")[0], verdict.field) == ("forbidden", "profile.row_key")
    for smuggled in (
        {"status": "closed"},
        {"policy": {"policy_id": "p", "threshold_pct": 5.0}},
        {"lot": {"row_key": "*/f1/L", "shelf_id": "f1", "batch_code": "L"}},
        {"markdown": {"shelf_id": "f1", "pct": 50, "date": "2026-05-04"}},
    ):
        verdict = refused({**config, "kind": "profile", "profile": PROFILE, **smuggled})
        assert (verdict.reason.partition(":")[0], verdict.field) == ("malformed", next(iter(smuggled)))
    verdict = refused({**config, "kind": "profile", "op": "delete", "profile": PROFILE})
    assert verdict.reason.startswith("malformed: a profile cannot be deleted")


def test_before_the_first_tick_any_time_will_do() -> None:
    assert isinstance(judge({**PICKUP, "timestamp": "2001-01-01T00:00:00Z"}, now=None), Accepted)


def test_commands_go_their_own_way() -> None:
    command = {
        "topic": "commands",
        "event_id": "c1",
        "store_id": "s0001",
        "timestamp": NOW.isoformat(),
        "command": "acknowledge",
        "alert_id": "a1",
    }
    assert isinstance(judge(command, allowed=COMMAND_TOPICS), Accepted)
    assert refused({**command, "command": "cancel"}, allowed=COMMAND_TOPICS).field == "plan_id"
    assert refused(PICKUP, allowed=COMMAND_TOPICS).reason.startswith("unknown_topic")


def test_good_and_bad_records_keep_their_places() -> None:
    raws = [json.dumps(one).encode() for one in (PICKUP, {**PICKUP, "quantity": 0}, PICKUP, {})]
    accepted, bad = admission().judge_all(raws)
    assert len(accepted) == 2
    assert [one.index for one in bad] == [1, 3]
