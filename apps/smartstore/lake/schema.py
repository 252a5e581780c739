"""Schema evolution by contract: what a table may lack, and what it must not contradict."""

from collections.abc import Iterator, Mapping
from typing import Any

from smartstore.contracts.derive.columns import Column, ListOf, StructOf

_DELTA_TYPES = {
    "text": "string",
    "integer": "long",
    "double": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}


class IncompatibleTable(SystemExit):
    """A table of the lake contradicts the contract; exits with one line per column."""


def demand_compatible(path: str, schema: dict[str, Any], columns: tuple[Column, ...]) -> None:
    """Check a table against its contract. `schema`: the table's, in Delta's JSON form.

    A column (or nested field) that the table lacks can be added, one that only the table has stays
    and is null in new rows: a newer release wrote it.

    Raises:
        IncompatibleTable: a column has another type; names table, column and both types.
    """
    problems = [
        f"{path}: column {name} is {have}, the contract says {want}; no write can mend that: move the table away "
        "(it is filled again from Kafka), or run the release that wrote it"
        for name, have, want in _contradictions(schema["fields"], columns, "")
    ]
    if problems:
        raise IncompatibleTable("\n".join(problems))


def delta_schema(columns: tuple[Column, ...], extra: Mapping[str, tuple[Any, str]]) -> dict[str, Any]:
    """A table's schema in Delta's JSON form: the contract's columns, then `extra` (type and description by name).

    All are nullable, so that a later column can be added.
    """
    own = [_field(column.name, _delta_type(column), column.description) for column in columns]
    return {"type": "struct", "fields": own + [_field(name, *facts) for name, facts in extra.items()]}


def _field(name: str, kind: Any, description: str = "") -> dict[str, Any]:
    metadata = {"comment": description} if description else {}
    return {"name": name, "type": kind, "nullable": True, "metadata": metadata}


def _delta_type(column: Column) -> Any:
    match column.type:
        case ListOf(item=item):
            return list_of(_delta_type(item))
        case StructOf(columns=columns):
            return struct_of({inner.name: _delta_type(inner) for inner in columns})
        case scalar:
            return _DELTA_TYPES[scalar]


def list_of(kind: Any) -> dict[str, Any]:
    """Delta's array type."""
    return {"type": "array", "elementType": kind, "containsNull": True}


def struct_of(kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Delta's struct type."""
    return {"type": "struct", "fields": [_field(name, kind) for name, kind in kinds.items()]}


def _contradictions(
    fields: list[dict[str, Any]], columns: tuple[Column, ...], prefix: str
) -> Iterator[tuple[str, str, str]]:
    kinds = {field["name"]: field["type"] for field in fields}
    for column in columns:
        if column.name in kinds:
            yield from _contradiction(kinds[column.name], column, prefix + column.name)


def _contradiction(kind: Any, column: Column, name: str) -> Iterator[tuple[str, str, str]]:
    have = kind["type"] if isinstance(kind, dict) else kind
    match column.type:
        case ListOf(item=item):
            if have == "array":
                yield from _contradiction(kind["elementType"], item, f"{name}[]")
            else:
                yield name, have, "array"
        case StructOf(columns=columns):
            if have == "struct":
                yield from _contradictions(kind["fields"], columns, f"{name}.")
            else:
                yield name, have, "struct"
        case scalar:
            if have != _DELTA_TYPES[scalar]:
                yield name, have, _DELTA_TYPES[scalar]
