"""Event → Postgres: when did the clock pass an event, and when did its tick show in SQL?

The world lets simulated time run at a known speed and writes a tick's events when the tick is due; the event itself
lies up to one tick before that. So its moment is the wall time of the tick less (tick − timestamp) / speed, and the
latency includes the wait for the tick.
"""

import json
import random
import time
from datetime import datetime
from typing import Any

import psycopg2
import redis

from tests.estate import Estate


class Latency:
    """Polls Redis for ticks emitted and Postgres for ticks visible."""

    def __init__(self, estate: Estate, speed: float) -> None:
        environment, data_dir = estate.environment(), estate.data_dir
        self._redis = redis.Redis.from_url(environment["SMARTSTORE_REDIS_URL"], decode_responses=True)
        self._postgres = psycopg2.connect(environment["SMARTSTORE_POSTGRES_DSN"])
        self._postgres.autocommit = True
        self._ledger = data_dir / "state" / "world" / "ledger"
        self._speed = speed
        self._emitted: dict[float, float] = {}
        self._visible: dict[tuple[str, float], float] = {}

    def run(self, seconds: float) -> dict[str, float]:
        """Percentiles in seconds over the events of so many seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._look()
            time.sleep(0.02)
        for _ in range(400):  # what was emitted last still has to arrive
            self._look()
            time.sleep(0.02)
        return self._percentiles()

    def _look(self) -> None:
        now = self._redis.get("sim:now")
        if now is not None:
            self._emitted.setdefault(datetime.fromisoformat(str(now)).timestamp(), time.time())
        with self._postgres.cursor() as cursor:
            cursor.execute(
                "select store_id, extract(epoch from max(updated_at)) from state.shelf_state group by 1"
            )
            for store, tick in cursor.fetchall():
                self._visible.setdefault((store, float(tick)), time.time())

    def _percentiles(self) -> dict[str, float]:
        found: list[float] = []
        for record in self._shelf_events():
            moment = datetime.fromisoformat(record["timestamp"]).timestamp()
            ticks = [tick for tick in self._emitted if tick > moment]
            if not ticks:
                continue
            tick = min(ticks)
            shown = self._visible.get((record["store_id"], tick))
            if shown is not None:
                found.append(shown - (self._emitted[tick] - (tick - moment) / self._speed))
        found.sort()
        return {f"p{q}": round(found[int(len(found) * q / 100)], 3) for q in (50, 95, 99)} | {
            "sampled": len(found)
        }

    def _shelf_events(self) -> list[dict[str, Any]]:
        """A sample of the shelf events since the probe began, from the ledger."""
        first = min(self._emitted)
        rows = []
        for segment in sorted(self._ledger.glob("*.jsonl")):
            with segment.open() as lines:
                for line in lines:
                    if '"line":"shelf_events"' in line[:200]:
                        record = json.loads(line)["data"]
                        if datetime.fromisoformat(record["timestamp"]).timestamp() > first:
                            rows.append(record)
        return random.Random(1).sample(rows, min(len(rows), 20_000))
