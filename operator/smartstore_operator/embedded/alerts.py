"""The newest alerts, read from Postgres by a light query."""

from dataclasses import dataclass
from datetime import date, datetime

import psycopg2
import psycopg2.extensions

SHOWN = 14
_COUNTS = (
    "SELECT alert_type, count(*) FROM ops.alerts WHERE status IN ('open', 'acknowledged') GROUP BY alert_type"
)
# Both queries go by the index on (status, created_at).
_NEWEST = """
    SELECT alert_id, store_id, shelf_id, alert_type, status, current_stock, capacity, expiry_date, created_at
    FROM ops.alerts WHERE status IN ('open', 'acknowledged') ORDER BY created_at DESC, alert_id LIMIT %s
"""


@dataclass(frozen=True)
class AlertRow:
    """One alert as the live view shows it; times are simulated."""

    alert_id: str
    store_id: str
    shelf_id: str
    alert_type: str
    status: str
    current_stock: int
    capacity: int
    expiry_date: date | None
    created_at: datetime

    def describe(self) -> str:
        """`refill_request s367/1082185 3 of 18`."""
        about = f"{self.alert_type} {self.store_id}/{self.shelf_id}"
        if self.expiry_date is not None:
            return f"{about} expires {self.expiry_date}, {self.current_stock} of {self.capacity}"
        return f"{about} {self.current_stock} of {self.capacity}"


@dataclass(frozen=True)
class Alerts:
    """Alerts that are not resolved: how many by type, and the newest."""

    counts: dict[str, int]
    newest: tuple[AlertRow, ...]


class AlertReader:
    """Reads alerts over one connection, which is made again when it was lost."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: psycopg2.extensions.connection | None = None

    def read(self) -> Alerts | None:
        """The alerts now; None while Postgres or its tables are not there."""
        try:
            with self._open().cursor() as cursor:
                cursor.execute(_COUNTS)
                counts = {kind: int(count) for kind, count in cursor.fetchall()}
                cursor.execute(_NEWEST, (SHOWN,))
                return Alerts(counts, tuple(AlertRow(*row) for row in cursor.fetchall()))
        except psycopg2.errors.UndefinedTable:
            return None
        except psycopg2.Error:
            self.close()
            return None

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> psycopg2.extensions.connection:
        if self._connection is None or self._connection.closed:
            options = "-c statement_timeout=2000 -c timezone=UTC"
            self._connection = psycopg2.connect(
                self._dsn, connect_timeout=2, application_name="smartstore-view", options=options
            )
            self._connection.autocommit = True
        return self._connection
