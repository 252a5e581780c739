"""Each kind of difference is found, and only that one."""

from msgspec.structs import replace

from smartstore.contracts import topics
from smartstore.verify.compare import Comparison, Repeats
from smartstore.verify.differences import Check
from smartstore.verify.table_checks import key_of


def history_of_three_ticks(small):
    small.open()
    small.move(6, "pickup", 1)
    small.tick(10)
    small.move(11, "pickup", 1)
    small.tick(15)
    return small.replay()


def compare(truth, rows, until, **options):
    check = Check("shelves")
    comparison = Comparison(check, truth.shelves, until)
    for row in rows:
        comparison.row(key_of(topics.SHELF_STATE, row), row)
    comparison.finish(**options)
    return check


def rows_of(truth, index):
    return [truth.shelves.find(("s1", "f1")).record(index)]


def test_a_row_at_or_after_the_acknowledged_tick_is_clean(small, minute):
    truth = history_of_three_ticks(small)
    assert compare(truth, rows_of(truth, 1), minute(15)).total == 0
    assert compare(truth, rows_of(truth, 2), minute(10)).total == 0


def test_a_row_behind_the_acknowledged_tick(small, minute):
    truth = history_of_three_ticks(small)
    assert compare(truth, rows_of(truth, 0), minute(15)).kinds() == {"is behind": 1}


def test_a_changed_value_names_its_field(small, minute):
    truth = history_of_three_ticks(small)
    (row,) = rows_of(truth, 2)
    check = compare(truth, [replace(row, current_stock=99)], minute(20))
    (difference,) = check.differences
    assert (difference.what, difference.expected, difference.found) == ("current_stock differs", "6", "99")


def test_a_missing_and_a_foreign_row(small, minute):
    truth = history_of_three_ticks(small)
    (row,) = rows_of(truth, 2)
    assert compare(truth, [], minute(20)).kinds() == {"is missing": 1}
    assert compare(truth, [], minute(5)).kinds() == {}
    assert compare(truth, [], minute(20), complete=False).kinds() == {}
    assert compare(truth, [row, replace(row, shelf_id="f7")], minute(20)).kinds() == {"should not exist": 1}


def test_a_version_that_never_was(small, minute):
    truth = history_of_three_ticks(small)
    (row,) = rows_of(truth, 2)
    assert compare(truth, [replace(row, version=row.version + 1)], minute(20)).kinds() == {
        "unexpected version": 1
    }


def repeats(truth, *records, compacted=False):
    check = Check("topic")
    found = Repeats(check, truth.shelves)
    for version, value in records:
        found.record(0, version, value)
    found.finish(compacted=compacted)
    return check.kinds()


def test_repeats_are_allowed_with_the_same_bytes_only(small):
    truth = history_of_three_ticks(small)
    assert repeats(truth, (1, b"a"), (2, b"b"), (1, b"a"), (2, b"b"), (3, b"c")) == {}
    assert repeats(truth, (1, b"a"), (2, b"b"), (1, b"x")) == {"a repeat has other bytes": 1}


def test_versions_of_a_key_do_not_fall(small):
    truth = history_of_three_ticks(small)
    assert repeats(truth, (1, b"a"), (3, b"c"), (2, b"b")) == {"version falls": 1}
    assert repeats(truth, (1, b"a"), (3, b"c"), (2, b"b"), compacted=True) == {}


def test_only_the_first_of_many_are_kept(small, minute):
    check = Check("many")
    for number in range(120):
        check.differs("is missing", str(number), 1, 0)
    assert (check.total, len(check.differences)) == (120, Check.KEPT)
