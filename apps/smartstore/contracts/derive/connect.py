"""Kafka Connect schemas in the JSON form that JsonConverter takes as `schema.content`.

Dates and times stay ISO strings: Postgres casts them (`stringtype=unspecified`), and Connect's own logical types would
want numbers on the wire.
"""

from functools import cache
from typing import Any

import msgspec
from msgspec import structs

from smartstore.contracts.derive.columns import Column, ListOf, StructOf, columns_of
from smartstore.contracts.topics import Topic

_SCALARS = {
    "text": "string",
    "integer": "int64",
    "double": "double",
    "boolean": "boolean",
    "date": "string",
    "timestamp": "string",
}


@cache
def connect_schema(topic: Topic) -> str:
    """The schema of a topic's values as compact JSON; the same contract always gives the same text."""
    columns = columns_of(topic.value)
    if topic.line:
        # Connect converts a record before it can pass over it: a tick, which has none of the fields, must pass.
        columns = tuple(structs.replace(column, nullable=True) for column in columns)
    schema = {
        "type": "struct",
        "name": topic.name,
        "optional": False,
        "fields": _fields(columns),
    }
    return msgspec.json.encode(schema).decode()


def _fields(columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    return [{"field": column.name, **_schema(column)} for column in columns]


def _schema(column: Column) -> dict[str, Any]:
    optional = {"optional": column.nullable}
    match column.type:
        case ListOf(item=item):
            return {"type": "array", "items": _schema(item), **optional}
        case StructOf(columns=columns):
            return {"type": "struct", "fields": _fields(columns), **optional}
    schema = {"type": _SCALARS[column.type], **optional}
    # A record written before the field existed gets the field's default.
    return schema if column.default is None else {**schema, "default": column.default}
