"""Which records are let in: each is checked against its contract, its key's store and the clock, and gets an answer.

A reason begins with one word for machines, as in the dead letters: malformed, unknown_topic, unknown_store, forbidden,
too_old, too_early.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import MsgspecError, Struct

from smartstore.contracts import topics as contract
from smartstore.contracts.events import Event, StoreConfig
from smartstore.contracts.topics import Topic
from smartstore.contracts.wire import decoder, encode
from smartstore.gateway.keys import ValidKey
from smartstore.ingest.dedup import WINDOW_MS
from smartstore.ingest.refusal import explain, unacceptable

EVENT_TOPICS = {
    topic.name: topic
    for topic in (
        contract.SHELF_EVENTS,
        contract.POS_TRANSACTIONS,
        contract.STOCK_COUNTS,
        contract.STORE_CONFIG,
        contract.FOOT_TRAFFIC,
        contract.WH_EVENTS,
        contract.STORES,
    )
}
"""What `/v1/events` takes."""
CONFIG_KINDS = ("profile", "promotion")
"""What it takes of `store_config`."""
COMMAND_TOPICS = {contract.COMMANDS.name: contract.COMMANDS}
"""What `/v1/commands` takes."""
TOPIC = "topic"
"""The field beside a record's own that says what it is."""
_WINDOW = timedelta(milliseconds=WINDOW_MS)


class Accepted(Struct, frozen=True):
    """A good record as it goes to its stream."""

    topic: str
    value: bytes


class Refused(Struct, frozen=True, omit_defaults=True):
    """A bad record: its place in the request (from 0), and what is wrong with it."""

    index: int
    reason: str
    event_id: str | None = None
    topic: str | None = None
    field: str | None = None


class Admission:
    """Judges the records of one request."""

    def __init__(
        self, key: ValidKey, stores: frozenset[str], now: datetime | None, allowed: dict[str, Topic]
    ) -> None:
        """`stores`: those that take records; `now`: the last tick, None before the first; `allowed`: topics by name."""
        self._key, self._stores, self._now, self._allowed = key, stores, now, allowed

    def judge_all(self, records: Sequence[bytes]) -> tuple[list[Accepted], list[Refused]]:
        """The good records and the bad ones, each in their order."""
        accepted: list[Accepted] = []
        refused: list[Refused] = []
        for index, raw in enumerate(records):
            verdict = self.judge(index, raw)
            if isinstance(verdict, Accepted):
                accepted.append(verdict)
            else:
                refused.append(verdict)
        return accepted, refused

    def judge(self, index: int, raw: bytes) -> Accepted | Refused:
        """The verdict on one record, given as JSON text with its `topic`."""
        try:
            given = msgspec.json.decode(raw)
        except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return Refused(index, explain(error)[0])
        if not isinstance(given, dict):
            return Refused(index, "malformed: a record is a JSON object")
        topic = self._allowed.get(name) if isinstance(name := given.get(TOPIC), str) else None
        reason, field, value = self._checked(raw, given, topic)
        if topic is not None and not reason:
            return Accepted(topic.name, value)
        return Refused(index, reason, _text(given.get("event_id")), topic.name if topic else None, field)

    def _checked(
        self, raw: bytes, given: dict[str, Any], topic: Topic | None
    ) -> tuple[str, str | None, bytes]:
        """(what is wrong, in which field, b"") or ("", None, the record as it goes on)."""
        if topic is None:
            return f"unknown_topic: one of {', '.join(self._allowed)} is taken here", TOPIC, b""
        try:
            record: Event = decoder(topic.value).decode(raw)
        except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return *explain(error), b""
        own = {name: value for name, value in given.items() if name != TOPIC}
        unknown = next(unknown_fields(own, msgspec.to_builtins(record)), None)
        if unknown:
            return f"malformed: the contract of {topic.name} has no field `{unknown}`", unknown, b""
        complaint = self._rights(record) or self._time(record)
        if complaint:
            return *complaint, b""
        value = encode(record)
        return unacceptable(value) or "", None, value

    def _rights(self, record: Event) -> tuple[str, str] | None:
        store = record.store_id
        if not self._key.may_write(store):
            return f"forbidden: the key is for store {self._key.store_id}, not for {store}", "store_id"
        if store not in self._stores:
            return f"unknown_store: this estate has no open store {store}", "store_id"
        return _configuration(record) if isinstance(record, StoreConfig) else None

    def _time(self, record: Event) -> tuple[str, str] | None:
        """As the bridge will judge it; what is refused there can no longer be answered."""
        if self._now is None:
            return None
        if record.timestamp < self._now - _WINDOW:
            return f"too_old: more than 24 hours before the last tick, {self._now.isoformat()}", "timestamp"
        if record.timestamp > self._now + _WINDOW:
            return f"too_early: more than 24 hours after the last tick, {self._now.isoformat()}", "timestamp"
        return None


def _configuration(record: StoreConfig) -> tuple[str, str] | None:
    if record.kind not in CONFIG_KINDS:
        taken = "only profiles and promotions are taken here"
        reason = f"{taken}; all else is edited in Postgres, stores are opened by `spec.stores`"
        return f"forbidden: {reason}", "kind"
    if record.profile is not None and record.profile.row_key is not None:
        return "forbidden: a `row_key` belongs to a row in Postgres", "profile.row_key"
    return None


def unknown_fields(given: object, known: object, path: str = "") -> Iterator[str]:
    """Paths of the fields in `given` that the record made of it (`known`) does not have: a typing mistake, mostly."""
    if isinstance(given, dict) and isinstance(known, dict):
        for name, value in given.items():
            place = f"{path}.{name}" if path else str(name)
            if name not in known:
                yield place
            else:
                yield from unknown_fields(value, known[name], place)
    elif isinstance(given, list) and isinstance(known, list):
        for number, (one, other) in enumerate(zip(given, known, strict=False)):
            yield from unknown_fields(one, other, f"{path}[{number}]")


def reasons(refused: Iterable[Refused]) -> Iterator[tuple[str, str]]:
    """(topic, first word of the reason) of each, for counting."""
    return ((one.topic or "unknown", one.reason.partition(":")[0]) for one in refused)


def _text(value: object) -> str | None:
    return value[:64] if isinstance(value, str) else None
