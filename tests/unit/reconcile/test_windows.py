"""When disruptive changes may be made, and which ones are disruptive."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from smartstore_operator.api.estate import MaintenanceWindow
from smartstore_operator.reconcile.children import marked
from smartstore_operator.reconcile.windows import is_disruptive, next_opening

pytestmark = pytest.mark.unit

NIGHTS = MaintenanceWindow(schedule="0 2 * * *", duration=timedelta(hours=3))
SUNDAYS = MaintenanceWindow(schedule="30 22 * * 0", duration=timedelta(hours=4))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}Z")


def test_without_windows_nothing_waits() -> None:
    assert next_opening((), _at("11-30T12:00")) is None


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("12-01T01:59", "12-01T02:00"),
        ("12-01T02:00", None),
        ("12-01T04:59", None),
        ("12-01T05:00", "12-02T02:00"),
        ("11-30T12:00", "12-01T02:00"),
        ("12-06T22:29", "12-06T22:30"),  # a Sunday
        ("12-07T01:00", None),  # begun on Sunday, not over
    ],
)
def test_the_next_opening(moment: str, opening: str | None) -> None:
    expected = None if opening is None else _at(opening)
    assert next_opening((NIGHTS, SUNDAYS), _at(moment)) == expected


def test_times_are_utc() -> None:
    found = next_opening((NIGHTS,), _at("11-30T12:00"))
    assert found is not None
    assert found.tzinfo == UTC


def _workload(kind: str = "Deployment", image: str = "a:1", replicas: int = 1) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "main", "image": image}]}}
    return marked(
        {"kind": kind, "metadata": {"name": "x"}, "spec": {"replicas": replicas, "template": template}}
    )


def test_another_template_is_disruptive_and_nothing_else() -> None:
    there = _workload()
    assert is_disruptive(_workload(image="a:2"), there)
    assert not is_disruptive(_workload(replicas=0), there)
    assert not is_disruptive(_workload(image="a:2"), None)
    assert not is_disruptive(_workload(kind="Job", image="a:2"), _workload(kind="Job"))


def test_what_somebody_else_did_to_the_template_is_taken_back_at_once() -> None:
    wanted, edited = _workload(), _workload(image="evil:1")
    edited["metadata"] = wanted["metadata"]
    assert not is_disruptive(wanted, edited)
