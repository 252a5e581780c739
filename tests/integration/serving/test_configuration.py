"""Tables of schema `config` → topics through Debezium: every edit, soon, whatever dies in between."""

import json
import time
import urllib.parse
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
import pytest

from smartstore.contracts.topics import CONFIG_TOPICS
from smartstore.world.relay import decode_row
from tests.integration.serving.conftest import Deployment, run_sql, wait_until

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Table:
    """How the tests edit one table: rows are told apart by a tag, and edits change one number."""

    tag: str
    number: str
    others: dict[str, Any]


TABLES = {
    "shelf_policies": Table("notes", "min_qty", {"item_category": "MEAT", "threshold_pct": 12.5}),
    "wh_policies": Table("notes", "reorder_point_qty", {"store_id": "s0001", "shelf_id": "f1"}),
    "shelf_profiles": Table(
        "shelf_id",
        "capacity",
        {
            "sku": "k",
            "item_category": "MEAT",
            "item_subcategory": "Beef",
            "item_weight_g": 250,
            "item_price_cents": 199,
        },
    ),
    "batch_catalog": Table(
        "batch_code",
        "standard_batch_size",
        {"store_id": "s0001#2", "shelf_id": "f1", "expiry_date": "2026-02-03"},
    ),
}


@dataclass(frozen=True)
class Editor:
    """Edits the rows of one table and watches its topic."""

    deployment: Deployment
    name: str

    @property
    def table(self) -> Table:
        return TABLES[self.name]

    def insert(self, tag: str) -> None:
        row = {self.table.tag: tag, self.table.number: 3} | self.table.others
        values = ", ".join(f"'{value}'" for value in row.values())
        self.deployment.sql(f"INSERT INTO config.{self.name} ({', '.join(row)}) VALUES ({values})")

    def update(self, tag: str, number: int) -> None:
        self.deployment.sql(
            f"UPDATE config.{self.name} SET {self.table.number} = {number} WHERE {self.table.tag} = '{tag}'"
        )

    def delete(self, tag: str) -> None:
        self.deployment.sql(f"DELETE FROM config.{self.name} WHERE {self.table.tag} = '{tag}'")

    def last(self, tag: str, seconds: float = 30, **wanted: Any) -> Any:
        """The first message about the row with this tag that has the wanted values."""
        wanted = {self.table.tag: tag, "__deleted": "false"} | wanted

        def matches(value: dict[str, Any]) -> bool:
            return wanted.items() <= value.items()

        return self.deployment.read(self.name, matches, seconds)[-1]

    def changed(self, tag: str, number: int, seconds: float = 30) -> Any:
        """The message that the row has this number."""
        return self.last(tag, seconds, **{self.table.number: number})

    def ended(self, tag: str, seconds: float = 30) -> Any:
        """The message that the row is gone."""
        return self.last(tag, seconds, __deleted="true")


@pytest.fixture(params=TABLES)
def editor(request: pytest.FixtureRequest, deployment: Deployment) -> Editor:
    """An editor of each table."""
    return Editor(deployment, request.param)


@pytest.fixture
def editors(deployment: Deployment) -> list[Editor]:
    """Editors of all tables, where one accident serves them all."""
    return [Editor(deployment, name) for name in TABLES]


def test_every_topic_of_configuration_is_tried() -> None:
    assert TABLES.keys() == {topic.name for topic in CONFIG_TOPICS}


def test_the_seeded_policy_is_there(deployment: Deployment) -> None:
    policies = Editor(deployment, "shelf_policies")
    assert policies.last("Default for every shelf of every store.", threshold_pct=30.0)


def test_every_edit_arrives_within_seconds_and_fits_the_contract(editor: Editor) -> None:
    started = time.monotonic()
    editor.insert("edits")
    message = editor.last("edits")
    (topic,) = (topic for topic in CONFIG_TOPICS if topic.name == editor.name)
    row, deleted = decode_row(topic, message.value())
    assert not deleted
    assert message.key().decode() == getattr(row, topic.key[0])
    wanted = {editor.table.tag: "edits", editor.table.number: 3} | editor.table.others
    for name, value in wanted.items():
        found = getattr(row, name)
        assert (found.isoformat() if isinstance(found, date) else found) == value
    editor.update("edits", 50)
    changed = editor.changed("edits", 50)
    editor.delete("edits")
    end = editor.ended("edits")
    assert end.key() == changed.key() == message.key()
    assert json.loads(end.value())[editor.table.number] == 50
    assert time.monotonic() - started < 20


def test_a_row_that_gets_another_key_ends_under_the_old_one(deployment: Deployment) -> None:
    lots = Editor(deployment, "batch_catalog")
    lots.insert("moving")
    deployment.sql("UPDATE config.batch_catalog SET store_id = NULL WHERE batch_code = 'moving'")
    assert lots.last("moving", store_id=None).key() == b"*/f1/moving"
    assert lots.ended("moving").key() == b"s0001#2/f1/moving"


def test_edits_made_while_connect_is_dead_arrive(editors: list[Editor], deployment: Deployment) -> None:
    for editor in editors:
        editor.insert("changed-while-dead")
        editor.insert("deleted-while-dead")
    for editor in editors:
        editor.last("deleted-while-dead")
    deployment.kill("worker.properties")
    for editor in editors:
        editor.update("changed-while-dead", 9)
        editor.delete("deleted-while-dead")
    for editor in editors:
        editor.changed("changed-while-dead", 9, 60)
        editor.ended("deleted-while-dead", 90)
    wait_until(deployment.all_running, 60, "all tasks running")


def test_edits_made_while_the_slot_is_lost_arrive(
    editors: list[Editor], deployment: Deployment, postgres_superuser_dsn: str
) -> None:
    """Postgres drops a slot that holds back too much of its log; then the rows are read again."""
    for editor in editors:
        editor.insert("kept")
        editor.insert("gone")
    for editor in editors:
        editor.last("gone")
    database = urllib.parse.urlsplit(deployment.dsn).path.strip("/")
    name = f"{deployment.prefix}source-config"
    slot = f"SELECT slot_name, active_pid FROM pg_replication_slots WHERE database = '{database}'"
    httpx.put(f"{deployment.connect_url}/connectors/{name}/stop", timeout=30)
    wait_until(lambda: run_sql(postgres_superuser_dsn, slot)[0][1] is None, 30, "the slot is free")
    run_sql(
        postgres_superuser_dsn,
        f"SELECT pg_drop_replication_slot('{run_sql(postgres_superuser_dsn, slot)[0][0]}')",
    )
    for editor in editors:
        editor.update("kept", 77)
        editor.delete("gone")
    httpx.put(f"{deployment.connect_url}/connectors/{name}/resume", timeout=30)
    for editor in editors:
        editor.changed("kept", 77, 60)
        editor.ended("gone", 90)
