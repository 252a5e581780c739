"""Where a restart begins: from commits, from rows when no commit says it, and within what Kafka still has."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from smartstore.contracts.lake import Covered, decode_covered, encode_covered
from smartstore.lake import positions
from smartstore.lake.source import Extent, SourceMismatch, start_of

pytestmark = pytest.mark.unit


def _append(path: Path, rows: list[tuple[int, int]], covered: Covered | None) -> None:
    data = pa.table(
        {
            "kafka_partition": pa.array([partition for partition, _ in rows], pa.int32()),
            "kafka_offset": pa.array([offset for _, offset in rows], pa.int64()),
        }
    )
    custom: dict[str, Any] = {} if covered is None else {"userMetadata": encode_covered(covered)}
    write_deltalake(
        str(path), data, mode="append", commit_properties=CommitProperties(custom_metadata=custom)
    )


def test_positions_survive_the_text_of_a_commit() -> None:
    covered = {"shelf_events": {0: 5, 11: 7}}
    assert decode_covered(encode_covered(covered)) == covered
    assert list(json.loads(encode_covered(covered))) == ["smartstore_covers"]


@pytest.mark.parametrize("text", [None, "", "by hand", '{"smartstore_covers": 3}', '{"smartstore_covers"'])
def test_commits_of_others_say_nothing(text: str | None) -> None:
    assert decode_covered(text) is None


def test_the_newest_commit_that_says_something_counts(tmp_path: Path) -> None:
    _append(tmp_path, [(0, 1)], {"t": {0: 1}})
    _append(tmp_path, [(0, 2)], {"t": {0: 9}})
    for _ in range(60):
        DeltaTable(str(tmp_path)).alter.set_table_properties(
            {"delta.logRetentionDuration": "interval 30 days"}
        )
    assert positions.read(DeltaTable(str(tmp_path)), "t") == {"t": {0: 9}}


def test_without_such_a_commit_the_rows_say_it(tmp_path: Path) -> None:
    _append(tmp_path, [(0, 3), (1, 8), (0, 4)], None)
    assert positions.read(DeltaTable(str(tmp_path)), "t") == {"t": {0: 4, 1: 8}}
    assert positions.read(DeltaTable(str(tmp_path)), None) == {}


def test_a_position_never_falls_back() -> None:
    covered = positions.advanced({"t": {0: 5}, "u": {0: 1}}, "t", {0: 3, 1: 2})
    assert covered == {"t": {0: 5, 1: 2}, "u": {0: 1}}


def test_a_topic_of_two_tables_begins_with_the_slower_one() -> None:
    assert positions.slowest([{"t": {0: 5, 1: 4}}, {"t": {0: 3}}], "t") == {0: 3, 1: -1}
    assert positions.slowest([{"t": {0: 5}}, {}], "t") == {0: -1}


def test_reading_begins_after_what_is_covered() -> None:
    start = start_of({"t": {0: 4}}, {"t": {0: Extent(0, 10), 1: Extent(0, 3)}})
    assert start.offsets == {"t": {0: 5, 1: 0}}
    assert start.missed == {}


def test_what_kafka_deleted_before_it_was_read_is_told() -> None:
    start = start_of({"t": {0: 4, 1: -1}}, {"t": {0: Extent(8, 10), 1: Extent(2, 3)}})
    assert start.offsets == {"t": {0: 8, 1: 2}}
    assert start.missed == {"t": 3}


def test_a_topic_made_anew_is_refused() -> None:
    with pytest.raises(
        SourceMismatch, match="the lake covers t, partition 0 up to offset 4, but the topic ends"
    ):
        start_of({"t": {0: 4}}, {"t": {0: Extent(0, 4)}})
