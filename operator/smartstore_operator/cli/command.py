"""`smartstore acknowledge|approve|cancel`: what a person tells the system about an alert or a restock plan."""

import argparse
import getpass
import uuid
from datetime import UTC, datetime
from typing import Any, Literal

import psycopg2
import redis
from msgspec import Struct
from psycopg2 import sql

from smartstore.contracts.events import Command
from smartstore.contracts.topics import ALERTS, COMMANDS, SHELF_RESTOCK_PLAN, Topic
from smartstore.contracts.wire import encode
from smartstore_operator.cli import exits, locate
from smartstore_operator.cli.exits import CommandFailed


class Action(Struct, frozen=True):
    """One of the commands: what it names, and in which states of that it is allowed."""

    name: Literal["acknowledge", "approve", "cancel"]
    noun: str
    topic: Topic
    field: Literal["alert_id", "plan_id"]
    allowed: tuple[str, ...]
    help: str


ACTIONS = (
    Action("acknowledge", "alert", ALERTS, "alert_id", ("open",), "acknowledge an open alert"),
    Action(
        "approve",
        "restock plan",
        SHELF_RESTOCK_PLAN,
        "plan_id",
        ("pending", "partial", "backordered"),
        "take the goods of a restock plan at once",
    ),
    Action(
        "cancel",
        "restock plan",
        SHELF_RESTOCK_PLAN,
        "plan_id",
        ("pending", "partial", "backordered"),
        "take no more goods for a restock plan",
    ),
)


def add_parsers(commands: Any) -> None:
    """Declare the commands."""
    for action in ACTIONS:
        parser = commands.add_parser(action.name, help=action.help)
        parser.add_argument(
            "id", metavar="ID", help=f"id of the {action.noun} (`smartstore psql`: {action.topic.table})"
        )
        locate.add_data_dir(parser)
        parser.set_defaults(run=_run, action=action)


def _run(options: argparse.Namespace) -> int:
    """Send the command; it holds from the next tick on."""
    action: Action = options.action
    environment = locate.client_environment(locate.find(options.data_dir))
    store_id, status = _find(environment["SMARTSTORE_POSTGRES_DSN"], action, options.id)
    if status not in action.allowed:
        raise CommandFailed(
            f"the {action.noun} {options.id} is {status}; {action.name} is possible while it is "
            f"{' or '.join(action.allowed)}"
        )
    try:
        with redis.Redis.from_url(environment["SMARTSTORE_REDIS_URL"]) as client:
            command = _command(action, store_id, options.id, client.get("sim:now"))
            client.xadd(COMMANDS.name, {"data": encode(command)})
    except redis.RedisError as error:
        raise CommandFailed(f"Redis does not take the command: {error}") from error
    print(f"{action.name} {options.id} of store {store_id}: sent")
    return exits.OK


def _find(dsn: str, action: Action, wanted: str) -> tuple[str, str]:
    """Store and status of the alert or plan."""
    schema, table = str(action.topic.table).split(".")
    query = sql.SQL("SELECT store_id, status FROM {} WHERE {} = %s").format(
        sql.Identifier(schema, table), sql.Identifier(action.field)
    )
    try:
        connection = psycopg2.connect(dsn, connect_timeout=5)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, (wanted,))
                row = cursor.fetchone()
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise CommandFailed(
            f"Postgres cannot be asked for the {action.noun}: {str(error).strip()}"
        ) from error
    if row is None:
        raise CommandFailed(
            f"there is no {action.noun} {wanted!r}; `smartstore psql` has them in {action.topic.table}"
        )
    return str(row[0]), str(row[1])


def _command(action: Action, store_id: str, wanted: str, simulated_now: Any) -> Command:
    if simulated_now is None:
        raise CommandFailed("the source has not said what time it is yet; try again in a moment")
    moment = datetime.fromisoformat(simulated_now.decode()).astimezone(UTC)
    return Command(
        event_id=str(uuid.uuid4()),
        store_id=store_id,
        timestamp=moment,
        command=action.name,
        alert_id=wanted if action.field == "alert_id" else None,
        plan_id=wanted if action.field == "plan_id" else None,
        issued_by=getpass.getuser(),
    )
