"""The table `config.gateway_keys`: make, list, revoke and look up keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2

from smartstore.gateway.keys import KeyRow, ValidKey, new_key

_CONNECT_SECONDS = 3
_VALID = "SELECT key_id, store_id, secret_hash FROM config.gateway_keys WHERE revoked_at IS NULL"
_ALL = "SELECT key_id, store_id, name, created_at, revoked_at FROM config.gateway_keys ORDER BY created_at, key_id"
_CREATE = """
INSERT INTO config.gateway_keys (key_id, store_id, name, secret_hash) VALUES (%s, %s, %s, %s)
RETURNING key_id, store_id, name, created_at, revoked_at
"""
_REVOKE = """
UPDATE config.gateway_keys SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = %s
RETURNING key_id, store_id, name, created_at, revoked_at
"""


class KeyTableError(Exception):
    """Postgres cannot be asked, or refuses; one line that says why."""


class NoSuchKey(Exception):
    """There is no key of this id."""


class KeyTable:
    """The keys in one database. Every method raises `KeyTableError` when Postgres does not answer or refuses."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Any = None

    def create(self, store_id: str, name: str | None) -> tuple[str, KeyRow]:
        """A new key for a store, or for all (`ANY_STORE`): the key itself, kept nowhere, and its row."""
        key, key_id, secret_hash = new_key()
        rows = self._run(_CREATE, (key_id, store_id, name, secret_hash))
        return key, _row(rows[0])

    def all_keys(self) -> list[KeyRow]:
        """All keys, revoked ones too, oldest first."""
        return [_row(values) for values in self._run(_ALL)]

    def revoke(self, key_id: str) -> KeyRow:
        """End a key; one that has ended before stays as it was. Raises `NoSuchKey`."""
        rows = self._run(_REVOKE, (key_id,))
        if not rows:
            raise NoSuchKey(f"there is no key {key_id!r}; `smartstore gateway key list` shows all")
        return _row(rows[0])

    def valid(self) -> dict[str, ValidKey]:
        """Every key that is not revoked, by its id."""
        return {r[0]: ValidKey(r[0], r[1], bytes(r[2])) for r in self._run(_VALID)}

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _run(self, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with self._errors():
            if self._connection is None:
                self._connection = psycopg2.connect(
                    self._dsn,
                    connect_timeout=_CONNECT_SECONDS,
                    keepalives_idle=5,
                    keepalives_interval=2,
                    keepalives_count=3,
                    tcp_user_timeout=10_000,
                )
                self._connection.autocommit = True
            with self._connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                found: list[tuple[Any, ...]] = cursor.fetchall()
                return found

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """After any error the connection is not used again."""
        try:
            yield
        except psycopg2.Error as error:
            self.close()
            raise KeyTableError(f"Postgres: {' '.join(str(error).split())}") from None


def _row(values: tuple[Any, ...]) -> KeyRow:
    key_id, store_id, name, created_at, revoked_at = values
    return KeyRow(key_id=key_id, store_id=store_id, name=name, created_at=created_at, revoked_at=revoked_at)
