"""The ledger on disk: what is committed stays, the rest is cut off, and nothing is read twice."""

import json
from pathlib import Path

import pytest

from smartstore.contracts.settings import RunSettings
from smartstore.contracts.topics import DAY_MS
from smartstore.contracts.wire import from_epoch_ms
from smartstore.world.ledger import Ledger, LedgerError
from smartstore.world.ledger_lines import (
    DECODE_LINE,
    DECODE_TICK,
    Record,
    TickMark,
    entry_of_line,
    fact_line,
    is_fact,
    is_relayed,
    is_row,
    is_tick,
    record_line,
    relayed_line,
    row_line,
    run_line,
    seq_of,
    tick_line,
)

pytestmark = pytest.mark.unit

TICK = 300_000
EVENT = Record("event", "shelf_events", b'{"a":1}')


def mark(seq: int, tick: int, records: int) -> TickMark:
    """The mark of a tick with a fact of offset `tick` taken."""
    return TickMark(
        seq=seq,
        tick=from_epoch_ms(tick * TICK),
        stores=["s1"],
        records=records,
        checksum=7,
        relayed={"shelf_policies": {0: tick}},
        facts={"wh_events": {0: tick + 1}},
        taken={"s1": tick},
    )


def write(ledger: Ledger, ticks: range, records: int = 3) -> None:
    """Ticks with a fact and so many records each; the run line first."""
    if ledger.next_seq == 0:
        ledger.append([run_line(RunSettings(name="t"), ["s1"])])
    for tick in ticks:
        seq = ledger.next_seq
        lines = [fact_line(seq, "wh_events", b'{"f":1}')]
        lines += [record_line(seq + n, EVENT) for n in range(1, records + 1)]
        lines.append(tick_line(mark(seq + records + 1, tick, records)))
        ledger.commit(lines, tick * TICK)


def content(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.glob("*.jsonl")))


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_any_cut_leaves_whole_ticks(tmp_path: Path, cut: int) -> None:
    """Wherever a crash ends the file: reopened and continued, the ledger is the same as without a crash."""
    whole = Ledger(tmp_path / "whole")
    write(whole, range(1, 4))
    whole.close()
    directory = tmp_path / "cut"
    directory.mkdir()
    (directory / "00000000.jsonl").write_bytes(content(tmp_path / "whole")[: -cut or None])
    ledger = Ledger(directory)
    done = 0 if ledger.committed is None else ledger.committed.tick_ms // TICK
    write(ledger, range(done + 1, 4))
    ledger.close()
    assert content(directory) == content(tmp_path / "whole")


def test_segments_begin_with_the_day(tmp_path: Path) -> None:
    """After the first tick of a day comes a new segment; lines are found across them, also with an empty last one."""
    ledger = Ledger(tmp_path)
    day = DAY_MS // TICK
    write(ledger, range(day - 1, day + 1))
    ledger.close()
    assert [path.stat().st_size > 0 for path in sorted(tmp_path.glob("*.jsonl"))] == [True, False]
    ledger = Ledger(tmp_path)
    assert ledger.committed is not None
    assert ledger.committed.tick_ms == DAY_MS
    write(ledger, range(day + 1, day + 3))
    for seq in range(-1, ledger.next_seq):
        assert [json.loads(line)["seq"] for line in ledger.lines_after(seq)] == list(
            range(seq + 1, ledger.next_seq)
        )
    ledger.close()


def test_relayed_rows_after_the_last_tick_stay_whole(tmp_path: Path) -> None:
    """They have been emitted; records of the unfinished tick behind them, and half a row, have not."""
    ledger = Ledger(tmp_path)
    write(ledger, range(1, 2))
    seq = ledger.next_seq
    rows = [
        row_line(seq, b'{"r":1}', ("wh_policies", 0, 5, 1)),
        relayed_line(seq + 1, b'{"c":1}', ("wh_policies", 0, 5, 0)),
        row_line(seq + 2, b'{"r":2}', ("shelf_profiles", 0, 5, 0)),
    ]
    half = [
        row_line(seq + 3, b'{"r":3}', ("shelf_profiles", 0, 6, 2)),
        relayed_line(seq + 4, b'{"c":3}', ("shelf_profiles", 0, 6, 1)),
    ]
    ledger.append([*rows, *half])
    ledger.close()
    ledger = Ledger(tmp_path)
    assert ledger.next_seq == seq + 3
    assert [(line.seq, line.kind) for line in ledger.relayed] == [
        (seq, "row"),
        (seq + 1, "event"),
        (seq + 2, "row"),
    ]
    ledger.append([record_line(seq + 3, EVENT)])
    ledger.close()
    ledger = Ledger(tmp_path)
    assert ledger.next_seq == seq + 3
    write(ledger, range(2, 3))
    ledger.close()
    ledger = Ledger(tmp_path)
    assert not ledger.relayed
    ledger.close()


def test_lines_are_what_is_emitted() -> None:
    """Records are in the line verbatim; a broken one as a string."""
    raw = '{"a": "ü\\n'.encode()
    line = record_line(4, Record("broken", "shelf_events", raw, None, "s1"))
    assert json.loads(line) == {
        "kind": "broken", "seq": 4, "line": "shelf_events", "store_id": "s1", "raw": raw.decode(),
    }  # fmt: skip
    entry = entry_of_line(DECODE_LINE(line))
    assert entry is not None
    assert (entry.lines, entry.payload) == (("shelf_events",), raw)
    late = record_line(5, Record("event", "shelf_events", b'{"a":1}', "late"))
    assert json.loads(late) == {
        "kind": "event", "seq": 5, "line": "shelf_events", "fault": "late", "data": {"a": 1},
    }  # fmt: skip


def test_a_fact_is_in_the_ledger_verbatim_and_not_emitted() -> None:
    """It stands on Kafka already."""
    line = fact_line(4, "wh_events", b'{"a":1}')
    assert json.loads(line) == {"kind": "fact", "seq": 4, "line": "wh_events", "data": {"a": 1}}
    assert (is_fact(line), is_tick(line), seq_of(line)) == (True, False, 4)
    assert bytes(DECODE_LINE(line).data) == b'{"a":1}'
    assert entry_of_line(DECODE_LINE(line)) is None


def test_a_row_is_in_the_ledger_on_one_line_and_not_emitted() -> None:
    """It stands on Kafka already; what brings it to the stores is emitted."""
    line = row_line(4, b'{"a": 1,\n "b": "\\n"}', ("wh_policies", 2, 7, 0))
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "kind": "row", "seq": 4, "relayed": ["wh_policies", 2, 7, 0], "data": {"a": 1, "b": "\n"},
    }  # fmt: skip
    assert (is_row(line), is_relayed(line), is_tick(line), seq_of(line)) == (True, True, False, 4)
    assert entry_of_line(DECODE_LINE(line)) is None
    event = relayed_line(5, b'{"c":1}', ("wh_policies", 2, 7, 0))
    assert (is_row(event), is_relayed(event)) == (False, True)
    entry = entry_of_line(DECODE_LINE(event))
    assert entry is not None
    assert (entry.lines, entry.payload) == (("store_config",), b'{"c":1}')


def test_a_tick_line_says_all_of_its_mark() -> None:
    """Also how far the facts were read and taken."""
    line = tick_line(mark(4, 2, 3))
    assert json.loads(line) == {
        "kind": "tick", "seq": 4, "tick": "1970-01-01T00:10:00Z", "stores": ["s1"], "records": 3, "checksum": 7,
        "relayed": {"shelf_policies": {"0": 2}}, "facts": {"wh_events": {"0": 3}}, "taken": {"s1": 2}, "closing": {},
    }  # fmt: skip
    assert (is_tick(line), is_fact(line), seq_of(line)) == (True, False, 4)
    assert DECODE_TICK(line) == mark(4, 2, 3)
    entry = entry_of_line(DECODE_LINE(line))
    assert entry is not None
    assert json.loads(entry.payload)["tick"] == "1970-01-01T00:10:00Z"


def test_facts_of_an_unfinished_tick_are_cut_off(tmp_path: Path) -> None:
    """They are read from Kafka again, from the position of the last tick; configuration before them stays."""
    ledger = Ledger(tmp_path)
    write(ledger, range(1, 3))
    seq = ledger.next_seq
    row, fact = (
        relayed_line(seq, b'{"c":1}', ("wh_policies", 0, 5, 0)),
        fact_line(seq + 1, "wh_events", b'{"f":2}'),
    )
    ledger.append([row, fact, record_line(seq + 2, EVENT)])
    ledger.close()
    ledger = Ledger(tmp_path)
    assert ledger.next_seq == seq + 1
    assert [line.seq for line in ledger.relayed] == [seq]
    assert ledger.committed == mark(seq - 1, 2, 3)
    ledger.close()


def test_damaged_tick_line_is_one_clear_error(tmp_path: Path) -> None:
    """A ledger that was edited or damaged is not continued."""
    (tmp_path / "00000000.jsonl").write_bytes(b'{"kind":"tick","seq":1,"tick":5}\n')
    with pytest.raises(LedgerError, match="is damaged"):
        Ledger(tmp_path)
