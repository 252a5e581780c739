"""Spark SQL types, as DDL text; no Spark is needed to derive them."""

from collections.abc import Iterable

from msgspec import Struct

from smartstore.contracts.derive.columns import Column, ListOf, StructOf, columns_of

_SCALARS = {
    "text": "STRING",
    "integer": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}


def spark_type(column: Column) -> str:
    """The Spark SQL type of one column, nested ones included."""
    match column.type:
        case ListOf(item=item):
            return f"ARRAY<{spark_type(item)}>"
        case StructOf(columns=columns):
            return f"STRUCT<{_fields(columns, ': ')}>"
    return _SCALARS[column.type]


def spark_ddl(record: type[Struct]) -> str:
    """The record as a Spark schema string, for `from_json` and readers; all columns nullable, as `from_json` has it."""
    return _fields(columns_of(record), " ")


def _fields(columns: Iterable[Column], separator: str) -> str:
    return ", ".join(f"{column.name}{separator}{spark_type(column)}" for column in columns)
