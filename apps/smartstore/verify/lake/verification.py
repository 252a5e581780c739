"""All tables of the lake, in the one order that is safe while it goes on.

1. Open the tables: from here on each is one version, with the positions that it covers. 2. Read the topics to their
ends, which lie beyond these positions. What the tables do not cover yet is no difference while the lake goes on.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from smartstore.contracts.topics import TOPICS, Topic
from smartstore.contracts.wire import TICK_KEY, from_epoch_ms
from smartstore.verify.differences import Check
from smartstore.verify.lake.derived import check_derived
from smartstore.verify.lake.newest import NewestComparison
from smartstore.verify.lake.once import Side, compare
from smartstore.verify.lake.tables import (
    PLACE,
    VERBATIM,
    Row,
    Table,
    Tables,
    columns_of,
    is_covered,
    name_of_place,
    place_of,
)
from smartstore.verify.topics import Range, Record, Topics

Progress = Callable[[str], None]

STILL_MS = 15 * 60 * 1000
"""A lake that has something to take and wrote nothing for so long before Kafka's newest record stands still."""


@dataclass
class _Lag:
    """What of all topics the tables do not cover."""

    records: int = 0
    newest_ms: int = 0
    """The newest of Kafka's timestamps."""


@dataclass(frozen=True)
class _Opened:
    topic: Topic
    table: Table | None
    quarantine: Table | None


def check_lake(tables: Tables, topics: Topics, progress: Progress) -> list[Check]:
    """Compare every table with its topic. Raises `LakeError` and `TopicsError`."""
    overview = Check("lake")
    if not tables.exist:
        overview.notes.append("not compared: it has no tables yet")
        return [overview]
    opened = [
        _Opened(topic, tables.open(topic.lake), tables.open(f"quarantine/{topic.name}"))
        for topic in TOPICS
        if topic.lake is not None
    ]
    for one in opened:
        if one.table is None:
            overview.differs("no table", str(one.topic.lake), "one, once the lake has begun", "none")
    derived = check_derived(tables)
    lag, checks = _Lag(), []
    for one in opened:
        progress(f"lake {one.topic.lake}")
        check = Check(f"lake {one.topic.lake}")
        _check(check, one, topics, lag)
        checks.append(check)
    written_ms = max((one.table.committed_ms for one in opened if one.table is not None), default=0)
    if stands_still(lag.records, lag.newest_ms, written_ms):
        found = f"{lag.records:,} records not taken, last written {from_epoch_ms(written_ms).isoformat()}"
        overview.differs("stands still", "the lake", "what the topics have", found)
    overview.compared = len(opened)
    overview.notes.append(
        f"compared as far as each table goes; {lag.records:,} records are still to be taken"
    )
    return [overview, *checks, *derived]


def stands_still(awaited: int, newest_ms: int, written_ms: int) -> bool:
    """Whether the lake has records to take and had stopped writing long before the newest one came (epoch ms)."""
    return awaited > 0 and newest_ms - written_ms > STILL_MS


def _check(check: Check, opened: _Opened, topics: Topics, lag: _Lag) -> None:
    """Compare one table."""
    comparison = _Comparison(check, opened, topics.ranges(opened.topic))
    comparison.read_table()
    for batch in topics.read(opened.topic):
        for message in batch:
            comparison.record(message, lag)
    comparison.finish()


class _Comparison:
    """One table and its quarantine against their topic."""

    def __init__(self, check: Check, opened: _Opened, ranges: dict[int, Range]) -> None:
        self._check, self._opened = check, opened
        self._topic = opened.topic
        self._columns = columns_of(opened.topic.value)
        self._oldest = {partition: one.low for partition, one in ranges.items()}
        self._covers = is_covered(opened.table.covered if opened.table else {}, self._topic.name)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(self._topic.value)
        self._due, self._found = Side(), Side()
        self._newest = NewestComparison(check)
        self._places: set[int] = set()
        """Where the rows of the quarantine come from, and those that no contract would let through."""

    def read_table(self) -> None:
        """Read the rows of both tables."""
        read = self._read_mirror if self._topic.line else self._read_keyed
        if self._opened.table is not None:
            for row in read(self._opened.table):
                place = place_of(row["kafka_partition"], row["kafka_offset"])
                if not self._covers(row["kafka_partition"], row["kafka_offset"]):
                    self._check.differs("is beyond its positions", name_of_place(place), "no row", "a row")
        if self._opened.quarantine is not None:
            self._read_quarantine(self._opened.quarantine)

    def record(self, message: Record, lag: _Lag) -> None:
        """Take the topic's next record."""
        if message.key() == TICK_KEY:
            return
        lag.newest_ms = max(lag.newest_ms, message.timestamp()[1])
        covered = self._covers(message.partition(), message.offset())
        if not covered:
            lag.records += 1
        place, value = place_of(message.partition(), message.offset()), message.value()
        if place in self._places:
            return
        if self._topic.line:
            if covered:
                self._due.add(place, _verbatim(message.key(), message.headers(), value), place)
            return
        record = self._decoded(value)
        if record is None:
            if covered:
                self._check.differs("is missing", name_of_place(place), "a row in its quarantine", "none")
        elif self._topic.cleanup == "compact":
            self._newest.record(self._key(record), record.version, _content(record), place, covered=covered)
        elif covered:
            self._due.add(self._key(record), _content(record), place)

    def finish(self) -> None:
        """After the last record."""
        if self._topic.cleanup == "compact":
            self._newest.finish()
        else:
            compare(self._check, self._due, self._found, self._oldest)

    def _read_mirror(self, table: Table) -> Iterator[Row]:
        for rows in table.rows(*self._columns, *PLACE, *VERBATIM):
            for row in rows:
                place = place_of(row["kafka_partition"], row["kafka_offset"])
                headers = [(header["key"], header["value"]) for header in row["kafka_headers"] or ()]
                self._found.add(place, _verbatim(row["kafka_key"], headers, row["kafka_value"]), place)
                record = self._decoded(row["kafka_value"])
                if record is not None and self._record_of(row) != record:
                    self._check.differs("columns differ", name_of_place(place), record, self._record_of(row))
                yield row

    def _read_keyed(self, table: Table) -> Iterator[Row]:
        for rows in table.rows(*self._columns, *PLACE):
            for row in rows:
                place, record = place_of(row["kafka_partition"], row["kafka_offset"]), self._record_of(row)
                if record is None:
                    self._check.differs("is no record", name_of_place(place), "a record of the contract", row)
                    self._places.add(place)
                elif self._topic.cleanup == "compact":
                    self._newest.row(self._key(record), record.version, _content(record), place)
                else:
                    self._found.add(self._key(record), _content(record), place)
                yield row

    def _read_quarantine(self, table: Table) -> None:
        for rows in table.rows(*PLACE, "kafka_value"):
            for row in rows:
                place = place_of(row["kafka_partition"], row["kafka_offset"])
                if place in self._places:
                    self._check.differs(
                        "is there twice", name_of_place(place), "one row", "two in quarantine"
                    )
                if self._decoded(row["kafka_value"]) is not None:
                    self._check.differs(
                        "is in quarantine", name_of_place(place), "a row in its table", "a record"
                    )
                self._places.add(place)

    def _key(self, record: Any) -> int:
        return hash(tuple([getattr(record, name) for name in self._topic.key]))

    def _decoded(self, value: bytes | None) -> Any:
        """The record; None where the contract does not let it through."""
        with suppress(msgspec.MsgspecError):
            return self._decoder.decode(value or b"")
        return None

    def _record_of(self, row: Row) -> Any:
        """The record that the row's columns make."""
        with suppress(msgspec.ValidationError):
            return msgspec.convert({name: row[name] for name in self._columns}, self._topic.value)
        return None


def _verbatim(key: bytes | None, headers: list[tuple[str, bytes]] | None, value: bytes | None) -> int:
    return hash((key, tuple(headers or ()), value))


def _content(record: Any) -> int:
    return hash(msgspec.json.encode(record))
