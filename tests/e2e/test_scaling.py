"""Stores open and close while everything runs, in lock-step; the books stay verifiable."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.estate import SMARTSTORE, Estate, running, spec, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SOURCE: dict[str, Any] = {
    "type": "Simulation",
    "seed": 11,
    "speed": 0,
    "tick": "1h",
    "maxLead": 0,
    "startHour": 9,
    "days": 4,
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


def test_stores_open_and_close_while_it_runs(tmp_path: Path) -> None:
    """2 → 4 → 1, a restart that keeps it, → 3: nothing is restarted, nothing is lost, everything verifies."""
    resource = spec("scaling", stores=2, **SOURCE)
    with running(resource, tmp_path) as estate:
        wait_until("a tick", lambda: last_tick(estate, "s0001") is not None, 120)
        before = [(row["name"], row["pid"]) for row in estate.status()["components"]]
        estate.scale(4)
        wait_until("the fourth store", lambda: last_tick(estate, "s0004") is not None, 60)
        estate.scale(1)
        wait_until("one open store", lambda: open_stores(estate) == ["s0001"], 60)
        assert [(row["name"], row["pid"]) for row in estate.status()["components"]] == before
        assert estate.rows("select distinct store_id from ops.open_alerts") in ([], [("s0001",)])
        refused = subprocess.run(
            [SMARTSTORE, "scale", "0", "--data-dir", str(estate.data_dir)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (refused.returncode, refused.stderr) == (
            2,
            "smartstore: spec.stores: 0 is out of range; at least 1 is allowed\n",
        )
    with running(resource, tmp_path) as estate:
        assert estate.status()["stores"] == 1
        estate.scale(3)
        closed = last_tick(estate, "s0004")
        wait_until("the third store again", lambda: open_stores(estate) == ["s0001", "s0002", "s0003"], 60)
        estate.wait_until_finished(400)
        assert estate.verify() == "clean"
        assert last_tick(estate, "s0004") == closed
        assert last_tick(estate, "s0003") > closed
