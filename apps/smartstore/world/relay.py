"""Configuration from Postgres in band: rows of `CONFIG_TOPICS` become `store_config` records.

Rows come as plain JSON from Debezium with `ExtractNewRecordState` and deletes rewritten: all columns, plus `__deleted`.
Numbers may be strings; a column that is missing or null is not set. A row that cannot be understood goes through the
stream `dead_letters`, and so does one that belongs to no store at all, and the deletion of a profile.

Each row has a timestamp of its own, a millisecond after the row before and after what the source itself says of its
shelves: a store takes records of one tick in the order of their timestamps, and the last edit must win.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from smartstore.contracts.derive.columns import columns_of
from smartstore.contracts.events import ConfigKind, StoreConfig
from smartstore.contracts.outputs import DeadLetter
from smartstore.contracts.topics import BY_NAME, CONFIG_TOPICS, Topic
from smartstore.contracts.wire import derived_id, key_of

Positions = dict[str, dict[int, int]]
"""The next offset to relay, by topic and partition."""
_KINDS: dict[str, ConfigKind] = {topic.name: topic.config for topic in CONFIG_TOPICS if topic.config}
_KEYS = {topic.config: topic.key for topic in CONFIG_TOPICS}
_DELETED = "__deleted"
_APART = timedelta(milliseconds=1)


class ConfigRow(Struct, frozen=True):
    """One message of a configuration topic; `value` is None for a tombstone."""

    topic: str
    partition: int
    offset: int
    value: bytes | None


class RowError(ValueError):
    """A row that cannot be relayed; the text says why."""


class ConfigRelay:
    """Knows which store each row was last sent to.

    So a store loses a policy that moved to another one, and a profile for all passes over stores with one of their own.
    """

    def __init__(self, stores: Sequence[str]) -> None:
        self._stores = tuple(stores)
        self._scopes: dict[ConfigKind, dict[str, str | None]] = {kind: {} for kind in _KINDS.values()}
        """Key of each row → its store, None for all."""
        self._last: datetime | None = None
        """Timestamp of the last row relayed."""
        self.positions: Positions = {}

    def records(self, row: ConfigRow, moment: datetime) -> list[StoreConfig]:
        """The records that bring a row to the stores concerned, after `moment`; none if it was relayed before.

        Raises:
            RowError: the row is not what its topic says, belongs to none of the stores, or deletes a profile.
        """
        positions = self.positions.setdefault(row.topic, {})
        if row.offset < positions.get(row.partition, 0):
            return []
        positions[row.partition] = row.offset + 1
        if row.value is None:
            return []
        topic, kind = BY_NAME[row.topic], _KINDS[row.topic]
        content, deleted = decode_row(topic, row.value)
        key = key_of(topic.key, content)
        before, after = self._move(kind, key, content.store_id, deleted=deleted)
        self._last = (moment if self._last is None else max(moment, self._last)) + _APART
        return [
            StoreConfig(
                event_id=derived_id(kind, store, key, row.offset),
                store_id=store,
                timestamp=self._last,
                kind=kind,
                op="upsert" if store in after else "delete",
                **{kind: content},
            )
            for store in self._stores
            if store in after or store in before
        ]

    def restore(self, snapshot: bytes) -> None:
        """Continue from a snapshot."""
        self._scopes, self._last, self.positions = msgspec.msgpack.decode(
            snapshot, type=tuple[dict[ConfigKind, dict[str, str | None]], datetime | None, Positions]
        )

    def snapshot(self) -> bytes:
        """Scopes, time and positions."""
        return msgspec.msgpack.encode((self._scopes, self._last, self.positions))

    def note(self, record: StoreConfig) -> None:
        """Take over what a record relayed before says, on the way from a snapshot to the end of the ledger."""
        content, scopes = getattr(record, record.kind), self._scopes[record.kind]
        key = key_of(_KEYS[record.kind], content)
        self._last = record.timestamp
        if record.op == "upsert":
            scopes[key] = content.store_id
        elif scopes.get(key) in (None, record.store_id):
            scopes.pop(key, None)

    def _move(
        self, kind: ConfigKind, key: str, store_id: str | None, *, deleted: bool
    ) -> tuple[Sequence[str], Sequence[str]]:
        """Give the row a new scope: the stores that have had it, or might have, and those that have it from now on."""
        scopes, after = self._scopes[kind], self._concerned(store_id)
        known = key in scopes
        before = self._concerned(scopes[key]) if known else ()
        if deleted:
            if kind == "profile":
                raise RowError(
                    "a profile cannot be deleted: a shelf with stock does not vanish; its profile stays"
                )
            scopes.pop(key, None)
            return (before if known else after), ()
        if not after and not before:
            raise RowError(f"`store_id` {store_id!r} is not a store of this run")
        scopes[key] = store_id
        if kind == "profile" and store_id is None:
            return (), self._without_own(key)
        return before, after

    def _concerned(self, store_id: str | None) -> Sequence[str]:
        if store_id is None:
            return self._stores
        return (store_id,) if store_id in self._stores else ()

    def _without_own(self, key: str) -> Sequence[str]:
        """The stores that have no profile of their own for the shelf of a profile for all."""
        shelf, scopes = key.partition("/")[2], self._scopes["profile"]
        return [store for store in self._stores if f"{store}/{shelf}" not in scopes]


def decode_row(topic: Topic, value: bytes) -> tuple[Any, bool]:
    """The contract record of `topic` in a row, and whether the row was deleted.

    Raises:
        RowError: names the field that is wrong.
    """
    try:
        row = msgspec.json.decode(value)
        if not isinstance(row, dict):
            raise RowError("a row must be a JSON object")
        deleted = str(row.pop(_DELETED, "false")).lower() == "true"
        missing = next((name for name in topic.key if row.get(name) is None), None)
        if missing is not None:
            raise RowError(f"Object missing required field `{missing}`")
        return msgspec.convert(_lenient(topic, row), topic.value, strict=False), deleted
    except msgspec.MsgspecError as error:
        raise RowError(str(error)) from None


def refused_row(row: ConfigRow, reason: str) -> DeadLetter:
    """The dead letter of a row that cannot be relayed."""
    return DeadLetter(
        dead_letter_id=derived_id(_KINDS[row.topic], row.topic, row.partition, row.offset),
        source=row.topic,
        position=f"{row.partition}/{row.offset}",
        store_id=None,
        event_id=None,
        reason=reason,
        field=None,
        value=(row.value or b"").decode(errors="backslashreplace"),
    )


def _lenient(topic: Topic, row: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as a contract wants them: no nulls, no decimals in whole numbers, times with a zone, dates without."""
    columns: dict[str, Any] = {}
    for column in columns_of(topic.value):
        value = row.get(column.name)
        if isinstance(value, str):
            value = _PLAIN.get(str(column.type), str)(value)
        if value is not None:
            columns[column.name] = value
    return columns


def _whole(text: str) -> str:
    return text.rstrip("0").rstrip(".") if text.rstrip("0").endswith(".") else text


def _with_zone(text: str) -> str:
    clock = text.replace(" ", "T", 1).rpartition("T")[2]
    return text if clock.endswith(("Z", "z")) or "+" in clock or "-" in clock else f"{text}Z"


def _bare_date(text: str) -> str:
    """Debezium writes a date with the zone of its days, UTC."""
    return text.removesuffix("Z")


_PLAIN: Mapping[str, Callable[[str], str]] = {"integer": _whole, "timestamp": _with_zone, "date": _bare_date}
