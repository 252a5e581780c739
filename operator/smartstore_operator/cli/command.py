"""`smartstore acknowledge|approve|cancel`: what a person tells the system about an alert or a plan."""

import argparse
import getpass
import uuid
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct

from smartstore.contracts.events import Command
from smartstore.contracts.topics import ALERTS, COMMANDS, SHELF_RESTOCK_PLAN, WH_SUPPLIER_PLAN, Topic
from smartstore.contracts.wire import encode
from smartstore_operator.cli import exits, locate
from smartstore_operator.cli.exits import CommandFailed


class Target(Struct, frozen=True):
    """What a command may be about: where its id stands, and in which states the command is possible."""

    noun: str
    topic: Topic
    column: str
    allowed: tuple[str, ...]


class Action(Struct, frozen=True):
    """One command of a person."""

    name: Literal["acknowledge", "approve", "cancel"]
    targets: tuple[Target, ...]
    help: str

    @property
    def places(self) -> str:
        """The tables that have the ids."""
        return " or ".join(str(target.topic.table) for target in self.targets)


def _restock(*allowed: str) -> Target:
    return Target("restock plan", SHELF_RESTOCK_PLAN, "plan_id", allowed)


def _supplier(*allowed: str) -> Target:
    return Target("supplier plan", WH_SUPPLIER_PLAN, "supplier_plan_id", allowed)


ACTIONS = (
    Action("acknowledge", (Target("alert", ALERTS, "alert_id", ("open",)),), "acknowledge an open alert"),
    Action(
        "approve",
        (_restock("pending", "partial", "backordered"), _supplier("pending")),
        "take the goods of a restock plan, or order those of a supplier plan, at once",
    ),
    Action(
        "cancel",
        (_restock("pending", "partial", "backordered"), _supplier("pending", "issued")),
        "take no more goods for a restock plan, or call off a supplier plan",
    ),
)


def add_parsers(commands: Any) -> None:
    """Declare the commands."""
    for action in ACTIONS:
        parser = commands.add_parser(action.name, help=action.help)
        parser.add_argument("id", metavar="ID", help=f"its id (`smartstore psql`: {action.places})")
        locate.add_data_dir(parser)
        parser.set_defaults(run=_run, action=action)


def _run(options: argparse.Namespace) -> int:
    """Send the command; it holds from the next tick on."""
    import redis

    action: Action = options.action
    environment = locate.client_environment(locate.find(options.data_dir))
    target, store_id, status = _find(environment["SMARTSTORE_POSTGRES_DSN"], action, options.id)
    if status not in target.allowed:
        raise CommandFailed(
            f"the {target.noun} {options.id} is {status}; {action.name} is possible while it is "
            f"{' or '.join(target.allowed)}"
        )
    try:
        with redis.Redis.from_url(environment["SMARTSTORE_REDIS_URL"]) as client:
            command = _command(action, store_id, options.id, client.get("sim:now"))
            client.xadd(COMMANDS.name, {"data": encode(command)})
    except redis.RedisError as error:
        raise CommandFailed(f"Redis does not take the command: {error}") from error
    print(f"{action.name} {options.id} of store {store_id}: sent")
    return exits.OK


def _find(dsn: str, action: Action, wanted: str) -> tuple[Target, str, str]:
    """What the id is of, its store and its status."""
    import psycopg2
    from psycopg2 import sql

    try:
        connection = psycopg2.connect(dsn, connect_timeout=5)
        try:
            with connection.cursor() as cursor:
                for target in action.targets:
                    schema, table = str(target.topic.table).split(".")
                    query = sql.SQL("SELECT store_id, status FROM {} WHERE {} = %s").format(
                        sql.Identifier(schema, table), sql.Identifier(target.column)
                    )
                    cursor.execute(query, (wanted,))
                    row = cursor.fetchone()
                    if row is not None:
                        return target, str(row[0]), str(row[1])
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise CommandFailed(f"Postgres cannot be asked for {wanted!r}: {str(error).strip()}") from error
    nouns = " or ".join(target.noun for target in action.targets)
    raise CommandFailed(f"there is no {nouns} {wanted!r}; `smartstore psql` has them in {action.places}")


def _command(action: Action, store_id: str, wanted: str, simulated_now: Any) -> Command:
    if simulated_now is None:
        raise CommandFailed("the source has not said what time it is yet; try again in a moment")
    moment = datetime.fromisoformat(simulated_now.decode()).astimezone(UTC)
    return Command(
        event_id=str(uuid.uuid4()),
        store_id=store_id,
        timestamp=moment,
        command=action.name,
        alert_id=wanted if action.name == "acknowledge" else None,
        plan_id=None if action.name == "acknowledge" else wanted,
        issued_by=getpass.getuser(),
    )
