"""How far each table covers each topic: kept in the commits of the table itself, so that both are written as one.

Every commit of the application carries the last offset covered by partition, maintenance too. A restart reads the
newest of them; where no commit has one any more, the rows themselves say it. No checkpoint of the query is needed.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from deltalake import DeltaTable

from smartstore.contracts.lake import COVERED_IN, Covered, decode_covered

log = logging.getLogger("smartstore.lake.positions")

_RECENT_COMMITS = 50
_COORDINATES = ["kafka_partition", "kafka_offset"]


def advanced(covered: Covered, topic: str, ends: Mapping[int, int]) -> Covered:
    """The positions after a topic was covered up to `ends` too; a position never falls back."""
    known = covered.get(topic, {})
    merged = {**known, **{p: max(end, known.get(p, -1)) for p, end in ends.items()}}
    return {**covered, topic: dict(sorted(merged.items()))}


def slowest(covers: list[Covered], topic: str) -> dict[int, int]:
    """The positions up to which all tables cover a topic; -1 where one of them covers nothing."""
    positions = [covered.get(topic, {}) for covered in covers]
    partitions = {partition for known in positions for partition in known}
    return {p: min(known.get(p, -1) for known in positions) for p in sorted(partitions)}


def open_table(location: str) -> DeltaTable | None:
    """The table, or None where there is none."""
    return DeltaTable(location) if DeltaTable.is_deltatable(location) else None


def read(table: DeltaTable, topic: str | None) -> Covered:
    """What a table covers. `topic`: the one whose coordinates its rows carry, if they do.

    A table that says nothing, neither by its commits nor by its rows, covers nothing.
    """
    for limit in (_RECENT_COMMITS, None):  # the second look is for a table that others worked on
        for commit in table.history(limit):
            covered = decode_covered(commit.get(COVERED_IN))
            if covered is not None:
                return covered
    return {topic: dict(_of_rows(table))} if topic is not None else {}


def _of_rows(table: DeltaTable) -> Iterator[tuple[int, int]]:
    """Per partition the largest offset among the rows: a lower bound, exact where every record left a row."""
    if not {field.name for field in table.schema().fields} >= set(_COORDINATES):
        return
    rows: Any = table.to_pyarrow_dataset().to_table(columns=_COORDINATES)
    largest = rows.drop_null().group_by("kafka_partition").aggregate([("kafka_offset", "max")]).to_pylist()
    for row in sorted(largest, key=lambda row: row["kafka_partition"]):
        yield row["kafka_partition"], row["kafka_offset_max"]
    if largest:
        log.warning("no commit of %s says how far it goes; its rows do", table.table_uri)
