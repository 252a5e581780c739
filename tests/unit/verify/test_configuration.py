"""Rows of configuration against the records relayed, and shelves that are edited while a store runs."""

import json
from datetime import timedelta

import pytest

from smartstore.contracts.events import OPENING, CatalogLot, ShelfPolicy, ShelfProfile, StoreConfig
from smartstore.contracts.topics import BATCH_CATALOG, SHELF_POLICIES, SHELF_PROFILES
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.verify.configuration import RelayComparison
from smartstore.verify.differences import Check

STORES = ["s1", "s2"]
PROFILE = {
    "shelf_id": "f1",
    "sku": "k",
    "item_category": "c",
    "item_subcategory": "s",
    "capacity": 10,
    "item_weight_g": 1,
    "item_price_cents": 1,
}
CONTENT = {"shelf_policies": ShelfPolicy, "shelf_profiles": ShelfProfile, "batch_catalog": CatalogLot}


class Message:
    """A row as Kafka delivers it."""

    def __init__(self, offset, columns, partition=0):
        self._offset, self._partition = offset, partition
        self._value = None if columns is None else json.dumps(columns).encode()

    def partition(self):
        return self._partition

    def offset(self):
        return self._offset

    def value(self):
        return self._value


def relayed(topic, offset, store, second=0, op="upsert", **columns):
    """The record that carries a row to a store."""
    content = CONTENT[topic.name](**columns)
    return StoreConfig(
        event_id=derived_id(topic.config, store, columns[topic.key[0]], offset),
        store_id=store,
        timestamp=from_epoch_ms(0) + timedelta(seconds=second),
        kind=topic.config,
        op=op,
        **{topic.config: content},
    )


def found(topic, rows, records, opened=None):
    """The kinds of differences, and how much was compared."""
    check = Check("configuration")
    comparison = RelayComparison(check, opened or dict.fromkeys(STORES, 0))
    comparison.rows(topic, rows)
    for record in records:
        comparison.record(record)
    comparison.finish()
    return check.kinds(), check.compared


def policy(**columns):
    return {"policy_id": "p", "__deleted": "false", "created_at": "x", "item_category": None} | columns


def test_rows_relayed_as_they_are_and_those_to_come_are_fine():
    rows = [Message(0, policy(min_qty="3.00")), Message(1, policy(min_qty=4)), Message(2, policy(min_qty=5))]
    records = [
        relayed(SHELF_POLICIES, offset, store, offset, policy_id="p", min_qty=number)
        for offset, number in ((0, 3), (1, 4))
        for store in STORES
    ]
    assert found(SHELF_POLICIES, rows, records) == ({}, 4)
    again = [*records, *records[:2]]
    assert found(SHELF_POLICIES, rows, again) == ({}, 4)


@pytest.mark.parametrize(
    ("kind", "records"),
    [
        ("content differs", [(0, "s1", 0, 3), (0, "s2", 0, 99), (1, "s1", 1, 4), (1, "s2", 1, 4)]),
        ("was not relayed", [(0, "s1", 0, 3), (0, "s2", 0, 3), (1, "s1", 1, 4)]),
        ("out of order", [(0, "s1", 1, 3), (0, "s2", 1, 3), (1, "s1", 1, 4), (1, "s2", 2, 4)]),
        ("out of order", [(0, "s1", 0, 3), (1, "s2", 0, 4), (1, "s1", 1, 4), (0, "s2", 1, 3)]),
        (
            "is no row of its topic",
            [(0, "s1", 0, 3), (0, "s2", 0, 3), (7, "s1", 1, 4), (1, "s1", 2, 4), (1, "s2", 2, 4)],
        ),
    ],
)
def test_a_relay_that_errs_is_found_out(kind, records):
    rows = [Message(0, policy(min_qty=3)), Message(1, policy(min_qty=4))]
    told = [
        relayed(SHELF_POLICIES, offset, store, second, policy_id="p", min_qty=number)
        for offset, store, second, number in records
    ]
    assert found(SHELF_POLICIES, rows, told)[0] == {kind: 1}


def opening(topic, store, **columns):
    """The record that tells a store that opens of a row in force."""
    return relayed(topic, OPENING, store, **columns)


OPENED = {"s1": 0, "s2": 2}
"""Two records are relayed before the second store opens."""


def edits(*numbers):
    """Rows that set these numbers one after the other, and what the first store is told of them."""
    rows = [Message(offset, policy(min_qty=number)) for offset, number in enumerate(numbers)]
    told = [
        relayed(SHELF_POLICIES, offset, "s1", offset, policy_id="p", min_qty=number)
        for offset, number in enumerate(numbers)
    ]
    return rows, told


def test_a_store_that_opens_is_told_of_the_row_in_force_and_of_those_after_it():
    rows, told = edits(3, 4, 3)
    begun = opening(SHELF_POLICIES, "s2", policy_id="p", min_qty=4)
    third = relayed(SHELF_POLICIES, 2, "s2", 2, policy_id="p", min_qty=3)
    assert found(SHELF_POLICIES, rows, [*told[:2], begun, told[2], third], OPENED) == ({}, 5)
    missing = {"was not relayed": 1}
    assert found(SHELF_POLICIES, rows, [*told, third], OPENED)[0] == missing
    assert found(SHELF_POLICIES, rows, [*told[:2], begun, told[2]], OPENED)[0] == missing


@pytest.mark.parametrize(
    ("columns", "kinds"),
    [
        ({"min_qty": 3}, {"was not relayed": 1}),
        ({"min_qty": 5}, {"is no row of its topic": 1, "was not relayed": 1}),
    ],
)
def test_a_store_that_opens_with_another_row_is_found_out(columns, kinds):
    rows, told = edits(3, 4)
    begun = opening(SHELF_POLICIES, "s2", policy_id="p", **columns)
    assert found(SHELF_POLICIES, rows, [*told, begun], OPENED)[0] == kinds


def test_a_store_that_opens_with_a_deleted_row_or_that_of_another_store_is_found_out():
    rows = [Message(0, policy()), Message(1, policy(__deleted="true"))]
    told = [
        relayed(SHELF_POLICIES, n, "s1", n, op, policy_id="p") for n, op in enumerate(["upsert", "delete"])
    ]
    begun = opening(SHELF_POLICIES, "s2", policy_id="p")
    assert found(SHELF_POLICIES, rows, told, OPENED) == ({}, 2)
    assert found(SHELF_POLICIES, rows, [*told, begun], OPENED)[0] == {"is still held": 1}
    rows = [Message(0, policy(store_id="s1")), Message(1, policy(policy_id="q", store_id="s1"))]
    told = [
        relayed(SHELF_POLICIES, n, "s1", n, policy_id=name, store_id="s1")
        for n, name in enumerate(["p", "q"])
    ]
    begun = opening(SHELF_POLICIES, "s2", policy_id="p", store_id="s1")
    assert "other operation" in found(SHELF_POLICIES, rows, [*told, begun], OPENED)[0]


def test_a_profile_for_all_that_reached_no_store_before_one_opened():
    rows = [
        Message(0, PROFILE | {"row_key": "s1/f1", "store_id": "s1"}),
        Message(1, PROFILE | {"row_key": "*/f1"}),
    ]
    own = relayed(SHELF_PROFILES, 0, "s1", 0, row_key="s1/f1", store_id="s1", **PROFILE)
    begun = opening(SHELF_PROFILES, "s2", row_key="*/f1", **PROFILE)
    assert found(SHELF_PROFILES, rows, [own, begun], {"s1": 0, "s2": 1}) == ({}, 2)


def test_a_row_that_was_compacted_away_cannot_be_compared():
    rows = [Message(3, policy(min_qty=4))]
    records = [
        relayed(SHELF_POLICIES, offset, store, offset, policy_id="p", min_qty=offset + 1)
        for offset in (0, 3)
        for store in STORES
    ]
    assert found(SHELF_POLICIES, rows, records) == ({}, 2)


def test_a_deleted_or_moved_row_must_end():
    rows = [Message(0, policy()), Message(1, policy(store_id="s2")), Message(2, policy(__deleted="true"))]
    first = [relayed(SHELF_POLICIES, 0, store, 0, policy_id="p") for store in STORES]
    moved = [
        relayed(SHELF_POLICIES, 1, store, 1, op, policy_id="p", store_id="s2")
        for store, op in (("s1", "delete"), ("s2", "upsert"))
    ]
    ended = relayed(SHELF_POLICIES, 2, "s2", 2, "delete", policy_id="p")
    assert found(SHELF_POLICIES, rows, [*first, *moved, ended]) == ({}, 5)
    assert found(SHELF_POLICIES, rows[:2], [*first, moved[1]])[0] == {"is still held": 1}
    wrong = relayed(SHELF_POLICIES, 1, "s1", 1, "upsert", policy_id="p", store_id="s2")
    kinds, _ = found(SHELF_POLICIES, rows[:2], [*first, wrong, moved[1]])
    assert kinds == {"other operation": 1, "is still held": 1}
    other = Message(3, policy(policy_id="q"))
    late = [relayed(SHELF_POLICIES, 3, store, 3, policy_id="q") for store in STORES]
    assert found(SHELF_POLICIES, [*rows, other], [*first, *moved, *late])[0] == {"is still held": 1}


def test_a_store_with_a_profile_of_its_own_is_not_told_of_the_one_for_all():
    common = PROFILE | {"row_key": "*/f1"}
    own = PROFILE | {"row_key": "s2/f1", "store_id": "s2"}
    rows = [Message(0, own), Message(1, common), Message(2, own | {"__deleted": "true"}), Message(3, common)]
    records = [
        relayed(SHELF_PROFILES, 0, "s2", 0, **own),
        relayed(SHELF_PROFILES, 1, "s1", 1, **common),
        relayed(SHELF_PROFILES, 3, "s1", 3, **common),
    ]
    assert found(SHELF_PROFILES, rows, records) == ({}, 3)
    assert found(SHELF_PROFILES, rows, [*records[1:]])[0] == {"was not relayed": 1}


def test_a_date_may_name_its_zone_and_what_is_no_row_was_refused():
    lot = {"row_key": "*/f1/A", "shelf_id": "f1", "batch_code": "A", "expiry_date": "2026-01-02Z"}
    rows = [Message(0, lot), Message(1, None), Message(2, {"row_key": "*/f1/B"}), Message(3, lot)]
    content = {"row_key": "*/f1/A", "shelf_id": "f1", "batch_code": "A"}
    records = [
        relayed(
            BATCH_CATALOG, offset, store, offset, **content, expiry_date=from_epoch_ms(1767312000000).date()
        )
        for offset in (0, 3)
        for store in STORES
    ]
    assert found(BATCH_CATALOG, rows, records) == ({}, 4)


def test_the_ledger_names_what_was_relayed(small):
    """Profiles of the source itself are no rows."""
    small.open()
    small.event("store_config", 6, kind="policy", policy={"policy_id": "p"})
    small.profile(minute=7, row_key="*/f1", capacity=20)
    small.tick(10)
    assert [(r.kind, r.store_id) for r in small.replay().relayed] == [("policy", "s1"), ("profile", "s1")]


def test_an_edited_profile_holds_from_the_next_tick_and_may_bring_a_shelf(small, minute, records):
    small.open({"B": 5}).profile(minute=6, row_key="*/f1", capacity=100)
    small.profile("f2", minute=6, row_key="s1/f2", store_id="s1")
    small.tick(10)
    small.count(11, {"B": 4}, shelf="f2")
    small.move(12, "pickup", 1)
    small.tick(15)
    truth = small.replay()
    shelf = records(truth.shelves.find(("s1", "f1")))
    assert [(one.version, one.capacity) for one in shelf] == [(minute(5), 10), (minute(15), 100)]
    (alert,) = [record for _, history in truth.alerts.all() for record in records(history)]
    assert (alert.shelf_id, alert.version, alert.capacity) == ("f1", minute(10), 100)
    assert records(truth.shelves.find(("s1", "f2")))[0].current_stock == 4
