"""Configuration from Postgres in band: rows of `config.shelf_policies` become `store_config` records.

Rows come as plain JSON from Debezium with `ExtractNewRecordState` and deletes rewritten: all columns, plus `__deleted`.
Numbers may be strings; a column that is missing or null is not set. A row that cannot be understood goes through the
stream `dead_letters`, and so does one whose policy belongs to no store at all.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from smartstore.contracts.events import ShelfPolicy, StoreConfig
from smartstore.contracts.outputs import DeadLetter
from smartstore.contracts.topics import SHELF_POLICIES
from smartstore.contracts.wire import derived_id

_INTEGERS = ("min_qty", "near_expiry_days")
_DELETED = "__deleted"


class PolicyRow(Struct, frozen=True):
    """One message of `shelf_policies`; `value` is None for a tombstone."""

    partition: int
    offset: int
    value: bytes | None


class PolicyError(ValueError):
    """A row that is no policy; the text says why."""


class PolicyRelay:
    """Knows the policies in force, so that a store loses one that moved to another one, and a new store gets them all.

    Closed stores are told as well: what they are told waits for them in their lines.
    """

    def __init__(self, stores: Sequence[str]) -> None:
        self._stores = tuple(stores)
        self._policies: dict[str, ShelfPolicy] = {}
        self.positions: dict[int, int] = {}
        """The next offset to relay, by partition."""

    def records(self, row: PolicyRow, moment: datetime) -> list[StoreConfig]:
        """The records that carry a row to the stores concerned, at `moment`; none if the row was relayed before.

        Raises:
            PolicyError: the row is not a policy of one of the stores.
        """
        if row.offset < self.positions.get(row.partition, 0):
            return []
        self.positions[row.partition] = row.offset + 1
        if row.value is None:
            return []
        policy, deleted = decode_row(row.value)
        last = self._policies.get(policy.policy_id)
        before = self._concerned(last.store_id) if last else ()
        after = self._concerned(policy.store_id)
        if deleted:
            self._policies.pop(policy.policy_id, None)
            before, after = before if last else after, ()
        else:
            if not after and not before:
                raise PolicyError(f"`store_id` {policy.store_id!r} is not a store of this run")
            self._policies[policy.policy_id] = policy
        return [
            StoreConfig(
                event_id=derived_id("policy", store, policy.policy_id, row.offset),
                store_id=store,
                timestamp=moment,
                kind="policy",
                op="upsert" if store in after else "delete",
                policy=policy,
            )
            for store in self._stores
            if store in after or store in before
        ]

    def admit(self, stores: Sequence[str], moment: datetime) -> list[StoreConfig]:
        """`stores` are all that there are from `moment` on; returns the policies in force for those that are new."""
        new = [store for store in stores if store not in self._stores]
        self._stores = tuple(stores)
        return [
            StoreConfig(
                event_id=derived_id("policy", store, policy.policy_id, "opening"),
                store_id=store,
                timestamp=moment,
                kind="policy",
                policy=policy,
            )
            for store in new
            for _, policy in sorted(self._policies.items())
            if store in self._concerned(policy.store_id)
        ]

    def restore(self, snapshot: bytes) -> None:
        """Continue from a snapshot."""
        self._stores, self._policies, self.positions = msgspec.msgpack.decode(
            snapshot, type=tuple[tuple[str, ...], dict[str, ShelfPolicy], dict[int, int]]
        )

    def snapshot(self) -> bytes:
        """Stores, policies and positions."""
        return msgspec.msgpack.encode((self._stores, self._policies, self.positions))

    def note(self, record: StoreConfig) -> None:
        """Take over what a record relayed before says, on the way from a snapshot to the end of the ledger."""
        policy = record.policy
        if policy is None:
            return
        moved = policy.store_id not in (None, record.store_id)
        if record.op == "upsert" or moved:
            self._policies[policy.policy_id] = policy
        else:
            self._policies.pop(policy.policy_id, None)

    def _concerned(self, store_id: str | None) -> tuple[str, ...]:
        if store_id is None:
            return self._stores
        return (store_id,) if store_id in self._stores else ()


def decode_row(value: bytes) -> tuple[ShelfPolicy, bool]:
    """The policy in a row and whether the row was deleted (then only its key is sure to be there).

    Raises:
        PolicyError: names the field that is wrong.
    """
    try:
        row = msgspec.json.decode(value)
        if not isinstance(row, dict):
            raise PolicyError("a row must be a JSON object")
        deleted = str(row.pop(_DELETED, "false")).lower() == "true"
        return msgspec.convert(_lenient(row), ShelfPolicy, strict=False), deleted
    except msgspec.MsgspecError as error:
        raise PolicyError(str(error)) from None


def refused_row(row: PolicyRow, reason: str) -> DeadLetter:
    """The dead letter of a row that cannot be relayed."""
    topic = SHELF_POLICIES.name
    return DeadLetter(
        dead_letter_id=derived_id("policy", topic, row.partition, row.offset),
        source=topic,
        position=f"{row.partition}/{row.offset}",
        store_id=None,
        event_id=None,
        reason=reason,
        field=None,
        value=(row.value or b"").decode(errors="backslashreplace"),
    )


def _lenient(row: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as a contract wants them: no nulls, whole numbers without decimals, timestamps with a zone."""
    known = {field.name for field in msgspec.structs.fields(ShelfPolicy)}
    columns = {name: value for name, value in row.items() if name in known and value is not None}
    for name in _INTEGERS:
        text = columns.get(name)
        if isinstance(text, str) and text.rstrip("0").endswith("."):
            columns[name] = text.rstrip("0").rstrip(".")
    updated = columns.get("updated_at")
    if isinstance(updated, str):
        columns["updated_at"] = _with_zone(updated)
    return columns


def _with_zone(text: str) -> str:
    clock = text.replace(" ", "T", 1).rpartition("T")[2]
    return text if clock.endswith(("Z", "z")) or "+" in clock or "-" in clock else f"{text}Z"
