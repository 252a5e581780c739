"""kill -9 of every process, twice, at random moments: the books must come out the same (`make test-chaos`)."""

import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.estate import Estate, running, spec, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]

VICTIMS = (
    *("hot", "jvm", "python-worker", "lake"),
    *("kafka", "connect", "bridge", "valkey", "postgres", "world"),
)
FOURTEEN_DAYS: dict[str, Any] = {"type": "Simulation", "startHour": 6, "days": 14, "speed": 0, "tick": "30m"}
FAULTS = {"malformedPct": 1, "duplicatePct": 2, "latePct": 5, "lateMax": "15m"}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("simulation", {"type": "Simulation", "startHour": 6, "days": 1, "speed": 120, "faults": FAULTS}),
        (
            "replay",
            {"type": "Replay", "startHour": 12, "days": 1, "speed": 120, "replay": {"multiplier": 100}},
        ),
    ],
)
def test_books_are_right_after_every_process_was_killed_twice(
    name: str, source: dict[str, Any], tmp_path: Path
) -> None:
    chance = random.Random(f"{name}-{time.time_ns()}")
    order = chance.sample(VICTIMS * 2, len(VICTIMS) * 2)
    with running(spec(name, stores=3, lake=True, **source), tmp_path) as estate:
        for victim in order:
            time.sleep(chance.uniform(5, 25))
            print(f"kill -9 {victim}", flush=True)
            estate.kill(victim)
        _verify(estate)


def _verify(estate: Estate) -> None:
    wait_until("a clean verdict", lambda: estate.verify() == "clean", 300)


def test_a_fortnight_is_right_although_something_dies_all_the_time(tmp_path: Path) -> None:
    """Every 20 to 40 s, until the fortnight is over."""
    chance = random.Random(f"fortnight-{time.time_ns()}")
    with running(spec("fortnight", stores=3, lake=True, **FOURTEEN_DAYS), tmp_path) as estate:
        victims: list[str] = []
        while not estate.status()["finished"]:
            victims = victims or chance.sample(VICTIMS, len(VICTIMS))
            victim = victims.pop()
            print(f"kill -9 {victim}", flush=True)
            estate.kill(victim)
            time.sleep(chance.uniform(20, 40))
        wait_until("the lake has nearly all", lambda: estate.lake_lag() < 10_000, 1800)
        wait_until("a clean verdict at the last tick", estate.is_verified_to_the_end, 600)
        wait_until("the lake has all", lambda: estate.lake_awaits() == 0, 300)
        judged = dict(estate.rows("select cause, count(*) from ops.adjustments group by 1"))
        assert judged == {}
