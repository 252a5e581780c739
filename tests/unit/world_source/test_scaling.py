"""Stores open and close while the world runs; the stock jobs answer in memory, in lock-step."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from smartstore.contracts import topics
from smartstore.contracts.settings import FaultSettings
from smartstore.contracts.topics import (
    BATCH_CATALOG,
    BY_NAME,
    SHELF_POLICIES,
    SHELF_PROFILES,
    WH_POLICIES,
    Topic,
)
from smartstore.contracts.wire import decoder, encode, from_epoch_ms
from smartstore.domain.engine import Parameters
from smartstore.domain.memory import MemoryRunner
from smartstore.verify.configuration import RelayComparison
from smartstore.verify.differences import Check
from smartstore.verify.ledger import Ledger as VerifiedLedger
from smartstore.verify.ledger_index import read_index
from smartstore.verify.replay import Replay
from smartstore.world.ledger import Ledger
from smartstore.world.ledger_lines import (
    TickMark,
    fact_line,
    record_line,
    relayed_line,
    row_line,
    run_line,
    scale_line,
    tick_line,
)
from smartstore.world.production import Production
from smartstore.world.relay import ConfigRelay, ConfigRow
from smartstore.world.resume import fact_of, realise_again
from smartstore.world.scaling import Closing, WantedStores, scale
from smartstore.world.simulation.world import build_simulation
from smartstore.world.snapshots import Snapshot, Snapshots
from tests.unit.world.small_worlds import simulation_settings

pytestmark = pytest.mark.unit

SETTINGS = simulation_settings(stores=2, customers=1500, tick_ms=1_800_000)
TICK = SETTINGS.source.tick_ms
PLAN = (2, 4, 1, 3)
"""Open stores, each for some ticks."""


EXTRA = {
    "shelf_id": "extra",
    "sku": "extra",
    "item_category": "c",
    "item_subcategory": "s",
    "item_weight_g": 1,
    "item_price_cents": 1,
}
"""A shelf that people add."""


class Run:
    """A source in lock-step: what it writes to the ledger, and what the jobs make of it."""

    def __init__(self, directory: Path, faults: FaultSettings | None = None) -> None:
        source = msgspec.structs.replace(SETTINGS.source, faults=faults or FaultSettings())
        self.settings = msgspec.structs.replace(SETTINGS, source=source)
        self.directory = directory
        self.ledger = Ledger(directory / "ledger")
        self.snapshots = Snapshots(directory / "snapshots")
        self.production = Production(self.settings, build_simulation(self.settings))
        self.world = self.production.world
        self.relay = ConfigRelay(self.world.stores)
        self.rows: list[ConfigRow] = []
        self.closing = Closing(self.production, {})
        self.jobs = MemoryRunner(Parameters(TICK, SETTINGS.planning))
        self.tick = self.production.first_tick - TICK
        self.ledger.append([run_line(self.settings, self.world.stores)])
        self._told: list[tuple[str, bytes]] = []
        self._seen: set[bytes] = set()

    def edit(self, topic: Topic, **columns: object) -> None:
        """A row as Debezium brings it, relayed between two ticks."""
        offset = sum(row.topic == topic.name for row in self.rows)
        row = ConfigRow(topic.name, 0, offset, json.dumps(columns).encode())
        self.rows.append(row)
        place, seq = (topic.name, 0, offset), self.ledger.next_seq
        configs = self.relay.records(row, from_epoch_ms(self.tick))
        lines = [row_line(seq, row.value or b"", (*place, len(configs)))]
        for number, config in enumerate(configs, 1):
            lines.append(relayed_line(seq + number, encode(config), (*place, len(configs) - number)))
            self.jobs.event(topics.STORE_CONFIG.name, config)
        self.ledger.append(lines)

    def go(self, ticks: int, wanted: int) -> None:
        """So many ticks more, with so many stores open."""
        for _ in range(ticks):
            self._write_tick(wanted)

    def _write_tick(self, wanted: int) -> None:
        last, self.tick = self.tick, self.tick + TICK
        facts = [fact_of(line, data) for line, data in self._told]
        self.closing.told(facts, self.tick)
        acknowledged = dict.fromkeys(self.world.awake, last)
        for store in self.closing.resting(acknowledged):
            self.world.rest(store)
        lines: list[bytes] = []
        emissions = []
        if wanted != len(self.world.open_stores):
            emissions = scale(self.world, self.relay, wanted, last)
            lines.append(scale_line(self.ledger.next_seq, self.world.open_stores))
        made = self.production.make(self.tick, facts, emissions)
        self.closing.made(self.tick)
        for line, data in self._told:
            lines.append(fact_line(self.ledger.next_seq + len(lines), line, data))
        for record in made.records:
            lines.append(record_line(self.ledger.next_seq + len(lines), record))
        mark = TickMark(
            seq=self.ledger.next_seq + len(lines),
            tick=from_epoch_ms(self.tick),
            stores=list(self.world.awake),
            records=len(made.records),
            checksum=made.checksum,
            relayed=self.relay.positions,
            closing=self.closing.until,
        )
        self.ledger.commit([*lines, tick_line(mark)], self.tick)
        self.ledger.committed = mark
        self._told = self._facts([(r.line, r.data) for r in made.records if r.kind == "event"])

    def _facts(self, records: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        for line, data in records:
            if data not in self._seen:
                self.jobs.record(line, json.loads(data)["store_id"], data)
                self._seen.add(data)
        before = len(self.jobs.outputs)
        self.jobs.tick(self.tick, self.world.awake)
        return [(output.topic, output.value) for output in self.jobs.outputs[before:] if output.fact]

    def save(self) -> None:
        """A snapshot of now."""
        self.snapshots.save(
            Snapshot(
                tick_ms=self.tick,
                place=self.ledger.place(),
                world=self.world.snapshot(),
                faults=self.production.faults.snapshot(),
                relay=self.relay.snapshot(),
            )
        )

    def lines(self) -> list[dict[str, Any]]:
        """The ledger."""
        return [json.loads(line) for line in self.ledger.lines_from(None)]


class Message:
    """A row as Kafka delivers it."""

    def __init__(self, row: ConfigRow) -> None:
        self._row = row

    def partition(self) -> int:
        return self._row.partition

    def offset(self) -> int:
        return self._row.offset

    def key(self) -> bytes:
        return b""

    def value(self) -> bytes:
        return self._row.value or b""

    def headers(self) -> None:
        return None


def configure(run: Run) -> None:
    """Something of each kind, for all and for one; the profile for all reaches neither of the two stores."""
    run.edit(SHELF_POLICIES, policy_id="all", threshold_pct=60)
    run.edit(SHELF_POLICIES, policy_id="one", store_id="s0002", threshold_pct=70)
    run.edit(WH_POLICIES, policy_id="all", reorder_point_qty=7)
    run.edit(WH_POLICIES, policy_id="gone", reorder_point_qty=9)
    run.edit(WH_POLICIES, policy_id="gone", __deleted="true")
    run.edit(BATCH_CATALOG, row_key="*/extra/B", shelf_id="extra", batch_code="B", expiry_date="2026-02-01")
    for store in ("s0001", "s0002"):
        run.edit(SHELF_PROFILES, **EXTRA, row_key=f"{store}/extra", store_id=store, capacity=10)
    run.edit(SHELF_PROFILES, **EXTRA, row_key="*/extra", capacity=20)


def scaled(directory: Path, faults: FaultSettings | None = None, *, snapshot: bool = False) -> Run:
    """2 → 4 → 1 → 3 stores, with configuration that changes on the way."""
    run = Run(directory, faults)
    run.go(2, PLAN[0])
    configure(run)
    run.go(8, PLAN[0])
    run.go(10, PLAN[1])
    run.edit(SHELF_POLICIES, policy_id="third", store_id="s0003", threshold_pct=80)
    run.go(14, PLAN[2])
    run.edit(SHELF_POLICIES, policy_id="third", store_id="s0003", threshold_pct=90)
    if snapshot:
        run.save()
    run.go(12, PLAN[3])
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    one = scaled(tmp_path_factory.mktemp("scaled"))
    yield one
    one.ledger.close()


def ticked(run: Run) -> list[tuple[str, ...]]:
    """The stores of each tick, as far as they change."""
    stores = [tuple(line["stores"]) for line in run.lines() if line["kind"] == "tick"]
    return [each for n, each in enumerate(stores) if n == 0 or each != stores[n - 1]]


def test_closed_stores_get_ticks_until_they_are_settled(run: Run) -> None:
    two, four = ("s0001", "s0002"), ("s0001", "s0002", "s0003", "s0004")
    course = ticked(run)
    assert course[:2] == [two, four]
    assert course[-2:] == [("s0001",), ("s0001", "s0002", "s0003")]
    scales = [line["stores"] for line in run.lines() if line["kind"] == "scale"]
    assert scales == [list(four), ["s0001"], ["s0001", "s0002", "s0003"]]


def test_a_new_store_begins_with_its_stock_and_all_configuration_in_force(run: Run) -> None:
    events = [line for line in run.lines() if line["kind"] == "event"]
    of_third = [line for line in events if line["data"]["store_id"] == "s0003"]
    begun = [
        line
        for line in of_third
        if line["data"]["timestamp"].startswith("2026-01-01T12:00:00")
        and line["data"].get("kind") != "promotion"
    ]
    lines = Counter(line["line"] for line in begun)
    shelves = lines["stock_counts"] // 2
    assert lines == {"stores": 1, "store_config": shelves + 4, "stock_counts": 2 * shelves}
    told = [line["data"] for line in begun if line["data"]["timestamp"].startswith("2026-01-01T12:00:00.001")]
    rows = [data[data["kind"]] for data in told]
    assert [row.get("policy_id") or row["row_key"] for row in rows] == ["all", "all", "*/extra", "*/extra/B"]
    assert (rows[1]["reorder_point_qty"], rows[2]["capacity"]) == (7, 20)
    given = [line["data"]["policy"] for line in of_third if line.get("data", {}).get("kind") == "policy"]
    assert [(policy["policy_id"], policy["threshold_pct"]) for policy in given] == [
        ("all", 60),
        ("third", 80),
        ("third", 90),
    ]
    assert of_third[0]["data"]["timestamp"] == "2026-01-01T12:00:00Z"


def test_between_rest_and_opening_nothing_happens_in_a_store(run: Run) -> None:
    """But for configuration, which waits for it."""
    lines = run.lines()
    away = False
    for line in lines:
        if line["kind"] == "tick":
            away = "s0002" not in line["stores"]
        elif line["kind"] == "scale":
            away = False
        elif away and line.get("data", {}).get("store_id") == "s0002":
            raise AssertionError(line)


def test_stock_on_its_way_arrives_and_nothing_is_impossible(run: Run) -> None:
    kinds = Counter(line["data"]["kind"] for line in run.lines() if line["kind"] == "note")
    assert kinds["applied"] > 50
    assert kinds["impossible"] == 0
    for store in ("s0002", "s0003", "s0004"):
        own = [line["data"]["status"] for line in run.lines() if _is_status(line, store)]
        assert own == (["closed"] if store == "s0004" else ["closed", "open"])
    state = next(s for s in _states(run) if s["store"] == "s0004")
    assert state["transit"] == state["baskets"] == 0


def _is_status(line: dict[str, Any], store: str) -> bool:
    data = line.get("data", {})
    return line.get("line") == "store_config" and data["kind"] == "status" and data["store_id"] == store


def _states(run: Run) -> list[dict[str, Any]]:
    states = msgspec.msgpack.decode(run.world.snapshot())[3]
    names = run.world.stores
    # Places of `transit` and `baskets` in the state of a store.
    return [
        {"store": name, "transit": sum(map(len, state[5])), "baskets": len(state[6])}
        for name, state in zip(names, states, strict=True)
    ]


def test_while_a_store_is_closed_it_has_no_alert_and_no_plan_to_take_goods_for(run: Run) -> None:
    closed_at = next(line["data"]["timestamp"] for line in run.lines() if _is_status(line, "s0004"))
    alerts, plans = ({} for _ in range(2))  # type: dict[str, Any], dict[str, Any]
    for output in run.jobs.outputs:
        if output.topic in ("alerts", "shelf_restock_plan"):
            record = decoder(BY_NAME[output.topic].value).decode(output.value)
            if record.store_id == "s0004":
                (alerts if output.topic == "alerts" else plans)[output.key] = record
    assert {alert.status for alert in alerts.values()} == {"resolved"}
    assert {plan.status for plan in plans.values()} <= {"completed", "cancelled"}
    assert {"completed", "cancelled"} <= {plan.status for plan in plans.values()}
    last = max(alert.created_at for alert in alerts.values())
    assert last.isoformat() <= closed_at


@pytest.mark.parametrize(
    "faults", [FaultSettings(), FaultSettings(late_pct=5, duplicate_pct=2, malformed_pct=1)]
)
def test_verification_recomputes_the_same(tmp_path: Path, faults: FaultSettings) -> None:
    """The second opinion on alerts, plans and stock, from the same ledger."""
    run = scaled(tmp_path, faults)
    run.ledger.close()
    ledger = VerifiedLedger(tmp_path / "ledger")
    truth = Replay(read_index(ledger, run.tick, lambda _: None), run.tick).run(ledger, [], lambda _: None)
    for topic, expected in (
        (topics.ALERTS, truth.alerts),
        (topics.SHELF_RESTOCK_PLAN, truth.plans),
        (topics.SHELF_STATE, truth.shelves),
        (topics.WH_STATE, truth.back_rooms),
    ):
        found = {output.key: output.value for output in run.jobs.outputs if output.topic == topic.name}
        wanted = {
            "/".join(map(str, key)): encode(history.record(len(history.versions) - 1))
            for key, history in expected.all()
        }
        assert found == wanted, topic.name
    assert [truth.opened[store] > 0 for store in ("s0001", "s0002", "s0003", "s0004")] == [
        False,
        False,
        True,
        True,
    ]
    check = Check("configuration")
    comparison = RelayComparison(check, truth.opened)
    for topic in topics.CONFIG_TOPICS:
        messages: list[Any] = [Message(row) for row in run.rows if row.topic == topic.name]
        comparison.rows(topic, messages)
    for record in truth.relayed:
        comparison.record(record)
    comparison.finish()
    assert (check.kinds(), check.compared) == ({}, len(truth.relayed))
    stated = {json.loads(o.value)["event_id"] for o in run.jobs.outputs if o.fact}
    assert stated == set(truth.facts)


@pytest.mark.parametrize("snapshot", [False, True])
def test_made_again_it_is_the_same_run(tmp_path: Path, *, snapshot: bool) -> None:
    run = scaled(tmp_path, FaultSettings(late_pct=5, duplicate_pct=2), snapshot=snapshot)
    run.ledger.close()
    again = Production(run.settings, build_simulation(run.settings))
    relay, ledger = ConfigRelay(again.world.stores), Ledger(tmp_path / "ledger")
    assert realise_again(again, relay, ledger, run.snapshots, lambda: None) == run.tick
    assert again.world.snapshot() == run.world.snapshot()
    assert again.faults.snapshot() == run.production.faults.snapshot()
    assert relay.snapshot() == run.relay.snapshot()
    ledger.close()


def test_other_stores_do_not_notice(tmp_path: Path, run: Run) -> None:
    """The first store lives as it would have lived alone."""
    alone = Run(tmp_path)
    alone.go(2, 2)
    configure(alone)
    alone.go(len([line for line in run.lines() if line["kind"] == "tick"]) - 2, 2)
    events = [
        [
            line["data"]
            for line in each.lines()
            if line["kind"] == "event" and line["data"]["store_id"] == "s0001"
        ]
        for each in (run, alone)
    ]
    assert events[0] == events[1]
    alone.ledger.close()


def test_a_closing_store_rests_only_when_the_jobs_have_acknowledged_all_they_stated(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.go(4, 2)
    run.go(1, 1)
    closed_at = run.tick
    assert run.closing.until == {"s0002": closed_at}
    while not run.world.settled("s0002"):
        run.go(1, 1)
    until = run.closing.until["s0002"]
    assert until > closed_at
    assert run.closing.resting({"s0002": until - TICK}) == []
    assert run.closing.resting({}) == []
    assert run.closing.resting({"s0002": until}) == ["s0002"]
    run.ledger.close()


def test_the_wanted_number_follows_the_file(tmp_path: Path) -> None:
    file = tmp_path / "run.json"

    def write(stores: int) -> None:
        draft = file.with_suffix(".new")
        draft.write_bytes(encode(simulation_settings(stores=stores)))
        draft.replace(file)

    write(2)
    wanted = WantedStores(file)
    assert wanted() == 2
    write(5)
    assert wanted() == 5
    file.write_text("{")
    assert wanted() == 5
    file.unlink()
    assert wanted() == 5
