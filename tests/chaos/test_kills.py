"""kill -9 of every process, twice, at random moments: the books must come out the same (`make test-chaos`)."""

import random
import time
from pathlib import Path

import pytest

from tests.estate import running, spec, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]

VICTIMS = ("hot", "python-worker", "kafka", "connect", "bridge", "valkey", "postgres", "world", "jvm")
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
    name: str, source: dict[str, object], tmp_path: Path
) -> None:
    chance = random.Random(f"{name}-{time.time_ns()}")
    order = chance.sample(VICTIMS * 2, len(VICTIMS) * 2)
    with running(spec(name, stores=3, **source), tmp_path) as estate:
        for victim in order:
            time.sleep(chance.uniform(5, 25))
            print(f"kill -9 {victim}", flush=True)
            estate.kill(victim)
        wait_until("a clean verdict", lambda: estate.verify() == "clean", 300)
