"""How rows of the lake are compared, by hand-made rows; the tables themselves are tests/integration/lake's."""

import subprocess
import sys

import pytest

from smartstore.verify.differences import Check
from smartstore.verify.lake.newest import NewestComparison
from smartstore.verify.lake.once import Side, compare
from smartstore.verify.lake.tables import is_covered, name_of_place, place_of
from smartstore.verify.lake.verification import stands_still

Rows = list[tuple[int, int, int]]


def _side(rows: Rows) -> Side:
    side = Side()
    for row in rows:
        side.add(*row)
    return side


def _once(topic: Rows, table: Rows, oldest: dict[int, int] | None = None) -> Check:
    check = Check("lake")
    compare(check, _side(topic), _side(table), oldest or {})
    return check


@pytest.mark.parametrize(
    ("topic", "table", "kinds"),
    [
        ([], [], {}),
        ([(1, 10, 0), (2, 20, 1)], [(2, 20, 1), (1, 10, 0)], {}),
        ([(1, 10, 0), (1, 10, 5)], [(1, 10, 0)], {}),
        ([(1, 10, 0)], [], {"is missing": 1}),
        ([(1, 10, 0)], [(1, 11, 0)], {"content differs": 1}),
        ([(1, 10, 0)], [(1, 10, 0), (1, 10, 0)], {"is there twice": 1}),
        ([], [(3, 10, 7)], {"is not on its topic": 1}),
        ([(1, 10, 0), (2, 20, 1)], [(3, 20, 1)], {"is missing": 2, "is not on its topic": 1}),
    ],
)
def test_each_record_is_there_once(topic: Rows, table: Rows, kinds: dict[str, int]) -> None:
    assert _once(topic, table).kinds() == kinds


def test_rows_that_kafka_no_longer_has_are_no_difference() -> None:
    check = _once(
        [(9, 90, place_of(1, 100))], [(9, 90, place_of(1, 100)), (8, 80, place_of(1, 99))], {1: 100}
    )
    assert (check.total, check.compared) == (0, 1)
    assert check.notes == ["1 rows are older than what Kafka keeps"]


def test_a_place_names_partition_and_offset() -> None:
    assert name_of_place(place_of(11, 5_000_000_000)) == "partition 11 offset 5000000000"
    covers = is_covered({"t": {0: 7}}, "t")
    assert [covers(0, 7), covers(0, 8), covers(1, 0)] == [True, False, False]


def test_a_lake_that_goes_on_is_no_difference_however_far_behind() -> None:
    minute = 60_000
    assert not stands_still(5_000_000, 100 * minute, 99 * minute)
    assert not stands_still(0, 100 * minute, 10 * minute)
    assert stands_still(1, 100 * minute, 80 * minute)


def _newest(rows: Rows, records: list[tuple[int, int, int, bool]]) -> dict[str, int]:
    """Rows: key, version, content; records: key, version, content, covered."""
    check = Check("lake")
    comparison = NewestComparison(check)
    for key, version, content in rows:
        comparison.row(key, version, content, 0)
    for place, (key, version, content, covered) in enumerate(records):
        comparison.record(key, version, content, place, covered=covered)
    comparison.finish()
    return check.kinds()


@pytest.mark.parametrize(
    ("rows", "records", "kinds"),
    [
        ([(1, 5, 50)], [(1, 4, 40, True), (1, 5, 50, True), (1, 6, 60, False)], {}),
        ([(1, 5, 50)], [(1, 5, 50, True), (1, 4, 40, True)], {}),
        ([(1, 5, 50)], [(1, 6, 60, False)], {}),
        ([], [(1, 6, 60, False)], {}),
        ([(1, 4, 40)], [(1, 4, 40, True), (1, 5, 50, True)], {"is behind": 1}),
        ([], [(1, 5, 50, True)], {"is missing": 1}),
        ([(1, 5, 51)], [(1, 5, 50, True)], {"content differs": 1}),
        ([(1, 5, 50), (1, 5, 50)], [(1, 5, 50, True)], {"is there twice": 1}),
        ([(2, 5, 50)], [], {"is not on its topic": 1}),
        ([(1, 7, 70)], [(1, 5, 50, True)], {"is not on its topic": 1}),
    ],
)
def test_a_row_has_the_newest_version_that_is_covered(
    rows: Rows, records: list[tuple[int, int, int, bool]], kinds: dict[str, int]
) -> None:
    assert _newest(rows, records) == kinds


def test_the_books_are_verified_where_nothing_can_read_tables() -> None:
    """In a cluster the image that does it has no such library; the lake has a task and an image of its own."""
    code = "import sys, smartstore.verify.__main__; sys.exit('deltalake' in sys.modules or 'pyarrow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
