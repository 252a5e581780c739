"""Roles with only the rights their work needs.

`smartstore_reader` (no login) reads everything but keys; grant it to people and dashboards. `smartstore_sink` writes
the contract tables, `smartstore_cdc` replicates the configuration, `smartstore_gateway` looks up API keys. The logins
exist only when their passwords are given; otherwise Connect uses the owner's login. An owner that may not create roles
goes without the reader.
"""

import logging

import psycopg2.extensions
from msgspec import Struct
from sqlalchemy import Connection

from smartstore.contracts.derive.sql import literal
from smartstore.contracts.logins import CDC, GATEWAY, SINK
from smartstore.contracts.topics import CONFIG_TOPICS, Topic

log = logging.getLogger("smartstore.migrate")

SCHEMAS = ("ref", "config", "state", "ops", "analytics")
READER = "smartstore_reader"


class Passwords(Struct, frozen=True, kw_only=True):
    """Passwords of the logins; None = no such login is made."""

    sink: str | None = None
    cdc: str | None = None
    gateway: str | None = None


def grant_roles(connection: Connection, passwords: Passwords, topics: tuple[Topic, ...]) -> None:
    """Create missing roles, set passwords, grant rights; running it again changes nothing else.

    Raises:
        sqlalchemy.exc.ProgrammingError: a login is asked for and the owner may not make it (it needs CREATEROLE, and
            for the replication login REPLICATION too).
    """
    if _exists(connection, READER) or _may_create_roles(connection):
        _grant_reader(connection)
    else:
        log.info("no role %s: the owner of the database may not create roles", READER)
    if passwords.sink is not None:
        _login(connection, SINK, "LOGIN", passwords.sink)
        for schema in sorted({str(topic.table).partition(".")[0] for topic in topics}):
            _run(connection, f"GRANT USAGE ON SCHEMA {schema} TO {SINK}")
        for topic in topics:
            _run(connection, f"GRANT SELECT, INSERT, UPDATE ON {topic.table} TO {SINK}")
    if passwords.cdc is not None:
        _login(connection, CDC, "LOGIN REPLICATION", passwords.cdc)
        _run(connection, f"GRANT USAGE ON SCHEMA config TO {CDC}")
        for topic in CONFIG_TOPICS:
            _run(connection, f"GRANT SELECT ON {topic.config_table} TO {CDC}")
    if passwords.gateway is not None:
        _login(connection, GATEWAY, "LOGIN", passwords.gateway)
        _run(connection, f"GRANT USAGE ON SCHEMA config TO {GATEWAY}")
        _run(connection, f"GRANT SELECT ON config.gateway_keys TO {GATEWAY}")


def _grant_reader(connection: Connection) -> None:
    _create(connection, READER)
    for schema in SCHEMAS:
        _run(connection, f"GRANT USAGE ON SCHEMA {schema} TO {READER}")
        _run(connection, f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {READER}")
        _run(connection, f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {READER}")
    _run(connection, f"REVOKE ALL ON config.gateway_keys FROM {READER}")


def _login(connection: Connection, name: str, attributes: str, password: str) -> None:
    _create(connection, name)
    driver = connection.connection.driver_connection
    # Postgres gets the verifier only, so that the password is in no log.
    verifier = psycopg2.extensions.encrypt_password(password, name, scope=driver, algorithm="scram-sha-256")
    _run(connection, f"ALTER ROLE {name} {attributes} PASSWORD {literal(verifier)}")


def _create(connection: Connection, name: str) -> None:
    """Roles belong to the whole server, so another database's migration may make the same one at the same time."""
    if not _exists(connection, name):
        made_meanwhile = "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL"
        _run(connection, f"DO $$ BEGIN CREATE ROLE {name}; {made_meanwhile}; END $$")


def _exists(connection: Connection, name: str) -> bool:
    return bool(_scalar(connection, f"SELECT to_regrole({literal(name)}) IS NOT NULL"))


def _may_create_roles(connection: Connection) -> bool:
    query = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
    return bool(_scalar(connection, query))


def _scalar(connection: Connection, query: str) -> object:
    return connection.exec_driver_sql(query).scalar()


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement.replace("%", "%%"))
