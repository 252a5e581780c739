"""`smartstore acknowledge`: tell the system that somebody takes care of an alert."""

import argparse
import getpass
import uuid
from datetime import UTC, datetime
from typing import Any

import psycopg2
import redis

from smartstore.contracts.events import Command
from smartstore.contracts.topics import COMMANDS
from smartstore.contracts.wire import encode
from smartstore_operator.cli import exits, locate
from smartstore_operator.cli.exits import CommandFailed


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("acknowledge", help="acknowledge an open alert")
    parser.add_argument(
        "alert_id", metavar="ALERT_ID", help="the alert's id (ops.open_alerts, or `smartstore psql`)"
    )
    locate.add_data_dir(parser)
    parser.set_defaults(run=acknowledge)


def acknowledge(options: argparse.Namespace) -> int:
    """Send the command; the alert becomes acknowledged with the next tick."""
    environment = locate.client_environment(locate.find(options.data_dir))
    store_id, status = _find_alert(environment["SMARTSTORE_POSTGRES_DSN"], options.alert_id)
    if status != "open":
        raise CommandFailed(f"the alert {options.alert_id} is {status}, only an open one can be acknowledged")
    try:
        with redis.Redis.from_url(environment["SMARTSTORE_REDIS_URL"]) as client:
            command = _command(store_id, options.alert_id, client.get("sim:now"))
            client.xadd(COMMANDS.name, {"data": encode(command)})
    except redis.RedisError as error:
        raise CommandFailed(f"Redis does not take the command: {error}") from error
    print(f"acknowledging {options.alert_id} of store {store_id}")
    return exits.OK


def _find_alert(dsn: str, alert_id: str) -> tuple[str, str]:
    """Store and status of an alert."""
    try:
        connection = psycopg2.connect(dsn, connect_timeout=5)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT store_id, status FROM ops.alerts WHERE alert_id = %s", (alert_id,))
                row = cursor.fetchone()
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise CommandFailed(f"Postgres cannot be asked for the alert: {str(error).strip()}") from error
    if row is None:
        raise CommandFailed(f"there is no alert {alert_id!r}; `smartstore psql` has them in ops.open_alerts")
    return str(row[0]), str(row[1])


def _command(store_id: str, alert_id: str, simulated_now: Any) -> Command:
    if simulated_now is None:
        raise CommandFailed("the source has not said what time it is yet; try again in a moment")
    moment = datetime.fromisoformat(simulated_now.decode()).astimezone(UTC)
    return Command(
        event_id=str(uuid.uuid4()),
        store_id=store_id,
        timestamp=moment,
        command="acknowledge",
        alert_id=alert_id,
        issued_by=getpass.getuser(),
    )
