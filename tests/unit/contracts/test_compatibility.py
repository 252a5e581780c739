"""Each kind of incompatible change is caught, in one line that names the place; each harmless one passes."""

from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct, defstruct
from msgspec.structs import replace

from smartstore.contracts.compatibility import check, violations
from smartstore.contracts.snapshot import Snapshot, decode_snapshot, encode_snapshot, snapshot_of
from smartstore.contracts.topics import TOPICS, Topic

Code = Annotated[str, Meta(max_length=64)]
LongCode = Annotated[str, Meta(max_length=128)]
Amount = Annotated[int, Meta(ge=0, le=100)]


class Part(Struct, frozen=True, kw_only=True):
    """A nested record."""

    code: Code
    amount: Amount


def record(**fields: Any) -> type[Struct]:
    """A record with the fields below, changed by name; None removes one, a pair gives type and default."""
    base: dict[str, Any] = {
        "store_id": Code,
        "amount": Amount,
        "status": Literal["open", "closed"],
        "note": (Code | None, None),
        "parts": list[Part],
    }
    declared = [
        (name, *field) if isinstance(field, tuple) else (name, field)
        for name, field in (base | fields).items()
        if field is not None
    ]
    return defstruct("Record", declared, kw_only=True, frozen=True)


def topic(**changes: Any) -> Topic:
    plain = Topic(name="things", value=record(), key=("store_id",), cleanup="delete", table="ops.things")
    return replace(plain, **changes)


def compare(old: Topic, new: Topic | None) -> list[str]:
    return violations(snapshot_of("1", (old,)), snapshot_of("2", (new,) if new else ()))


class PartWithLessRoom(Part, frozen=True, kw_only=True):
    """The nested record, changed."""

    amount: Annotated[int, Meta(ge=0, le=50)]


@pytest.mark.parametrize(
    ("new", "line"),
    [
        (None, "things: the topic is gone"),
        (topic(value=record(note=None)), "things.note: the field was removed"),
        (topic(value=record(amount=float)), "things.amount: the type changed from integer to double"),
        (topic(value=record(extra=Code)), "things.extra: a new field must have a default"),
        (topic(key=("store_id", "amount")), "things: the key changed from store_id to store_id/amount"),
        (
            topic(value=record(amount=Annotated[int, Meta(ge=1, le=100)])),
            "things.amount: fewer values are allowed, ge 0 became 1",
        ),
        (
            topic(value=record(amount=Annotated[int, Meta(ge=0, le=10)])),
            "things.amount: fewer values are allowed, le 100 became 10",
        ),
        (
            topic(value=record(store_id=Annotated[str, Meta(max_length=64, pattern="^s")])),
            "things.store_id: fewer values are allowed, pattern none became ^s",
        ),
        (
            topic(value=record(status=Literal["open"])),
            "things.status: fewer values are allowed, one of closed|open became open",
        ),
        (
            topic(value=record(store_id=Literal["a"])),
            "things.store_id: fewer values are allowed, one of any text became a",
        ),
        (topic(value=record(note=(Code, ""))), "things.note: null is no longer allowed"),
        (topic(value=record(note=Code | None)), "things.note: the field became required"),
        (
            topic(value=record(parts=list[PartWithLessRoom])),
            "things.parts[].amount: fewer values are allowed, le 100 became 50",
        ),
        (topic(line=True), "things: it became a source line"),
        (topic(by_store=False), "things: the partition no longer follows the store"),
        (topic(table="ops.others"), "things: its table changed from ops.things to ops.others"),
    ],
)
def test_breaking_change_is_refused(new: Topic | None, line: str) -> None:
    assert line in compare(topic(), new)


def test_compaction_cannot_be_given_up() -> None:
    assert compare(topic(cleanup="compact"), topic()) == [
        "things: cleanup changed from compact to delete, old state would expire"
    ]


@pytest.mark.parametrize(
    "value",
    [
        record(extra=(Code | None, None)),
        record(extra=(Amount, 3)),
        record(store_id=LongCode),
        record(status=Literal["open", "closed", "sealed"]),
        record(status=Code),
        record(amount=Amount | None),
        record(amount=(Amount, 0)),
    ],
)
def test_widening_is_compatible_where_records_expire(value: type[Struct]) -> None:
    assert compare(topic(), topic(value=value)) == []


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (record(store_id=LongCode), "things.store_id: more values are allowed, max_length 64 became 128"),
        (
            record(status=Literal["open", "closed", "sealed"]),
            "things.status: more values are allowed, one of closed|open became closed|open|sealed",
        ),
        (record(amount=Amount | None), "things.amount: nulls became allowed"),
        (record(amount=(Amount, 0)), "things.amount: the field may now be missing"),
    ],
)
def test_widening_is_refused_where_old_readers_meet_new_state(value: type[Struct], line: str) -> None:
    (found,) = compare(topic(cleanup="compact"), topic(cleanup="compact", value=value))
    assert found == f"{line}; released readers of this compacted topic would refuse them"


def test_a_compacted_topic_may_gain_an_optional_field() -> None:
    value = record(extra=(Code | None, None))
    assert compare(topic(cleanup="compact"), topic(cleanup="compact", value=value)) == []


def test_snapshots_survive_being_written() -> None:
    snapshot: Snapshot = snapshot_of("1", TOPICS)
    assert decode_snapshot(encode_snapshot(snapshot)) == snapshot


def test_the_contracts_are_compatible_with_the_released_ones() -> None:
    assert check() == []
