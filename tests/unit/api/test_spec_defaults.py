"""Defaults: of the tick, of a profile, and those that the data plane's settings declare."""

from datetime import timedelta
from typing import Any

import pytest

from smartstore.contracts.settings import RunSettings
from smartstore_operator.api.smartstore import API_VERSION, KIND, SmartStore, Spec
from smartstore_operator.api.source import TICK_GRID


def _spec(**blocks: Any) -> Spec:
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "demo"}, "spec": blocks}
    return SmartStore.parse(document).spec


@pytest.mark.parametrize(
    ("speed", "tick"),
    [
        (0, timedelta(minutes=5)),
        (0.1, timedelta(milliseconds=500)),
        (1, timedelta(milliseconds=500)),
        (1.5, timedelta(seconds=1)),
        (2, timedelta(seconds=1)),
        (20, timedelta(seconds=10)),
        (60, timedelta(seconds=30)),
        (61, timedelta(minutes=1)),
        (600, timedelta(minutes=5)),
        (601, timedelta(minutes=10)),
        (7200, timedelta(hours=1)),
        (1_000_000, timedelta(hours=1)),
    ],
)
def test_the_default_tick_gives_at_most_two_a_second(speed: float, tick: timedelta) -> None:
    assert _spec(source={"speed": speed}).source.effective_tick() == tick


def test_the_ticks_to_choose_from() -> None:
    seconds = [tick.total_seconds() for tick in TICK_GRID]
    assert seconds == [0.5, 1, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600]


def test_a_tick_that_is_given_wins() -> None:
    assert _spec(source={"speed": 600, "tick": "1m"}).source.effective_tick() == timedelta(minutes=1)


def test_the_world_outside_runs_in_real_time() -> None:
    source = _spec(source={"type": "External"}).source
    assert (source.effective_speed(), source.effective_tick()) == (1.0, timedelta(milliseconds=500))


def test_defaults_and_limits_come_from_the_data_plane() -> None:
    wanted = RunSettings(name="demo")
    spec = _spec()
    assert spec.stores == wanted.stores
    assert spec.source.max_lead == wanted.source.max_lead
    assert spec.source.replay.start == wanted.source.replay.start
    assert spec.planning.shelf.cooldown == timedelta(minutes=wanted.planning.cooldown_minutes)


def test_a_profile_changes_defaults_only() -> None:
    spec = _spec(profile="Production", kafka={"partitions": 6}, streaming={"hot": {"driverMemory": "3Gi"}})
    assert spec.kafka.partitions == 6
    assert spec.kafka.heap == "2Gi"
    assert spec.streaming.hot.driver_memory == "3Gi"
    assert spec.streaming.hot.shuffle_partitions == 12
    assert spec.postgres.memory == "512Mi"
    assert _spec().kafka.heap == "512Mi"
