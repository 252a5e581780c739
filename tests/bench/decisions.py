"""Event → alert → plan: when did the last pickup before an alert happen, when were alert and plan there in SQL?"""

import time
from typing import Any

import psycopg2

from tests.bench.emission import Emission, percentiles, seconds
from tests.estate import Estate

_NEW_ALERTS = (
    "select alert_id, store_id, shelf_id, extract(epoch from created_at) from ops.alerts"
    " where alert_type = 'refill_request' and created_at >= to_timestamp(%s)"
)
_NEW_PLANS = (
    "select plan_id, store_id, shelf_id, extract(epoch from created_at) from ops.shelf_restock_plan"
    " where created_at >= to_timestamp(%s)"
)
_OVERLAP_SECONDS = 3600.0
"""Of simulated time: a row this much older than the newest one may still be new."""

Shelf = tuple[str, str]
Sighting = tuple[float, float]
"""When it was decided (simulated), when it was seen first (wall); epoch seconds."""


class _Sightings:
    """Rows of one query as they appear."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._since = 0.0
        self._known: set[str] | None = None
        self.by_shelf: dict[Shelf, list[Sighting]] = {}

    def look(self, cursor: Any) -> None:
        """Note what is new; what the first look finds has no time."""
        cursor.execute(self._query, (self._since,))
        rows, now = cursor.fetchall(), time.time()
        known = {row[0] for row in rows} if self._known is None else self._known
        for key, store, shelf, created in rows:
            self._since = max(self._since, float(created) - _OVERLAP_SECONDS)
            if key not in known:
                known.add(key)
                self.by_shelf.setdefault((store, shelf), []).append((float(created), now))
        self._known = known


class Decisions:
    """Polls for ticks emitted, refill alerts and restock plans."""

    def __init__(self, estate: Estate, speed: float) -> None:
        self._emission = Emission(estate, speed)
        self._alerts, self._plans = _Sightings(_NEW_ALERTS), _Sightings(_NEW_PLANS)
        self._postgres = psycopg2.connect(estate.environment()["SMARTSTORE_POSTGRES_DSN"])
        self._postgres.autocommit = True

    def run(self, duration: float) -> dict[str, dict[str, float]]:
        """Percentiles in seconds of both steps over so many seconds."""
        end = time.monotonic() + duration
        while time.monotonic() < end:
            self._emission.look()
            with self._postgres.cursor() as cursor:
                self._plans.look(cursor)  # before the alerts, so that no plan seems earlier than it was
                self._alerts.look(cursor)
            time.sleep(0.05)
        self._postgres.close()
        return {"event_to_alert": percentiles(self._waits()), "alert_to_plan": percentiles(self._answers())}

    def _waits(self) -> list[float]:
        """From the pickup that made an alert due to the alert."""
        pickups: dict[Shelf, list[float]] = {}
        for record in self._emission.shelf_events():
            if record["event_type"] == "pickup":
                shelf = (record["store_id"], record["shelf_id"])
                pickups.setdefault(shelf, []).append(seconds(record["timestamp"]))
        found = []
        for shelf, sightings in self._alerts.by_shelf.items():
            for created, seen in sightings:
                earlier = [moment for moment in pickups.get(shelf, []) if moment <= created]
                happened = self._emission.wall(max(earlier)) if earlier else None
                if happened is not None:
                    found.append(seen - happened)
        return found

    def _answers(self) -> list[float]:
        """From an alert to the first plan for its shelf; not negative: rows of one batch come by two connectors."""
        found = []
        for shelf, sightings in self._alerts.by_shelf.items():
            for created, seen in sightings:
                later = [shown for made, shown in self._plans.by_shelf.get(shelf, []) if made >= created]
                if later:
                    found.append(max(0.0, min(later) - seen))
        return found
