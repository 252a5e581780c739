"""In lock-step, kills change nothing: state and decisions equal the undisturbed run's and the in-memory runner's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from smartstore.contracts import topics
from smartstore.contracts.events import Tick
from smartstore.contracts.settings import RunSettings
from smartstore.contracts.wire import decoder, encode, epoch_ms
from smartstore.domain.engine import Parameters
from smartstore.domain.memory import MemoryRunner
from tests.estate import Estate, running, spec, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

Rows = dict[str, set[tuple[Any, ...]]]
Ledger = list[dict[str, Any]]

FAULTS = {"malformedPct": 1, "duplicatePct": 2, "latePct": 5, "lateMax": "15m"}
SOURCE: dict[str, Any] = {
    "type": "Simulation",
    "seed": 11,
    "speed": 0,
    "tick": "1h",
    "maxLead": 0,
    "startHour": 9,
    "days": 1,
}
PLANNING: dict[str, Any] = {"supplier": {"deliveryDays": ["Thu"], "deliveryHour": 17, "orderLead": "2h"}}
"""The day is a Thursday: plan, order, delivery and receipt fall into it."""
OTHERS = (topics.STORES, topics.DEAD_LETTERS)
"""Tables that the jobs do not write alone."""
TABLES = tuple(topic for topic in topics.TOPICS if topic.table and not topic.line and topic not in OTHERS)
KILLS = (
    ("bridge", "jvm"),
    ("kafka",),
    ("connect", "valkey"),
    ("world", "python-worker"),
    ("postgres", "hot"),
)
"""What dies at the same moment; one group after the other."""


def run(directory: Path, kills: tuple[tuple[str, ...], ...]) -> tuple[Rows, Ledger]:
    """One day of three stores; group after group is killed along the way."""
    with running(spec("lockstep", stores=3, planning=PLANNING, faults=FAULTS, **SOURCE), directory) as estate:
        for n, victims in enumerate(kills, start=1):
            wait_until(f"tick {2 * n}", lambda least=2 * n: _ticks(estate) >= least, 240)
            for victim in victims:
                estate.kill(victim)
        estate.wait_until_finished(400)
        wait_until("a clean verdict at the last tick", estate.is_verified_to_the_end, 120)
        sold = estate.rows("select sum(quantity), sum(total_cents) from ops.pos_transaction_lines")[0]
        reported = estate.report()["all"]
        assert (reported["units_sold"], reported["revenue_cents"]) == tuple(map(int, sold))
        return _tables(estate), list(_ledger(directory / "data"))


def _tables(estate: Estate) -> Rows:
    return {
        topic.name: set(estate.rows(f"select {', '.join(topic.value.__struct_fields__)} from {topic.table}"))
        for topic in TABLES
    }


def _ticks(estate: Estate) -> int:
    """Ticks whose state stands in Postgres; 0 while anything is down."""
    if not _is_up(estate):
        return 0
    try:
        return int(estate.rows("select count(distinct updated_at) from state.shelf_state")[0][0])
    except psycopg2.OperationalError:  # killed, and not noticed yet
        return 0


def _is_up(estate: Estate) -> bool:
    return all(row["state"] in ("ready", "finished") for row in estate.status()["components"])


def _ledger(data: Path) -> Iterator[dict[str, Any]]:
    for segment in sorted((data / "state" / "world" / "ledger").glob("*.jsonl")):
        for line in segment.read_text().splitlines():
            yield json.loads(line)


def _of_the_world(ledger: Ledger) -> Ledger:
    """The ledger without what depends on when records came: the policy rows relayed from Postgres, and offsets."""
    own = [line for line in ledger if "relayed" not in line or line["kind"] == "tick"]
    return [
        {name: value for name, value in line.items() if name not in ("seq", "relayed", "facts")}
        for line in own
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, Ledger]:
    return run(tmp_path_factory.mktemp("undisturbed"), ())


def test_kills_change_nothing(undisturbed: tuple[Rows, Ledger], tmp_path: Path) -> None:
    rows, ledger = run(tmp_path, KILLS)
    assert _of_the_world(ledger) == _of_the_world(undisturbed[1])
    for name in rows:
        assert rows[name] == undisturbed[0][name], name


def test_the_in_memory_runner_decides_the_same(undisturbed: tuple[Rows, Ledger]) -> None:
    found, ledger = undisturbed
    runner = _in_memory(ledger)
    for topic in TABLES:
        decode = decoder(topic.value).decode
        last = {output.key: decode(output.value) for output in runner.outputs if output.topic == topic.name}
        fields = topic.value.__struct_fields__
        assert {tuple(getattr(row, name) for name in fields) for row in last.values()} == found[topic.name], (
            topic.name
        )
    assert {row[3] for row in found[topics.SHELF_RESTOCK_PLAN.name]} >= {"completed", "issued"}
    assert {row[3] for row in found[topics.WH_SUPPLIER_PLAN.name]} >= {"completed", "pending"}
    assert found[topics.SUPPLIER_RECEIPTS.name]
    assert found[topics.ALERTS.name]
    assert found[topics.POS_TRANSACTION_LINES.name]


def _in_memory(ledger: Ledger) -> MemoryRunner:
    """The ledger through the in-memory runner; repeats are dropped as the bridge drops them."""
    settings = decoder(RunSettings).decode(encode(ledger[0]["settings"]))
    runner = MemoryRunner(Parameters(settings.source.tick_ms, settings.planning))
    seen: set[str] = set()
    for line in ledger:
        if line["kind"] == "tick":
            tick = decoder(Tick).decode(
                encode({"event_type": "tick", "tick": line["tick"], "stores": line["stores"]})
            )
            runner.tick(epoch_ms(tick.tick), tick.stores)
        elif line["kind"] == "event" and line["data"]["event_id"] not in seen:
            seen.add(line["data"]["event_id"])
            runner.record(line["line"], line["data"]["store_id"], encode(line["data"]))
    return runner
