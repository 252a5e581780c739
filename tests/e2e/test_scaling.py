"""Stores open and close while everything runs, in lock-step; the books stay verifiable."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.estate import SMARTSTORE, Estate, running, spec, wait_until, written

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

SOURCE: dict[str, Any] = {
    "type": "Simulation",
    "seed": 11,
    "speed": 3600,
    "tick": "1h",
    "maxLead": 0,
    "startHour": 9,
    "days": 2,
    "simulation": {"rangeScale": 0.01, "dailyCustomers": 300},
    "faults": {"malformedPct": 1, "duplicatePct": 2, "latePct": 5, "lateMax": "15m"},
}


def open_stores(estate: Estate) -> list[str]:
    """The stores that Postgres shows as open."""
    return [
        row[0]
        for row in estate.rows("select store_id from ref.stores where status = 'open' order by ordinal")
    ]


def last_tick(estate: Estate, store: str) -> Any:
    """The newest state of a store in Postgres."""
    return estate.rows(f"select max(updated_at) from state.shelf_state where store_id = '{store}'")[0][0]


def smartstore(estate: Estate, *words: str) -> subprocess.CompletedProcess[str]:
    """The command on the estate's data."""
    command = [SMARTSTORE, *words, "--data-dir", str(estate.data_dir)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_stores_open_and_close_while_it_runs(tmp_path: Path) -> None:
    """2 → 4 → 1, a savepoint, two shards in place of one, → 3: nothing is lost, everything verifies."""
    resource = spec("scaling", stores=2, **SOURCE)
    with running(resource, tmp_path) as estate:
        wait_until("a tick", lambda: last_tick(estate, "s0001") is not None, 120)
        before = [(row["name"], row["pid"]) for row in estate.status()["components"]]
        estate.scale(4)
        wait_until("the fourth store", lambda: last_tick(estate, "s0004") is not None, 120)
        estate.scale(1)
        wait_until("one open store", lambda: open_stores(estate) == ["s0001"], 60)
        assert [(row["name"], row["pid"]) for row in estate.status()["components"]] == before
        alerts = "select count(*) from ops.open_alerts where store_id <> 's0001'"
        wait_until("no alert of a closed store", lambda: estate.rows(alerts) == [(0,)], 60)
        refused = smartstore(estate, "scale", "0")
        assert (refused.returncode, refused.stderr) == (
            2,
            "smartstore: spec.stores: 0 is out of range; at least 1 is allowed\n",
        )
        created = smartstore(estate, "savepoint", "create")
        assert (created.returncode, created.stdout[:26]) == (0, "0001  4 stores of 1 shard "), created
    resource["spec"]["streaming"] = {"hot": {"shards": 2}}
    file = written(resource, tmp_path)
    refused = smartstore(estate, "up", str(file))
    assert refused.returncode == 1
    assert "the stores' state lies in 1 shards, the file asks for 2" in refused.stderr
    assert smartstore(estate, "savepoint", "restore", "0001").returncode == 0
    with running(resource, tmp_path) as estate:
        assert {"hot-0", "hot-1"} <= {row["name"] for row in estate.status()["components"]}
        assert estate.status()["stores"] == 1
        estate.scale(3)
        closed = last_tick(estate, "s0004")
        wait_until("the third store again", lambda: open_stores(estate) == ["s0001", "s0002", "s0003"], 60)
        estate.wait_until_finished(400)
        assert estate.verify() == "clean"
        assert last_tick(estate, "s0004") == closed
        assert last_tick(estate, "s0003") > closed
