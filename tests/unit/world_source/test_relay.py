"""Rows of the configuration tables as records for the stores concerned."""

import json
from datetime import date, timedelta
from typing import Any

import pytest

from smartstore.contracts.topics import BATCH_CATALOG, CONFIG_TOPICS, SHELF_POLICIES, SHELF_PROFILES, Topic
from smartstore.contracts.wire import derived_id, encode, from_epoch_ms
from smartstore.world.relay import ConfigRelay, ConfigRow, RowError, decode_row, refused_row

pytestmark = pytest.mark.unit

MOMENT = from_epoch_ms(0)
CONTENTS: dict[str, dict[str, Any]] = {
    "shelf_policies": {"policy_id": "p", "min_qty": 3},
    "wh_policies": {"policy_id": "p", "reorder_point_qty": 12},
    "batch_catalog": {"row_key": "*/f/A", "shelf_id": "f", "batch_code": "A", "expiry_date": "2026-01-02Z"},
    "shelf_profiles": {
        "row_key": "*/f",
        "shelf_id": "f",
        "sku": "k",
        "item_category": "c",
        "item_subcategory": "s",
        "capacity": 10,
        "item_weight_g": 100,
        "item_price_cents": 250,
    },
}
"""A good row of each topic, for all stores."""


def row(offset: int, topic: Topic = SHELF_POLICIES, **columns: object) -> ConfigRow:
    return ConfigRow(topic.name, 0, offset, json.dumps(CONTENTS[topic.name] | columns).encode())


def sent(relay: ConfigRelay, change: ConfigRow) -> list[tuple[str, str]]:
    return [(config.store_id, config.op) for config in relay.records(change, MOMENT)]


@pytest.mark.parametrize("topic", CONFIG_TOPICS, ids=lambda topic: topic.name)
def test_a_row_of_each_table_reaches_every_store_once(topic: Topic) -> None:
    relay = ConfigRelay(["a", "b"])
    configs = relay.records(row(7, topic), MOMENT)
    assert [config.store_id for config in configs] == ["a", "b"]
    content = CONTENTS[topic.name]
    for config in configs:
        assert config.kind == topic.config
        key = content[topic.key[0]]
        assert config.event_id == derived_id(topic.config, config.store_id, key, 7)
        assert decode_row(topic, encode(getattr(config, config.kind))) == decode_row(
            topic, row(7, topic).value or b""
        )
    assert relay.positions == {topic.name: {0: 8}}
    assert sent(relay, row(7, topic)) == []


def test_scope_follows_the_row() -> None:
    """All stores, then one, another, none; a store that is no longer concerned is told so."""
    relay = ConfigRelay(["a", "b", "c"])
    assert sent(relay, row(0)) == [("a", "upsert"), ("b", "upsert"), ("c", "upsert")]
    assert sent(relay, row(1, store_id="b")) == [("a", "delete"), ("b", "upsert"), ("c", "delete")]
    assert sent(relay, row(1, store_id="b")) == []
    relay_after = ConfigRelay(["a", "b", "c"])
    relay_after.restore(relay.snapshot())
    assert sent(relay_after, row(2, store_id="c")) == [("b", "delete"), ("c", "upsert")]
    assert sent(relay_after, row(3, store_id="elsewhere")) == [("c", "delete")]
    assert sent(relay_after, row(4, __deleted="true")) == []


def test_equal_keys_of_two_tables_are_two_rows() -> None:
    relay = ConfigRelay(["a", "b"])
    policies, others = CONFIG_TOPICS[0], CONFIG_TOPICS[1]
    assert sent(relay, row(0, policies, store_id="a")) == [("a", "upsert")]
    assert sent(relay, row(0, others, store_id="b")) == [("b", "upsert")]
    assert sent(relay, row(1, policies, store_id="a", __deleted="true")) == [("a", "delete")]


def test_delete_of_an_unknown_policy_goes_to_all() -> None:
    """Without knowing better, every store drops the policy."""
    relay = ConfigRelay(["a", "b"])
    assert sent(relay, row(0, __deleted="true")) == [("a", "delete"), ("b", "delete")]
    assert relay.records(ConfigRow("shelf_policies", 0, 1, None), MOMENT) == []


def test_each_row_is_later_than_the_one_before() -> None:
    """Within a tick a store sorts by time, so that must be the order of the edits, after a restart too."""
    relay = ConfigRelay(["a", "b"])
    first, second = relay.records(row(0), MOMENT), relay.records(row(1), MOMENT)
    assert {config.timestamp for config in first} == {MOMENT + timedelta(milliseconds=1)}
    assert {config.timestamp for config in second} == {MOMENT + timedelta(milliseconds=2)}
    noted, restored = ConfigRelay(["a", "b"]), ConfigRelay(["a", "b"])
    noted.note(second[-1])
    restored.restore(relay.snapshot())
    for again in (noted, restored):
        assert again.records(row(2), MOMENT)[0].timestamp == MOMENT + timedelta(milliseconds=3)
    later = MOMENT + timedelta(hours=1)
    assert relay.records(row(2), later)[0].timestamp == later + timedelta(milliseconds=1)


def test_a_profile_for_all_passes_over_stores_with_one_of_their_own() -> None:
    relay = ConfigRelay(["a", "b", "c"])
    own = relay.records(row(0, SHELF_PROFILES, row_key="b/f", store_id="b"), MOMENT)
    assert [config.store_id for config in own] == ["b"]
    assert sent(relay, row(1, SHELF_PROFILES)) == [("a", "upsert"), ("c", "upsert")]
    other = row(2, SHELF_PROFILES, row_key="*/g", shelf_id="g")
    assert [store for store, _ in sent(relay, other)] == ["a", "b", "c"]
    again = ConfigRelay(["a", "b", "c"])
    again.note(own[0])
    assert [store for store, _ in sent(again, row(3, SHELF_PROFILES))] == ["a", "c"]


def test_a_deleted_profile_is_refused_and_the_stores_hear_nothing() -> None:
    relay = ConfigRelay(["a"])
    relay.records(row(0, SHELF_PROFILES), MOMENT)
    deletion = row(1, SHELF_PROFILES, __deleted="true")
    with pytest.raises(RowError, match="a profile cannot be deleted") as refusal:
        relay.records(deletion, MOMENT)
    letter = refused_row(deletion, str(refusal.value))
    assert (letter.source, letter.position) == ("shelf_profiles", "0/1")
    assert relay.positions == {"shelf_profiles": {0: 2}}


@pytest.mark.parametrize("topic", CONFIG_TOPICS, ids=lambda topic: topic.name)
def test_a_row_of_no_store_is_refused(topic: Topic) -> None:
    with pytest.raises(RowError, match="'x' is not a store of this run"):
        ConfigRelay(["a"]).records(row(0, topic, store_id="x"), MOMENT)


def test_numbers_as_strings_and_times_without_zone() -> None:
    """What Debezium may write."""
    columns = {
        "threshold_pct": "33.50",
        "min_qty": "4.00",
        "near_expiry_days": "7",
        "active": "false",
        "x": 1,
    }
    value = json.dumps(
        {"policy_id": "p", "updated_at": "2026-01-02 03:04:05.5", "notes": None} | columns
    ).encode()
    policy, deleted = decode_row(SHELF_POLICIES, value)
    assert not deleted
    assert (policy.threshold_pct, policy.min_qty, policy.near_expiry_days, policy.active) == (
        33.5,
        4,
        7,
        False,
    )
    assert policy.updated_at.isoformat() == "2026-01-02T03:04:05.500000+00:00"
    lot, _ = decode_row(BATCH_CATALOG, row(0, BATCH_CATALOG).value or b"")
    assert lot.expiry_date == date(2026, 1, 2)


@pytest.mark.parametrize(
    ("topic", "value"),
    [
        (SHELF_POLICIES, b"{"),
        (SHELF_POLICIES, b"[]"),
        (SHELF_POLICIES, b'{"policy_id":1e3}'),
        (SHELF_POLICIES, b'{"policy_id":"p","min_qty":"few"}'),
        (SHELF_PROFILES, b'{"shelf_id":"f"}'),
        (BATCH_CATALOG, b'{"row_key":"*/f/A","shelf_id":"f"}'),
    ],
)
def test_rows_that_are_not_what_their_topic_says(topic: Topic, value: bytes) -> None:
    """Refused with a reason."""
    with pytest.raises(RowError):
        decode_row(topic, value)
