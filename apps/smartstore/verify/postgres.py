"""Reading the serving tables: one consistent snapshot, streamed."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any

import psycopg2
from msgspec.structs import fields
from psycopg2 import errors, sql
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

from smartstore.contracts.topics import Topic

FETCHED = 20_000


class PostgresError(Exception):
    """Postgres cannot be read; says what is missing."""


class Postgres:
    """A connection of its own, outside the snapshot, to look at single rows while waiting."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection = _connect(dsn)
        self._connection.autocommit = True

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def has(self, topic: Topic, record: dict[str, Any]) -> bool:
        """Whether the topic's table has the record, or a newer version of it."""
        version = record.get("version")
        query = sql.SQL("SELECT {what} FROM {table} WHERE {key}").format(
            what=sql.SQL("1") if version is None else sql.Identifier("version"),
            table=_table(topic),
            key=sql.SQL(" AND ").join(
                sql.SQL("{} = %s").format(sql.Identifier(name)) for name in topic.row_key
            ),
        )
        with self._connection.cursor() as cursor:
            _execute(cursor, query, topic, [record[name] for name in topic.row_key])
            row = cursor.fetchone()
        return row is not None and (version is None or int(row[0]) >= int(version))

    def snapshot(self) -> "Snapshot":
        """A consistent view of all tables from now on."""
        return Snapshot(_connect(self._dsn))


class Snapshot:
    """All tables as they are at one moment, however long the reading takes."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
            cursor.execute("SELECT txid_current_snapshot()")

    def __enter__(self) -> "Snapshot":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def rows(self, topic: Topic) -> Iterator[Any]:
        """Every row of the topic's table as a record of the topic's contract."""
        names = [field.name for field in fields(topic.value)]
        query = sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(sql.Identifier(name) for name in names), _table(topic)
        )
        make = topic.value
        with self._connection.cursor(name=f"verify_{topic.name}") as cursor:
            cursor.itersize = FETCHED
            _execute(cursor, query, topic, None)
            for row in cursor:
                yield make(**dict(zip(names, row, strict=True)))


def _connect(dsn: str) -> Any:
    try:
        return psycopg2.connect(dsn, application_name="smartstore-verify", connect_timeout=15)
    except psycopg2.OperationalError as error:
        raise PostgresError(f"Postgres does not answer: {str(error).strip().splitlines()[0]}") from error


def _table(topic: Topic) -> sql.Identifier:
    if topic.table is None:
        raise ValueError(f"topic {topic.name} has no table")
    return sql.Identifier(*topic.table.split("."))


def _execute(cursor: Any, query: sql.Composed, topic: Topic, arguments: list[Any] | None) -> None:
    try:
        cursor.execute(query, arguments)
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as error:
        message = str(error).splitlines()[0]
        raise PostgresError(
            f"table {topic.table} is not as the contract says ({message}); run the migrations"
        ) from error
