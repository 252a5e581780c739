"""The hot application against the in-memory runner, through kills and a second driver on its checkpoint."""

from collections.abc import Callable
from pathlib import Path

import pytest

from smartstore.contracts.settings import PlanningSettings
from smartstore.domain.engine import Parameters
from tests.integration.streaming.hot_process import Hot, SubmittedHot
from tests.integration.streaming.lines_on_kafka import (
    START_MS,
    STEP_MS,
    Lines,
    outputs_of_the_memory_runner,
    published,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]
STORES = ("s0001", "s0002", "s0003")


def test_outputs_equal_the_in_memory_runner_through_kills_and_a_second_driver(
    bootstrap: str, topic_prefix: str, new_hot: Callable[[], Hot]
) -> None:
    lines = Lines(bootstrap, topic_prefix, STORES, shelves=60)
    hot = new_hot().start()
    lines.open_stores()
    lines.minutes(1, 40, events=40)
    hot.wait_for(START_MS + 5 * STEP_MS)
    hot.kill_python_worker()
    lines.minutes(41, 80, events=40)
    hot.wait_for(START_MS + 45 * STEP_MS)
    hot.kill()
    hot.start()
    lines.minutes(81, 120, events=40)
    hot.wait_for(START_MS + 85 * STEP_MS)  # so it is the new driver that holds the lock
    assert hot.spawn().wait(timeout=60) == 1
    assert "another driver (process id" in hot.log.read_text()
    hot.wait_for(START_MS + 121 * STEP_MS)
    assert hot.stop() == 0

    _demand_equal_outputs(bootstrap, topic_prefix, at_least=5_000)


def test_with_executors_of_its_own_outputs_are_the_same_through_kills(
    bootstrap: str, topic_prefix: str, tmp_path: Path
) -> None:
    lines = Lines(bootstrap, topic_prefix, STORES, shelves=30)
    hot = SubmittedHot(bootstrap, topic_prefix, tmp_path / "submitted")
    try:
        hot.start()
        lines.open_stores()
        lines.minutes(1, 20, events=20)
        hot.wait_for(START_MS + 3 * STEP_MS)
        hot.kill_executor()
        lines.minutes(21, 40, events=20)
        hot.wait_for(START_MS + 25 * STEP_MS)
        hot.kill()
        hot.start()
        lines.minutes(41, 60, events=20)
        hot.wait_for(START_MS + 61 * STEP_MS)
    finally:
        hot.end()
    _demand_equal_outputs(bootstrap, topic_prefix, at_least=1_000)


def _demand_equal_outputs(bootstrap: str, topic_prefix: str, at_least: int) -> None:
    expected = outputs_of_the_memory_runner(bootstrap, topic_prefix, Parameters(STEP_MS, PlanningSettings()))
    found = published(bootstrap, topic_prefix)
    assert found.keys() == expected.keys()
    assert sum(expected.values()) > at_least
    assert {"wh_events", "shelf_events"} <= {topic for topic, _, _ in expected}  # facts of jobs
