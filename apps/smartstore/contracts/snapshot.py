"""A released contract as data: what a consumer may rely on, kept as JSON beside the code."""

from typing import Literal

import msgspec
from msgspec import Struct, structs

from smartstore.contracts.derive.columns import Column, ListOf, Scalar, StructOf, columns_of
from smartstore.contracts.topics import Topic


class TopicSnapshot(Struct, frozen=True, kw_only=True):
    """One topic as released."""

    name: str
    key: tuple[str, ...]
    cleanup: Literal["delete", "compact"]
    line: bool
    by_store: bool
    table: str | None
    columns: tuple[Column, ...]


class Snapshot(Struct, frozen=True, kw_only=True):
    """All topics of one release."""

    version: str
    topics: tuple[TopicSnapshot, ...]


def snapshot_of(version: str, topics: tuple[Topic, ...]) -> Snapshot:
    """What the topics promise, in the order of their names."""
    return Snapshot(version=version, topics=tuple(_topic(t) for t in sorted(topics, key=lambda t: t.name)))


def _topic(topic: Topic) -> TopicSnapshot:
    return TopicSnapshot(
        name=topic.name,
        key=topic.key,
        cleanup=topic.cleanup,
        line=topic.line,
        by_store=topic.by_store,
        table=topic.table,
        columns=_bare(columns_of(topic.value)),
    )


def _bare(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Without descriptions: better words break nobody."""
    return tuple(structs.replace(column, description="", type=_bare_type(column.type)) for column in columns)


def _bare_type(kind: Scalar | ListOf | StructOf) -> Scalar | ListOf | StructOf:
    match kind:
        case ListOf(item=item):
            return ListOf(item=_bare((item,))[0])
        case StructOf(columns=columns):
            return StructOf(columns=_bare(columns))
    return kind


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """The snapshot as JSON text that a reviewer can read as a diff."""
    return msgspec.json.format(msgspec.json.encode(snapshot), indent=1) + b"\n"


def decode_snapshot(content: bytes) -> Snapshot:
    """Read a snapshot; raises `msgspec.ValidationError` for anything else."""
    return msgspec.json.decode(content, type=Snapshot)
