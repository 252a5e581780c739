"""config.shelf_policies → topic `shelf_policies` through Debezium: every edit, soon, whatever dies in between."""

import time
import urllib.parse
from typing import Any

import httpx
import pytest

from smartstore.contracts.events import ShelfPolicy
from smartstore.contracts.wire import decoder
from tests.integration.serving.conftest import Deployment, run_sql, wait_until

pytestmark = pytest.mark.integration


def last(deployment: Deployment, note: str, seconds: float = 30, **wanted: Any) -> Any:
    """The first message about the policy with this note that has the wanted values."""

    def matches(value: dict[str, Any]) -> bool:
        return value.get("notes") == note and all(value.get(name) == want for name, want in wanted.items())

    return deployment.read("shelf_policies", matches, seconds)[-1]


def deleted(deployment: Deployment, key: bytes) -> None:
    """Wait for the deletion of the policy with this key; repeated ones carry no more than the id."""
    policy = key.decode()
    deployment.read("shelf_policies", lambda v: v.get("policy_id") == policy and v["__deleted"] == "true", 90)


def insert(deployment: Deployment, note: str) -> None:
    deployment.sql(
        "INSERT INTO config.shelf_policies (item_category, threshold_pct, min_qty, near_expiry_days, notes)"
        f" VALUES ('MEAT', 12.5, 3, 2, '{note}')"
    )


def test_the_seeded_policy_is_there(deployment: Deployment) -> None:
    assert last(deployment, "Default for every shelf of every store.", threshold_pct=30.0)


def test_every_edit_arrives_within_seconds_and_fits_the_contract(deployment: Deployment) -> None:
    started = time.monotonic()
    insert(deployment, "edits")
    message = last(deployment, "edits")
    policy = decoder(ShelfPolicy).decode(message.value())
    assert message.key().decode() == policy.policy_id
    assert (policy.threshold_pct, policy.min_qty, policy.near_expiry_days, policy.active) == (
        12.5,
        3,
        2,
        True,
    )
    assert policy.store_id is None
    deployment.sql(
        "UPDATE config.shelf_policies SET threshold_pct = 50, active = false WHERE notes = 'edits'"
    )
    assert (
        last(deployment, "edits", threshold_pct=50.0, active=False, __deleted="false").key() == message.key()
    )
    deployment.sql("DELETE FROM config.shelf_policies WHERE notes = 'edits'")
    end = last(deployment, "edits", __deleted="true")
    assert end.key() == message.key()
    assert decoder(ShelfPolicy).decode(end.value()).threshold_pct == 50.0
    assert time.monotonic() - started < 20


def test_edits_made_while_connect_is_dead_arrive(deployment: Deployment) -> None:
    insert(deployment, "changed while dead")
    insert(deployment, "deleted while dead")
    key = last(deployment, "deleted while dead").key()
    deployment.kill("worker.properties")
    deployment.sql("UPDATE config.shelf_policies SET min_qty = 9 WHERE notes = 'changed while dead'")
    deployment.sql("DELETE FROM config.shelf_policies WHERE notes = 'deleted while dead'")
    assert last(deployment, "changed while dead", 60, min_qty=9, __deleted="false")
    deleted(deployment, key)
    wait_until(deployment.all_running, 60, "all tasks running")


def test_edits_made_while_the_slot_is_lost_arrive(
    deployment: Deployment, postgres_superuser_dsn: str
) -> None:
    """Postgres drops a slot that holds back too much of its log; then the rows are read again."""
    insert(deployment, "kept")
    insert(deployment, "gone")
    key = last(deployment, "gone").key()
    database = urllib.parse.urlsplit(deployment.dsn).path.strip("/")
    name = f"{deployment.prefix}source-shelf-policies"
    slot = f"SELECT slot_name, active_pid FROM pg_replication_slots WHERE database = '{database}'"
    httpx.put(f"{deployment.connect_url}/connectors/{name}/stop", timeout=30)
    wait_until(lambda: run_sql(postgres_superuser_dsn, slot)[0][1] is None, 30, "the slot is free")
    run_sql(
        postgres_superuser_dsn,
        f"SELECT pg_drop_replication_slot('{run_sql(postgres_superuser_dsn, slot)[0][0]}')",
    )
    deployment.sql("UPDATE config.shelf_policies SET min_qty = 77 WHERE notes = 'kept'")
    deployment.sql("DELETE FROM config.shelf_policies WHERE notes = 'gone'")
    httpx.put(f"{deployment.connect_url}/connectors/{name}/resume", timeout=30)
    assert last(deployment, "kept", 60, min_qty=77)
    deleted(deployment, key)
