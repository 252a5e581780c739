"""When did the clock pass an event? The reference that latencies are measured against.

The world lets simulated time run at a known speed and writes a tick's events when the tick is due; the event itself
lies up to one tick before that. So its moment is the wall time of the tick less (tick − timestamp) / speed, and a
latency includes the wait for the tick.
"""

import bisect
import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import redis

from tests.estate import Estate


class Emission:
    """Polls Redis for ticks emitted, while `look` is called often; knows afterwards when which event happened."""

    def __init__(self, estate: Estate, speed: float) -> None:
        self._redis = redis.Redis.from_url(
            estate.environment()["SMARTSTORE_REDIS_URL"], decode_responses=True
        )
        self._ledger = estate.data_dir / "state" / "world" / "ledger"
        self._speed = speed
        self._ticks: list[float] = []
        self._walls: list[float] = []

    def look(self) -> None:
        """Note the tick that was emitted last, if it is new."""
        now = self._redis.get("sim:now")
        if now is None:
            return
        tick = seconds(str(now))
        if not self._ticks or tick > self._ticks[-1]:
            self._ticks.append(tick)
            self._walls.append(time.time())

    def tick_after(self, moment: float) -> float | None:
        """The first tick seen that lies after the moment; both in epoch seconds of simulated time."""
        at = bisect.bisect_right(self._ticks, moment)
        return self._ticks[at] if at < len(self._ticks) else None

    def wall(self, moment: float) -> float | None:
        """Wall time of a moment of simulated time; None outside of what was watched."""
        at = bisect.bisect_right(self._ticks, moment)
        if at in (0, len(self._ticks)):
            return None
        return self._walls[at] - (self._ticks[at] - moment) / self._speed

    def shelf_events(self) -> Iterator[dict[str, Any]]:
        """The shelf events since the watch began, in the ledger's order."""
        for segment in sorted(Path(self._ledger).glob("*.jsonl")):
            with segment.open() as lines:
                for line in lines:
                    if '"line":"shelf_events"' in line[:200]:
                        record = json.loads(line)["data"]
                        if seconds(record["timestamp"]) > self._ticks[0]:
                            yield record


def seconds(timestamp: str) -> float:
    """Epoch seconds of an ISO timestamp."""
    return datetime.fromisoformat(timestamp).timestamp()


def percentiles(found: list[float]) -> dict[str, float]:
    """p50, p95 and p99 in seconds, and of how many samples; nothing for no sample."""
    ordered = sorted(found)
    figures = {f"p{q}": round(ordered[int(len(ordered) * q / 100)], 3) for q in (50, 95, 99)} if found else {}
    return {**figures, "sampled": len(ordered)}
