"""Backups of the real database, and the way back: what was in it then, and all that Kafka has had since."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smartstore.contracts.settings import PlanningSettings
from smartstore.serving.backup.backups import BackupFailed, Backups
from smartstore.serving.migrate import migrate
from smartstore.serving.roles import Passwords
from smartstore_operator.embedded.toolchain import postgres_bin
from tests.integration.serving.conftest import Deployment, wait_until
from tests.integration.serving.test_sinks import movement, shelf_state

pytestmark = pytest.mark.integration

BEGIN = datetime(2026, 1, 1, 3, tzinfo=UTC)
MOVEMENTS = "SELECT event_id FROM ops.wh_events WHERE length(event_id) = 2 ORDER BY event_id"
STOCK = "SELECT shelf_id, current_stock FROM state.shelf_state WHERE store_id = 's1' ORDER BY shelf_id"
POLICIES = "SELECT notes, min_qty FROM config.shelf_policies WHERE notes LIKE '% later' ORDER BY notes"


def backups(deployment: Deployment, directory: Path) -> Backups:
    return Backups(directory, deployment.dsn, postgres_bin())


def policy(deployment: Deployment, notes: str, minimum: int) -> None:
    deployment.sql(
        f"INSERT INTO config.shelf_policies (notes, min_qty, item_category) VALUES ('{notes}', {minimum}, 'MEAT')"
    )


def contents(deployment: Deployment) -> list[list[tuple[Any, ...]]]:
    return [deployment.sql(query) for query in (MOVEMENTS, STOCK, POLICIES)]


def published(deployment: Deployment) -> dict[str, int]:
    rows = deployment.current_rows("shelf_policies")
    return {row["notes"]: row["min_qty"] for row in rows if " later" in (row["notes"] or "")}


def settled(deployment: Deployment) -> bool:
    return not deployment.sql("SELECT 1 FROM ops.rewinds") and deployment.all_running()


@pytest.mark.timeout(180)
def test_restored_it_has_what_it_had_and_what_came_since(deployment: Deployment, tmp_path: Path) -> None:
    wait_until(lambda: settled(deployment), 30, "nothing is to be set back at first")
    deployment.produce("wh_events", movement(0, 1))
    deployment.produce("shelf_state", shelf_state("s1", "kept", 1, stock=1))
    policy(deployment, "edited later", 3)
    policy(deployment, "deleted later", 4)
    deployment.expect(MOVEMENTS, [("e0",)])
    deployment.expect(STOCK, [("kept", 1)])
    name = backups(deployment, tmp_path).create(BEGIN, keep=3)

    deployment.produce("wh_events", movement(1, 2))
    deployment.produce("shelf_state", shelf_state("s1", "kept", 2, stock=2), shelf_state("s1", "new", 1))
    deployment.sql("UPDATE config.shelf_policies SET min_qty = 99 WHERE notes = 'edited later'")
    deployment.sql("DELETE FROM config.shelf_policies WHERE notes = 'deleted later'")
    policy(deployment, "made later", 5)
    deployment.expect(MOVEMENTS, [("e0",), ("e1",)])
    deployment.expect(STOCK, [("kept", 2), ("new", 5)])
    # what the sinks have read, they do not read again by themselves
    wait_until(
        lambda: deployment.offsets("shelf_state") == deployment.records("shelf_state"),
        30,
        "the sink has noted how far it is",
    )
    deployment.sql("TRUNCATE ops.wh_events, state.shelf_state")

    backups(deployment, tmp_path).restore(name)

    assert deployment.sql(POLICIES) == [("deleted later", 4), ("edited later", 3)]
    deployment.expect(MOVEMENTS, [("e0",), ("e1",)], 60)
    deployment.expect(STOCK, [("kept", 2), ("new", 5)], 60)
    wait_until(lambda: settled(deployment), 60, "the sinks run again")
    wait_until(
        lambda: published(deployment) == {"deleted later": 4, "edited later": 3}, 30, "the topic says so too"
    )


def test_a_backup_that_cannot_be_read_changes_nothing(deployment: Deployment, tmp_path: Path) -> None:
    deployment.produce("wh_events", *(movement(number, 1) for number in range(100, 3100)))
    deployment.expect("SELECT count(*) FROM ops.wh_events WHERE length(event_id) > 3", [(3000,)])
    found = backups(deployment, tmp_path)
    name = found.create(BEGIN, keep=3)
    before = contents(deployment)
    whole = found.path(name).read_bytes()
    for length in (0, 100, len(whole) // 2, len(whole) - 1000):
        found.path(name).write_bytes(whole[:length])
        with pytest.raises(BackupFailed, match=name):
            found.restore(name)
        assert contents(deployment) == before
        assert not deployment.sql("SELECT 1 FROM ops.rewinds")


def test_the_oldest_go_and_one_that_fails_deletes_none(deployment: Deployment, tmp_path: Path) -> None:
    found = backups(deployment, tmp_path)
    names = [found.create(BEGIN + timedelta(days=day), keep=2) for day in range(3)]
    assert found.names() == names[1:]
    (tmp_path / "20260101T000000Z.draft").write_bytes(b"half")
    nowhere = Backups(tmp_path, "postgresql://nobody:x@127.0.0.1:1/nothing", postgres_bin())
    with pytest.raises(BackupFailed, match="pg_dump"):
        nowhere.create(BEGIN + timedelta(days=9), keep=1)
    assert found.names() == names[1:]
    with pytest.raises(BackupFailed, match=names[1]):
        found.restore("20010101T000000Z")


def test_a_table_that_was_lost_is_filled_again(deployment: Deployment, passwords: Passwords) -> None:
    deployment.produce("shelf_state", shelf_state("s2", "lost", 1, stock=7))
    deployment.expect("SELECT current_stock FROM state.shelf_state WHERE shelf_id = 'lost'", [(7,)])
    everything = "SELECT store_id, shelf_id, version FROM state.shelf_state ORDER BY store_id, shelf_id"
    before = deployment.sql(everything)
    end = deployment.records("shelf_state")
    wait_until(lambda: deployment.offsets("shelf_state") == end, 30, "the sink has noted how far it is")
    deployment.sql("DROP TABLE state.shelf_state CASCADE")
    migrate(deployment.dsn, PlanningSettings(), passwords)
    deployment.expect(everything, before, 60)


def test_the_command_says_what_it_did(deployment: Deployment, tmp_path: Path) -> None:
    environment = {
        "SMARTSTORE_DATA_DIR": str(tmp_path),
        "SMARTSTORE_POSTGRES_DSN": deployment.dsn,
        "SMARTSTORE_POSTGRES_PROGRAMS": str(postgres_bin()),
    }

    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "smartstore.serving.backup", *arguments]
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    assert run("list") == (0, "there is no backup yet\n")
    code, said = run("create")
    assert code == 0
    name = said.split()[0]
    assert run("list")[1].startswith(name)
    assert f'"name": "{name}"' in run("list", "--json")[1]
    code, said = run("restore", "20010101T000000Z")
    assert (code, said) == (1, f"backup: there is no backup '20010101T000000Z'; there are: {name}\n")
    code, said = run("restore", name)
    assert code == 0, said
    assert said.startswith(f"restored {name}")
    wait_until(lambda: settled(deployment), 60, "the sinks run again")
