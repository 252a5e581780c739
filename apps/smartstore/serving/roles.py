"""Roles with only the rights their work needs.

`smartstore_reader` (no login) reads everything; grant it to people and dashboards. `smartstore_sink` writes the
contract tables, `smartstore_cdc` replicates the configuration. The two logins exist only when their passwords are
given; otherwise Connect uses the owner's login.
"""

from msgspec import Struct
from sqlalchemy import Connection

from smartstore.contracts.derive.sql import literal
from smartstore.contracts.topics import Topic

SCHEMAS = ("ref", "config", "state", "ops", "analytics")
READER = "smartstore_reader"
SINK = "smartstore_sink"
CDC = "smartstore_cdc"


class Passwords(Struct, frozen=True, kw_only=True):
    """Passwords of the two logins; None = no such login is made."""

    sink: str | None = None
    cdc: str | None = None


def grant_roles(connection: Connection, passwords: Passwords, topics: tuple[Topic, ...]) -> None:
    """Create missing roles, set passwords, grant rights; running it again changes nothing else.

    Raises:
        sqlalchemy.exc.ProgrammingError: the owner may not create roles (it needs CREATEROLE, and for the replication
            login SUPERUSER or REPLICATION).
    """
    _role(connection, READER, "NOLOGIN")
    for schema in SCHEMAS:
        _run(connection, f"GRANT USAGE ON SCHEMA {schema} TO {READER}")
        _run(connection, f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {READER}")
        _run(connection, f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {READER}")
    if passwords.sink is not None:
        _role(connection, SINK, f"LOGIN PASSWORD {literal(passwords.sink)}")
        for schema in sorted({str(topic.table).partition(".")[0] for topic in topics}):
            _run(connection, f"GRANT USAGE ON SCHEMA {schema} TO {SINK}")
        for topic in topics:
            _run(connection, f"GRANT SELECT, INSERT, UPDATE ON {topic.table} TO {SINK}")
    if passwords.cdc is not None:
        _role(connection, CDC, f"LOGIN REPLICATION PASSWORD {literal(passwords.cdc)}")
        _run(connection, f"GRANT USAGE ON SCHEMA config TO {CDC}")
        _run(connection, f"GRANT SELECT ON config.shelf_policies TO {CDC}")


def _role(connection: Connection, name: str, attributes: str) -> None:
    """Roles belong to the whole server, so another database's migration may make the same one at the same time."""
    _run(
        connection,
        f"DO $$ BEGIN CREATE ROLE {name}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
    )
    if attributes != "NOLOGIN":
        _run(connection, f"ALTER ROLE {name} {attributes}")


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement.replace("%", "%%"))
