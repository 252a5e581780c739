"""Reading the ledger: order, damage, and what is still being written."""

import pytest

from smartstore.verify.ledger import Ledger, LedgerError
from smartstore.verify.ledger_index import read_index


def test_a_partial_last_line_ends_the_ledger(small):
    small.open()
    ledger = small.write()
    with small.file.open("a") as file:
        file.write('{"kind":"event","seq":4,"line":"shelf_ev')
    assert [line.seq for _, line in ledger.lines()] == [0, 1, 2, 3]


def test_a_location_finds_its_line_again_across_files(small, tmp_path):
    small.open()
    small.write()
    first, rest = small.file.read_text().split("\n", 1)
    small.file.write_text(first + "\n")
    (tmp_path / "00000002.jsonl").write_text(rest)
    ledger = Ledger(tmp_path)
    for location, line in list(ledger.lines()):
        assert ledger.line_at(location) == line


def test_a_gap_in_the_sequence_is_an_error(small):
    small.open()
    del small.lines[2]
    with pytest.raises(LedgerError, match="sequence 3 where 2 should follow"):
        list(small.write().lines())


def test_a_ledger_without_the_acknowledged_tick_is_not_the_right_one(small, minute):
    with pytest.raises(LedgerError, match="is it the ledger of this run"):
        read_index(small.open().write(), minute(10), print)


def test_no_ledger_says_what_to_set(tmp_path):
    with pytest.raises(LedgerError, match="SMARTSTORE_LEDGER_DIR"):
        Ledger(tmp_path / "nowhere")


def test_what_follows_the_last_tick_is_not_replayed(small):
    small.open().move(6, "pickup", 1)
    assert list(small.replay().shelves.find(("s1", "f1")).versions) == [small.last_tick]


def test_counts_stop_at_the_acknowledged_tick(small, minute):
    small.open().move(6, "pickup", 1)
    small.event("shelf_events", 6, "duplicate", event_id="e3")
    small.put("broken", line="shelf_events", raw="{", store_id="s1")
    small.tick(10)
    small.move(11, "pickup", 1)
    small.tick(15)
    index = read_index(small.write(), minute(10), print)
    assert index.data_lines == {"store_config": 1, "stock_counts": 1, "shelf_events": 3}
    assert index.duplicates["shelf_events"] == 1
    emitted = index.emitted["shelf_events", "s1"]
    assert (emitted.due, len(emitted.contents), index.refused_due) == (1, 2, 1)


def test_an_event_more_than_a_day_old_must_be_refused(small):
    small.open().move(5 - 24 * 60, "pickup", 1)
    small.move(5 - 24 * 60 - 1, "pickup", 1)
    small.tick(10)
    index = small.index()
    assert [text.too_old for text in index.refused] == [True]
    assert small.replay().shelves.find(("s1", "f1")).balance_at(small.last_tick) == 7
