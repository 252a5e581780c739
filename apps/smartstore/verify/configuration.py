"""Rows of configuration against what the source relayed to each store: all of them, as they are, in their order.

A row that was compacted away cannot be compared. Rows behind the last one relayed of their partition are still to come.
A store that opens later is told of the rows in force then, and of each row after them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from smartstore.contracts.derive.columns import columns_of
from smartstore.contracts.events import OPENING, StoreConfig
from smartstore.contracts.topics import CONFIG_TOPICS, Topic
from smartstore.contracts.wire import derived_id
from smartstore.verify.differences import Check
from smartstore.verify.topics import Record

_TOPIC_OF: dict[str, Topic] = {topic.config: topic for topic in CONFIG_TOPICS if topic.config}


@dataclass(frozen=True)
class Row:
    """One row as its topic has it. `content` is None where it does not fit the contract."""

    topic: Topic
    partition: int
    offset: int
    key: str
    store_id: str | None
    deleted: bool
    content: Any

    def holds_in(self, store_id: str) -> bool:
        """Whether the store has the row from then on."""
        return not self.deleted and self.store_id in (None, store_id)

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.topic.name} partition {self.partition} offset {self.offset}"


@dataclass(frozen=True)
class _Told:
    """What a store was told last of a partition or of a key."""

    row: Row
    record: StoreConfig


class RelayComparison:
    """Feed it the rows of each topic, then the records relayed in the order of emission, then `finish`."""

    def __init__(self, check: Check, opened: Mapping[str, int]) -> None:
        """`opened`: how many records were relayed before each store was opened."""
        self._check, self._opened = check, opened
        self._relayed = 0
        self._until: dict[str, dict[tuple[str, int], int]] = {}
        """By store opened while the run went on: the last offset relayed before, by topic and partition."""
        self._rows: dict[tuple[str, str], list[Row]] = {}
        """By topic and key, in the order of offsets."""
        self._next: dict[tuple[str, int], int] = {}
        """The offset that follows, by topic and partition."""
        self._incomplete: Counter[str] = Counter()
        self._seen: set[tuple[str, str, int, int]] = set()
        """Store, topic, partition, offset of what was relayed."""
        self._last: dict[tuple[str, str, int], _Told] = {}
        """By store, topic and partition."""
        self._state: dict[tuple[str, str, str], _Told] = {}
        """By store, topic and key."""
        self._bounds: dict[tuple[str, int], int] = {}
        """The last offset relayed, by topic and partition."""

    def rows(self, topic: Topic, messages: Iterable[Record]) -> None:
        """Take all that a topic has."""
        for message in messages:
            place = topic.name, message.partition()
            self._incomplete[topic.name] += message.offset() - self._next.get(place, 0)
            self._next[place] = message.offset() + 1
            row = _row_of(topic, message)
            if row is not None:
                self._rows.setdefault((topic.name, row.key), []).append(row)

    def record(self, record: StoreConfig) -> None:
        """Take the next record relayed to its store."""
        self._note_opened()
        self._relayed += 1
        topic, content = _TOPIC_OF[record.kind], getattr(record, record.kind)
        key = getattr(content, topic.key[0])
        row = self._origin(topic, key, record)
        where = f"{topic.name} {record.store_id} {key}"
        if row is None:
            if not self._incomplete[topic.name]:
                self._check.differs(
                    "is no row of its topic", where, "a row with this event_id", record.event_id
                )
            return
        relayed = record.store_id, topic.name, row.partition, row.offset
        if relayed in self._seen:
            return
        self._seen.add(relayed)
        self._check.compared += 1
        self._compare(row, record, content)
        place = topic.name, row.partition
        self._bounds[place] = max(row.offset, self._bounds.get(place, 0))
        if not _is_opening(record, key):
            self._in_order(row, record)
        self._state[record.store_id, topic.name, key] = _Told(row, record)

    def finish(self) -> None:
        """Report rows that a store was not told of, and deleted ones that it still has."""
        self._note_opened()
        for rows in self._rows.values():
            due = [row for row in rows if row.offset <= self._bounds.get((row.topic.name, row.partition), -1)]
            for store in self._opened:
                for row in self._owed(due, store):
                    if self._must_know(row, store):
                        self._check.differs("was not relayed", row.place, f"a record for {store}", "none")
                if due and due[-1].topic.config != "profile" and not due[-1].holds_in(store):
                    self._must_have_forgotten(due[-1], store)

    def _note_opened(self) -> None:
        """Remember for the stores that open now how far rows were relayed."""
        for store, before in self._opened.items():
            if 0 < before <= self._relayed and store not in self._until:
                self._until[store] = dict(self._bounds)

    def _owed(self, rows: list[Row], store: str) -> list[Row]:
        """The rows of one key that a store was to be told of: of those before it opened, the last one."""
        until = self._until.get(store, {})
        after = [row for row in rows if row.offset > until.get((row.topic.name, row.partition), -1)]
        before = len(rows) - len(after)
        return rows[max(before - 1, 0) : before] + after

    def _origin(self, topic: Topic, key: str, record: StoreConfig) -> Row | None:
        rows = self._rows.get((topic.name, key), ())
        if _is_opening(record, key):
            return self._in_force(rows, getattr(record, record.kind))
        ids = (derived_id(record.kind, record.store_id, key, row.offset) for row in rows)
        return next((row for row, wanted in zip(rows, ids, strict=True) if wanted == record.event_id), None)

    def _in_force(self, rows: Sequence[Row], content: Any) -> Row | None:
        """The row with this content; the last one of those that were relayed, or one that reached no store yet."""
        same = [row for row in rows if row.content == content and not row.deleted]
        relayed = [row for row in same if row.offset <= self._bounds.get((row.topic.name, row.partition), -1)]
        return next(iter([*reversed(relayed), *same]), None)

    def _compare(self, row: Row, record: StoreConfig, content: Any) -> None:
        wanted = "upsert" if row.holds_in(record.store_id) else "delete"
        if record.op != wanted:
            self._check.differs("other operation", f"{row.place} for {record.store_id}", wanted, record.op)
        if row.content is not None and row.content != content:
            self._check.differs("content differs", f"{row.place} for {record.store_id}", row.content, content)

    def _in_order(self, row: Row, record: StoreConfig) -> None:
        """Emitted in the topic's order, and with times that keep it within a tick."""
        place = record.store_id, row.topic.name, row.partition
        before = self._last.get(place)
        self._last[place] = _Told(row, record)
        if before is None:
            return
        if row.offset < before.row.offset or record.timestamp <= before.record.timestamp:
            moments: tuple[datetime, datetime] = before.record.timestamp, record.timestamp
            found = f"offset {before.row.offset} at {moments[0]}, then {row.offset} at {moments[1]}"
            self._check.differs(
                "out of order", f"{row.place} for {record.store_id}", "later than before", found
            )

    def _must_know(self, row: Row, store: str) -> bool:
        """Whether a row should have been relayed to the store and was not; a profile of its own hides one for all."""
        if row.content is None or not row.holds_in(store):
            return False
        own = f"{store}/{row.key.partition('/')[2]}"
        if row.topic.config == "profile" and row.store_id is None and (row.topic.name, own) in self._rows:
            return False
        return (store, row.topic.name, row.partition, row.offset) not in self._seen

    def _must_have_forgotten(self, row: Row, store: str) -> None:
        told = self._state.get((store, row.topic.name, row.key))
        if told is not None and told.record.op == "upsert":
            self._check.differs(
                "is still held", f"{row.place} for {store}", "deleted", f"as of {told.row.place}"
            )


def _is_opening(record: StoreConfig, key: str) -> bool:
    """Whether it tells a store that opens of a row in force."""
    return record.event_id == derived_id(record.kind, record.store_id, key, OPENING)


def _row_of(topic: Topic, message: Record) -> Row | None:
    """The row of a message; None for a tombstone and for what is no row at all."""
    try:
        columns = msgspec.json.decode(message.value() or b"null")
    except msgspec.DecodeError:
        return None
    if not isinstance(columns, dict) or not isinstance(columns.get(topic.key[0]), str):
        return None
    return Row(
        topic=topic,
        partition=message.partition(),
        offset=message.offset(),
        key=columns[topic.key[0]],
        store_id=columns.get("store_id"),
        deleted=str(columns.get("__deleted")).lower() == "true",
        content=_content(topic, columns),
    )


def _content(topic: Topic, columns: dict[str, Any]) -> Any:
    """The contract record in a row; numbers may be strings, and dates may name their zone."""
    given = {}
    for column in columns_of(topic.value):
        value = columns.get(column.name)
        if isinstance(value, str) and column.type == "date":
            value = value[:10]
        if isinstance(value, str) and column.type == "integer" and "." in value:
            value = value[: value.index(".")]
        if value is not None:
            given[column.name] = value
    try:
        return msgspec.convert(given, topic.value, strict=False)
    except msgspec.ValidationError:
        return None
