"""Event → Postgres: when did an event happen, and when did its tick show in SQL?"""

import random
import time

import psycopg2

from tests.bench.emission import Emission, percentiles, seconds
from tests.estate import Estate


class Latency:
    """Polls Redis for ticks emitted and Postgres for ticks visible."""

    def __init__(self, estate: Estate, speed: float) -> None:
        self._emission = Emission(estate, speed)
        self._postgres = psycopg2.connect(estate.environment()["SMARTSTORE_POSTGRES_DSN"])
        self._postgres.autocommit = True
        self._visible: dict[tuple[str, float], float] = {}

    def run(self, duration: float) -> dict[str, float]:
        """Percentiles in seconds over the events of so many seconds."""
        end = time.monotonic() + duration + 8  # what was emitted last still has to arrive
        while time.monotonic() < end:
            self._look()
            time.sleep(0.02)
        self._postgres.close()
        return self._percentiles()

    def _look(self) -> None:
        self._emission.look()
        with self._postgres.cursor() as cursor:
            cursor.execute(
                "select store_id, extract(epoch from max(updated_at)) from state.shelf_state group by 1"
            )
            for store, tick in cursor.fetchall():
                self._visible.setdefault((store, float(tick)), time.time())

    def _percentiles(self) -> dict[str, float]:
        records = list(self._emission.shelf_events())
        found: list[float] = []
        for record in random.Random(1).sample(records, min(len(records), 20_000)):
            moment = seconds(record["timestamp"])
            wall, tick = self._emission.wall(moment), self._emission.tick_after(moment)
            shown = None if tick is None else self._visible.get((record["store_id"], tick))
            if wall is not None and shown is not None:
                found.append(shown - wall)
        return percentiles(found)
