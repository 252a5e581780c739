"""A Job runs again when the volume of what it needs was lost."""

from typing import Any

import pytest

from smartstore_operator.reconcile.rerun import outlived
from smartstore_operator.render.component import Component

pytestmark = pytest.mark.unit

COMPONENTS = (
    Component(name="postgres", argv=("postgres",)),
    Component(name="migrate", argv=("migrate",), kind="oneshot", needs=("postgres",)),
    Component(name="topics", argv=("topics",), kind="oneshot", needs=("kafka",)),
)
JOBS = {"migrate": "demo-migrate-1", "topics": "demo-topics-1"}


def _found(volume: str, finished: str | None) -> dict[tuple[str, str], dict[str, Any]]:
    status = {"completionTime": finished} if finished else {}
    return {
        ("Job", "demo-migrate-1"): {"metadata": {"name": "demo-migrate-1"}, "status": status},
        ("Job", "demo-topics-1"): {
            "metadata": {"name": "demo-topics-1"},
            "status": {"completionTime": "2026-01-01T00:00:00Z"},
        },
        ("PersistentVolumeClaim", "state-demo-postgres-0"): {"metadata": {"creationTimestamp": volume}},
    }


@pytest.mark.parametrize(
    ("volume", "finished", "wanted"),
    [
        ("2026-01-01T00:00:01Z", "2026-01-01T00:00:09Z", []),
        ("2026-01-01T00:00:10Z", "2026-01-01T00:00:09Z", ["demo-migrate-1"]),
        ("2026-01-01T00:00:10Z", None, []),
    ],
)
def test_it_runs_again_when_the_volume_is_younger(
    volume: str, finished: str | None, wanted: list[str]
) -> None:
    assert list(outlived("demo", COMPONENTS, JOBS, _found(volume, finished))) == wanted
    assert list(outlived("demo", COMPONENTS, {}, _found(volume, finished))) == []
