"""Rows of `config.shelf_policies` as records for the stores concerned."""

import json

import pytest

from smartstore.contracts.wire import from_epoch_ms
from smartstore.world.relay import PolicyError, PolicyRelay, PolicyRow, decode_row

pytestmark = pytest.mark.unit

MOMENT = from_epoch_ms(0)


def row(offset: int, **columns: object) -> PolicyRow:
    return PolicyRow(0, offset, json.dumps({"policy_id": "p"} | columns).encode())


def sent(relay: PolicyRelay, change: PolicyRow) -> list[tuple[str, str]]:
    return [(config.store_id, config.op) for config in relay.records(change, MOMENT)]


def test_scope_follows_the_row() -> None:
    """All stores, then one, another, none; a store that is no longer concerned is told so."""
    relay = PolicyRelay(["a", "b", "c"])
    assert sent(relay, row(0)) == [("a", "upsert"), ("b", "upsert"), ("c", "upsert")]
    assert sent(relay, row(1, store_id="b")) == [("a", "delete"), ("b", "upsert"), ("c", "delete")]
    assert sent(relay, row(1, store_id="b")) == []
    relay_after = PolicyRelay(["a", "b", "c"])
    relay_after.restore(relay.snapshot())
    assert sent(relay_after, row(2, store_id="c")) == [("b", "delete"), ("c", "upsert")]
    assert sent(relay_after, row(3, store_id="elsewhere")) == [("c", "delete")]
    assert sent(relay_after, row(4, __deleted="true")) == []


def test_delete_of_an_unknown_policy_goes_to_all() -> None:
    """A deleted row has its key only; without knowing better, every store drops the policy."""
    relay = PolicyRelay(["a", "b"])
    assert sent(relay, row(0, __deleted="true")) == [("a", "delete"), ("b", "delete")]
    assert relay.records(PolicyRow(0, 1, None), MOMENT) == []


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
    policy, deleted = decode_row(value)
    assert not deleted
    assert (policy.threshold_pct, policy.min_qty, policy.near_expiry_days, policy.active) == (
        33.5,
        4,
        7,
        False,
    )
    assert policy.updated_at is not None
    assert policy.updated_at.isoformat() == "2026-01-02T03:04:05.500000+00:00"


@pytest.mark.parametrize("value", [b"{", b"[]", b'{"policy_id":1e3}', b'{"policy_id":"p","min_qty":"few"}'])
def test_rows_that_are_no_policy(value: bytes) -> None:
    """Refused with a reason."""
    with pytest.raises(PolicyError):
        decode_row(value)
