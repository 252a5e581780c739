"""After a restart: the world made again from the ledger, with the facts that it was told."""

from pathlib import Path

import pytest

from smartstore.contracts.events import StockCount
from smartstore.contracts.topics import BY_NAME
from smartstore.contracts.wire import decoder, encode, from_epoch_ms
from smartstore.domain.engine import Parameters
from smartstore.domain.memory import MemoryRunner
from smartstore.world.ledger import Ledger, LedgerError
from smartstore.world.ledger_lines import (
    DECODE_LINE,
    Record,
    TickMark,
    fact_line,
    is_fact,
    is_tick,
    record_line,
    run_line,
    tick_line,
)
from smartstore.world.model import JobFact
from smartstore.world.production import Production
from smartstore.world.relay import ConfigRelay
from smartstore.world.resume import entries_after, fact_of, realise_again
from smartstore.world.simulation.world import build_simulation
from smartstore.world.snapshots import Snapshot, Snapshots
from tests.unit.world.small_worlds import simulation_settings

pytestmark = pytest.mark.unit

SETTINGS = simulation_settings(customers=2000)
TICK = SETTINGS.source.tick_ms


def production() -> Production:
    return Production(SETTINGS, build_simulation(SETTINGS))


class Run:
    """A run on the way, as the source writes it, with the stock jobs answering in memory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ledger = Ledger(directory / "ledger")
        self.snapshots = Snapshots(directory / "snapshots")
        self.production = production()
        self.ledger.append([run_line(SETTINGS, self.production.world.stores)])
        self.told: list[tuple[str, bytes]] = []
        """What the jobs stated in the last tick: line and record."""
        self._taken = 0
        self._runner = MemoryRunner(Parameters(TICK, SETTINGS.planning))

    def write(self, ticks: int) -> None:
        """So many ticks more."""
        committed = self.ledger.committed
        last = committed.tick_ms if committed else self.production.first_tick - TICK
        for tick in range(last + TICK, last + (ticks + 1) * TICK, TICK):
            self._write_tick(tick)

    def _write_tick(self, tick: int) -> None:
        made = self.production.make(tick, [fact_of(line, data) for line, data in self.told])
        seq, stores = self.ledger.next_seq, list(self.production.world.stores)
        lines = [fact_line(seq + n, line, data) for n, (line, data) in enumerate(self.told)]
        lines += [record_line(seq + n, record) for n, record in enumerate(made.records, len(lines))]
        self._taken += len(self.told)
        mark = TickMark(
            seq=seq + len(lines),
            tick=from_epoch_ms(tick),
            stores=stores,
            records=len(made.records),
            checksum=made.checksum,
            taken={stores[0]: self._taken},
        )
        self.ledger.commit([*lines, tick_line(mark)], tick)
        self.ledger.committed = mark
        self.told = self._facts(made.records, tick, stores)

    def _facts(self, records: list[Record], tick: int, stores: list[str]) -> list[tuple[str, bytes]]:
        for record in records:
            self._runner.record(record.line, stores[0], record.data)
        self._runner.tick(tick, stores)
        facts = [(output.topic, output.value) for output in self._runner.outputs if output.fact]
        self._runner.outputs.clear()
        return facts

    def save(self) -> None:
        """A snapshot of now."""
        assert self.ledger.committed is not None
        snapshot = Snapshot(
            tick_ms=self.ledger.committed.tick_ms,
            place=self.ledger.place(),
            world=self.production.world.snapshot(),
            faults=self.production.faults.snapshot(),
            relay=ConfigRelay(self.production.world.stores).snapshot(),
        )
        self.snapshots.save(snapshot)

    def resumed(self) -> Production:
        """The run made again from what lies on the disk."""
        self.ledger.close()
        again, ledger = production(), Ledger(self.directory / "ledger")
        relay = ConfigRelay(again.world.stores)
        try:
            last = realise_again(again, relay, ledger, self.snapshots, lambda: None)
        finally:
            ledger.close()
        assert ledger.committed is not None
        assert ledger.committed == self.ledger.committed
        assert last == ledger.committed.tick_ms
        return again


def busy_run(directory: Path, *, snapshot_after: int | None = None) -> Run:
    """Twelve ticks in which goods were taken from the back room and put on shelves."""
    run = Run(directory)
    if snapshot_after:
        run.write(snapshot_after)
        run.save()
    run.write(12 - (snapshot_after or 0))
    lines = list(run.ledger.lines_from(None))
    facts = [DECODE_LINE(line).line for line in lines if is_fact(line)]
    assert set(facts) == {"wh_events", "shelf_events"}
    assert b'"kind":"applied"' in b"".join(lines)
    return run


@pytest.mark.parametrize("snapshot_after", [None, 1, 4, 12])
def test_a_world_made_again_has_taken_in_the_same_facts(tmp_path: Path, snapshot_after: int | None) -> None:
    """From the beginning and from a snapshot in between."""
    run = busy_run(tmp_path, snapshot_after=snapshot_after)
    again = run.resumed()
    assert again.world.snapshot() == run.production.world.snapshot()
    assert run.ledger.committed is not None
    facts = [fact_of(line, data) for line, data in run.told]
    following = [(run.ledger.committed.tick_ms + TICK, facts), (run.ledger.committed.tick_ms + 2 * TICK, [])]
    for tick, told in following:
        assert again.make(tick, told) == run.production.make(tick, told)


def test_a_ledger_that_lost_a_fact_is_not_continued(tmp_path: Path) -> None:
    """Without it the world would do something else."""
    run = busy_run(tmp_path)
    path = tmp_path / "ledger" / "00000000.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines.remove(next(line for line in lines if is_fact(line)))
    path.write_bytes(b"".join(lines))
    with pytest.raises(LedgerError, match="differs from the ledger"):
        run.resumed()


def test_facts_of_a_tick_that_was_not_committed_are_not_taken_in(tmp_path: Path) -> None:
    """They will be told again."""
    run = busy_run(tmp_path)
    count = StockCount(
        event_id="x",
        store_id="s0001",
        timestamp=from_epoch_ms(0),
        count_type="recount",
        shelf_id="y",
        quantity=1,
    )
    seq = run.ledger.next_seq
    told = [fact_line(seq + n, line, data) for n, (line, data) in enumerate(run.told)]
    assert told
    broken_off = record_line(seq + len(told), Record("event", "stock_counts", encode(count)))
    run.ledger.append([*told, broken_off])
    again = run.resumed()
    assert again.world.snapshot() == run.production.world.snapshot()


def test_all_but_facts_and_the_run_is_emitted_again(tmp_path: Path) -> None:
    run = busy_run(tmp_path)
    lines = list(run.ledger.lines_from(None))
    facts = [seq for seq, line in enumerate(lines) if is_fact(line)]
    emitted = [entry.seq for entry in entries_after(run.ledger, 0)]
    assert emitted == [seq for seq in range(1, len(lines)) if seq not in facts]
    before = facts[0] - 1
    assert is_tick(lines[before])
    assert next(entry.seq for entry in entries_after(run.ledger, before)) > before + 1
    run.ledger.close()


def test_a_fact_of_the_ledger_is_the_record_on_its_line(tmp_path: Path) -> None:
    run = busy_run(tmp_path)
    for line in filter(is_fact, run.ledger.lines_from(None)):
        told = DECODE_LINE(line)
        assert told.line is not None
        record = decoder(BY_NAME[told.line].value).decode(told.data)
        assert fact_of(told.line, bytes(told.data)) == JobFact(told.line, record)
    run.ledger.close()
