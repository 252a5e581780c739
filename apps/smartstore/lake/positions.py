"""How far each table covers each topic: kept in the commits of the table itself, so that both are written as one.

Every commit of the application carries the last offset covered by partition, maintenance too. A restart reads the
newest of them; where no commit has one any more, the rows themselves say it. No checkpoint of the query is needed.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from deltalake import DeltaTable

log = logging.getLogger("smartstore.lake.positions")

Covered = Mapping[str, Mapping[int, int]]
"""Last offset covered, by topic and partition; a partition that is absent has nothing covered."""
USER_METADATA = "userMetadata"
_FIELD = "smartstore_covers"
_RECENT_COMMITS = 50
_COORDINATES = ["kafka_partition", "kafka_offset"]


def encode(covered: Covered) -> str:
    """The text that goes into a commit."""
    return msgspec.json.encode({_FIELD: covered}).decode()


def decode(text: str | None) -> Covered | None:
    """What a commit says; None when it is not one of ours."""
    if not text or _FIELD not in text:
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, dict[str, dict[int, int]]])[_FIELD]
    except (msgspec.DecodeError, KeyError):
        return None


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
            covered = decode(commit.get(USER_METADATA))
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
