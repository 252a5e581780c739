"""Maintenance windows: when disruptive changes may be made. Pure.

Disruptive is what starts pods again: another pod template of a workload that exists, or another spec of what other
operators run. Everything of its component waits
with it, so that a pod that starts by itself meanwhile finds what it had. What is new, another number of stores, and
what somebody else changed do not wait.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cronsim import CronSim

from smartstore_operator.api.estate import MaintenanceWindow
from smartstore_operator.reconcile import spark
from smartstore_operator.reconcile.children import rendering_of
from smartstore_operator.reconcile.drift import differences

_WITH_TEMPLATE = ("StatefulSet", "Deployment")
"""Kinds whose pods start again with another template, and by nothing else."""
_BY_OPERATORS = ("Kafka", "KafkaNodePool", "KafkaConnect", "Cluster", "SparkApplication")
"""Kinds whose operators start pods again by most of their fields."""


def next_opening(windows: Sequence[MaintenanceWindow], now: datetime) -> datetime | None:
    """When a window opens next; None while one is open, or if there are none, so that nothing has to wait."""
    if not windows or any(_is_open(window, now) for window in windows):
        return None
    return min(next(CronSim(window.schedule, now)) for window in windows)


def _is_open(window: MaintenanceWindow, now: datetime) -> bool:
    return next(CronSim(window.schedule, now - window.duration)) <= now


def is_disruptive(wanted: Mapping[str, Any], found: Mapping[str, Any] | None) -> bool:
    """Whether applying `wanted` starts pods again, by our own will."""
    if found is None or rendering_of(wanted) == rendering_of(found):
        return False
    if wanted["kind"] in _WITH_TEMPLATE:
        return bool(differences(wanted["spec"]["template"], found["spec"]["template"]))
    if wanted["kind"] == "SparkApplication" and not spark.is_running(found):
        return False
    return wanted["kind"] in _BY_OPERATORS and bool(differences(wanted["spec"], found["spec"]))
