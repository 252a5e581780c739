"""Brings Postgres to the current schema: `python -m smartstore.serving.migrate`.

Revisions (Alembic) hold what people designed; contract tables, views and roles are reconciled after them. All of it is
one transaction under one lock, so two at once are safe and a failure leaves nothing half-done.
"""

import logging
import sys
from pathlib import Path

import psycopg2
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from smartstore.contracts.derive.sql import table_topics
from smartstore.contracts.settings import PlanningSettings
from smartstore.process.env import Environment
from smartstore.process.logs import configure_logs
from smartstore.serving.roles import Passwords, grant_roles
from smartstore.serving.tables import ContractConflict, reconcile_tables
from smartstore.serving.views import replace_views

log = logging.getLogger("smartstore.migrate")

# Any constant of ours; advisory locks are counted per database.
LOCK = 0x534D5254


def migrate(dsn: str, planning: PlanningSettings, passwords: Passwords) -> list[str]:
    """Bring the database at `dsn` to the current schema; returns one line per change to contract tables.

    `planning` seeds the first global policy, once.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: Postgres refused; nothing has changed.
        ContractConflict: a table contradicts its contract; nothing has changed.
    """
    engine = create_engine(
        "postgresql+psycopg2://", creator=lambda: psycopg2.connect(dsn), poolclass=NullPool
    )
    topics = table_topics()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS ops")
        _run_revisions(connection, planning)
        changes = reconcile_tables(connection, topics)
        replace_views(connection)
        grant_roles(connection, passwords, topics)
    return changes


def _run_revisions(connection: Connection, planning: PlanningSettings) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    config.attributes["planning"] = planning
    command.upgrade(config, "head")


def main() -> None:
    """Run once with the process environment; exits non-zero with one line when Postgres refuses."""
    configure_logs()
    environment = Environment.from_os()
    passwords = Passwords(
        sink=environment.variables.get("SMARTSTORE_POSTGRES_SINK_PASSWORD") or None,
        cdc=environment.variables.get("SMARTSTORE_POSTGRES_CDC_PASSWORD") or None,
        gateway=environment.variables.get("SMARTSTORE_POSTGRES_GATEWAY_PASSWORD") or None,
    )
    try:
        changes = migrate(environment.postgres_dsn, environment.run_settings().planning, passwords)
    except ContractConflict as error:
        sys.exit(f"the database does not fit the contracts: {error}")
    except OperationalError as error:
        sys.exit(
            f"Postgres does not answer: {_one_line(error)}; check SMARTSTORE_POSTGRES_DSN and that it runs"
        )
    except SQLAlchemyError as error:
        sys.exit(f"Postgres refused the migration, nothing was changed: {_one_line(error)}")
    for change in changes:
        log.info("%s", change)
    log.info("the database is at the current schema")


def _one_line(error: SQLAlchemyError) -> str:
    return " ".join(str(getattr(error, "orig", error)).split())


if __name__ == "__main__":
    main()
