"""Postgres tables of contract topics.

An enumeration stays `text` without a CHECK: the boundary has checked it already, a new word needs no migration, and a
row that Postgres refused would stop the sink for good, since it cannot put single rows aside.
"""

from smartstore.contracts.derive.columns import Column, columns_of
from smartstore.contracts.derive.descriptions import summary
from smartstore.contracts.topics import TOPICS, Topic

_SCALARS = {
    "text": "text",
    "integer": "bigint",
    "double": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamptz",
}
VERSION = "version"
"""The field that says which of two rows of one key is newer."""


def table_topics() -> tuple[Topic, ...]:
    """The topics that have a table."""
    return tuple(topic for topic in TOPICS if topic.table)


def is_versioned(topic: Topic) -> bool:
    """Whether its rows carry a version."""
    return any(column.name == VERSION for column in columns_of(topic.value))


def column_type(topic: Topic, column: Column) -> str:
    """The column's Postgres type.

    Raises:
        TypeError: a nested field; a table holds flat records only.
    """
    if not isinstance(column.type, str):
        raise TypeError(f"topic {topic.name}: {column.name} is nested, a table cannot hold it")
    return _SCALARS[column.type]


def column_definition(topic: Topic, column: Column) -> str:
    """One line of CREATE TABLE or ADD COLUMN."""
    null = "" if column.nullable else " NOT NULL"
    default = "" if column.default is None else f" DEFAULT {literal(column.default)}"
    return f'"{column.name}" {column_type(topic, column)}{null}{default}'


def create_table(topic: Topic) -> str:
    """CREATE TABLE for the topic, with its primary key."""
    lines = [column_definition(topic, column) for column in columns_of(topic.value)]
    key = ", ".join(f'"{name}"' for name in topic.row_key)
    body = ",\n    ".join([*lines, f"PRIMARY KEY ({key})"])
    return f"CREATE TABLE {topic.table} (\n    {body}\n)"


def comments(topic: Topic) -> list[str]:
    """COMMENT statements that tell an analyst what the table and its columns mean."""
    statements = [f"COMMENT ON TABLE {topic.table} IS {literal(summary(topic.value))}"]
    for column in columns_of(topic.value):
        text = " ".join(filter(None, [column.description, _choices(column)]))
        if text:
            statements.append(f'COMMENT ON COLUMN {topic.table}."{column.name}" IS {literal(text)}')
    return statements


def literal(value: object) -> str:
    """A constant of a contract as SQL; contract texts are ours, never input."""
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"


def _choices(column: Column) -> str:
    return f"One of: {', '.join(column.choices)}." if column.choices else ""
