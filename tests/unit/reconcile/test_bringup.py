"""The order of the first start."""

import pytest

from smartstore_operator.reconcile.bringup import held_back
from smartstore_operator.reconcile.health import READY, Health
from smartstore_operator.render.component import Component

pytestmark = pytest.mark.unit

MISSING = Health("Missing", "NotCreated", "")
SLOW = Health("Progressing", "PodNotReady", "")
ESTATE = (
    Component(name="kafka", argv=("kafka",)),
    Component(name="topics", argv=("topics",), needs=("kafka",), kind="oneshot"),
    Component(name="hot", argv=("hot",), needs=("topics",)),
    Component(name="lake", argv=("lake",), needs=("topics",), after=("hot",)),
)


def _waiting(**healths: Health) -> list[str]:
    return list(held_back(ESTATE, {component.name: MISSING for component in ESTATE} | healths))


def test_nothing_runs_before_what_it_needs() -> None:
    assert _waiting() == ["topics", "hot", "lake"]
    assert _waiting(kafka=SLOW) == ["topics", "hot", "lake"]
    assert _waiting(kafka=READY) == ["hot", "lake"]
    assert _waiting(kafka=READY, topics=READY) == ["lake"]


def test_who_comes_after_another_waits_until_it_is_there_not_until_it_is_ready() -> None:
    assert _waiting(kafka=READY, topics=READY, hot=SLOW) == []


def test_what_exists_stays_though_its_needs_fail() -> None:
    assert _waiting(kafka=SLOW, topics=READY, hot=SLOW, lake=SLOW) == []


def test_what_an_earlier_one_left_does_not_do_without_what_it_needs() -> None:
    assert _waiting(kafka=SLOW, topics=READY) == ["hot", "lake"]
    found = held_back(ESTATE, {"kafka": SLOW, "topics": READY, "hot": MISSING, "lake": MISSING})
    assert found["hot"].message == "it waits for kafka"


def test_it_says_what_it_waits_for() -> None:
    found = held_back(ESTATE, {component.name: MISSING for component in ESTATE})
    assert found["hot"].message == "it waits for topics"
