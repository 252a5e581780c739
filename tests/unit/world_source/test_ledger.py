"""The ledger on disk: what is committed stays, the rest is cut off, and nothing is read twice."""

import json
from pathlib import Path

import pytest

from smartstore.contracts.settings import RunSettings
from smartstore.contracts.topics import DAY_MS
from smartstore.world.ledger import Ledger, LedgerError
from smartstore.world.ledger_lines import (
    DECODE_LINE,
    Record,
    entry_of_line,
    record_line,
    relayed_line,
    run_line,
    tick_line,
)

pytestmark = pytest.mark.unit

TICK = 300_000
EVENT = Record("event", "shelf_events", b'{"a":1}')


def write(ledger: Ledger, ticks: range, records: int = 3) -> None:
    """Ticks with so many records each; the run line first."""
    if ledger.next_seq == 0:
        ledger.append([run_line(RunSettings(name="t"), ["s1"])])
    for tick in ticks:
        seq = ledger.next_seq
        lines = [record_line(seq + n, EVENT) for n in range(records)]
        lines.append(tick_line(seq + records, tick * TICK, ["s1"], records, 7, {0: tick}))
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
    rows = [relayed_line(seq, b'{"c":1}', (0, 5, 1)), relayed_line(seq + 1, b'{"c":2}', (0, 5, 0))]
    ledger.append([*rows, relayed_line(seq + 2, b'{"c":3}', (0, 6, 1))])
    ledger.close()
    ledger = Ledger(tmp_path)
    assert ledger.next_seq == seq + 2
    assert [line.seq for line in ledger.relayed] == [seq, seq + 1]
    ledger.append([record_line(seq + 2, EVENT)])
    ledger.close()
    ledger = Ledger(tmp_path)
    assert ledger.next_seq == seq + 2
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


def test_damaged_tick_line_is_one_clear_error(tmp_path: Path) -> None:
    """A ledger that was edited or damaged is not continued."""
    (tmp_path / "00000000.jsonl").write_bytes(b'{"kind":"tick","seq":1,"tick":5}\n')
    with pytest.raises(LedgerError, match="is damaged"):
        Ledger(tmp_path)
