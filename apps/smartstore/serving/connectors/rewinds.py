"""Has a sink read its topic from the beginning when its table is not the one that it has written to so far.

Kafka keeps how far a sink has read, whatever becomes of the database. So a table that is made (after the volume was
lost) or restored (from a backup) asks for this by a row in `ops.rewinds`, in the same transaction. Rows that come
again do no harm: a sink upserts, and the table keeps what is newer. Each step can be repeated, so it does not matter
when this process ends; a row goes when nothing is left to do.
"""

import logging
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import psycopg2

from smartstore.serving.connectors.rest import ConnectClient, ConnectRefused, ConnectUnavailable, Status

log = logging.getLogger("smartstore.connectors")

LOOK_SECONDS = 2.0
_WAITING_SECONDS = 0.2
_RESET = "UPDATE ops.rewinds SET reset_at = now() WHERE topic = %s AND requested_at = %s"
_DONE = "DELETE FROM ops.rewinds WHERE topic = %s AND requested_at = %s"


class Rewinds:
    """`sinks`: the connector's name by its topic."""

    def __init__(self, client: ConnectClient, dsn: str, sinks: Mapping[str, str]) -> None:
        self._client = client
        self._dsn = dsn
        self._sinks = sinks
        self._complained = False

    def run(self, stop: threading.Event) -> None:
        """Look every few seconds until `stop` is set; what a silent server prevents is tried again."""
        seconds = 0.0
        while not stop.wait(seconds):
            try:
                seconds = _WAITING_SECONDS if self.look() else LOOK_SECONDS
                self._complained = False
            except (ConnectUnavailable, ConnectRefused, psycopg2.Error) as error:
                seconds = LOOK_SECONDS
                if not self._complained:
                    log.warning("sinks cannot be set back now: %s", " ".join(str(error).split()))
                self._complained = True

    def look(self) -> bool:
        """Take the next step of every sink that is to be set back; whether there is one."""
        connection = psycopg2.connect(self._dsn)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT topic, requested_at, reset_at IS NOT NULL FROM ops.rewinds")
                wanted = [_Wanted(*row) for row in cursor.fetchall()]
            statuses = self._client.statuses() if wanted else {}
            for one in wanted:
                name = self._sinks.get(one.topic)
                if name in statuses:
                    self._step(connection, one, name, statuses[name])
        finally:
            connection.close()
        return bool(wanted)

    def _step(
        self, connection: "psycopg2.extensions.connection", wanted: "_Wanted", name: str, status: Status
    ) -> None:
        if wanted.is_reset:
            self._client.resume(name)
            _run(connection, _DONE, wanted)
            log.info("%s reads its topic from the beginning: its table is new or restored", name)
        elif status.is_stopped:
            if self._client.has_offsets(name):
                self._client.forget_offsets(name)
            _run(connection, _RESET, wanted)
        elif self._client.has_offsets(name):
            self._client.stop(name)
        elif status.connector != "STOPPED":
            _run(connection, _DONE, wanted)


class _Wanted(NamedTuple):
    topic: str
    requested_at: datetime
    is_reset: bool


def _run(connection: "psycopg2.extensions.connection", statement: str, wanted: _Wanted) -> None:
    """About this request, not about a later one for the same topic."""
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, (wanted.topic, wanted.requested_at))
