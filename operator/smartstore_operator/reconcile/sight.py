"""What the processes of a SmartStore say of themselves, and how the status repeats it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from smartstore_operator.api.marks import COMPONENT_LABEL

REPEATED_EVERY = timedelta(seconds=60)
"""Lags and ticks always change; writing each change would be answered by another look, for ever."""


@dataclass(frozen=True, kw_only=True)
class Application:
    """One streaming application; what it does not say is None."""

    name: str
    lag_records: int | None = None
    last_batch_seconds: float | None = None
    ticks: Mapping[str, str] = field(default_factory=dict)
    """By job: the tick that the slowest store has acknowledged, RFC 3339."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """All of them at one moment."""

    stores: int | None = None
    """How many are open; None where the source does not answer."""
    applications: tuple[Application, ...] = ()


def is_due(last: Mapping[str, Any], now: str) -> bool:
    """Whether the status says again what applications say. `last`: the status as it is."""
    said = last.get("applicationsAt")
    return said is None or datetime.fromisoformat(now) - datetime.fromisoformat(said) >= REPEATED_EVERY


def repeated(
    applications: Iterable[Application], pods: Iterable[Mapping[str, Any]], now: str
) -> dict[str, Any]:
    """The part of the status that applications have."""
    restarts = _restarts(pods)
    return {
        "applications": [_as_status(each, restarts.get(each.name, 0)) for each in applications],
        "applicationsAt": now,
    }


def _as_status(application: Application, restarts: int) -> dict[str, Any]:
    said = {"lagRecords": application.lag_records, "lastBatchSeconds": application.last_batch_seconds}
    return {
        "name": application.name,
        "restarts": restarts,
        **{name: value for name, value in said.items() if value is not None},
        "jobs": [{"name": name, "tick": tick} for name, tick in application.ticks.items()],
    }


def _restarts(pods: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """By component: how often containers of its pods were started again."""
    found: dict[str, int] = {}
    for pod in pods:
        component = pod["metadata"]["labels"].get(COMPONENT_LABEL, "")
        containers = pod.get("status", {}).get("containerStatuses", [])
        found[component] = found.get(component, 0) + sum(each["restartCount"] for each in containers)
    return found
