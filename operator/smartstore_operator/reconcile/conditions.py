"""Conditions of a SmartStore: one for each component, and `Ready` over all. Pure.

https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smartstore_operator.api.reasons import Reason
from smartstore_operator.api.smartstore import Spec
from smartstore_operator.reconcile.health import Health

READY = "Ready"
Condition = Mapping[str, Any]


@dataclass(frozen=True)
class Choice:
    """Why a SmartStore is not kept ready although nothing is wrong."""

    reason: str
    message: str


def condition_type(component: str) -> str:
    """The type of a component's condition: `hot-0` → `Hot0Ready`."""
    return "".join(word.capitalize() for word in component.split("-")) + "Ready"


def choice_of(spec: Spec) -> Choice | None:
    """What the user chose that explains why not all runs, or why nothing is done about it."""
    if spec.paused:
        return Choice(Reason.PAUSED, "spec.paused is true: the operator leaves everything as it is")
    if spec.suspend:
        return Choice(Reason.SUSPENDED, "spec.suspend is true: nothing runs, state is kept")
    return None


def conditions(
    healths: Mapping[str, Health],
    before: Sequence[Condition],
    generation: int,
    now: str,
    choice: Choice | None = None,
) -> list[dict[str, Any]]:
    """The conditions by the components' health, in that order after `Ready`.

    `before` are those of the last status, `now` the time as RFC 3339: a condition whose status stays keeps its time.
    """
    known = {condition["type"]: condition for condition in before}
    found = [
        _overall(healths, choice),
        *(_of(condition_type(name), health) for name, health in healths.items()),
    ]
    for condition in found:
        condition["observedGeneration"] = generation
        last = known.get(condition["type"])
        same = last is not None and last["status"] == condition["status"]
        condition["lastTransitionTime"] = last["lastTransitionTime"] if last is not None and same else now
    return found


def refused(
    reason: str, message: str, before: Sequence[Condition], generation: int, now: str
) -> list[dict[str, Any]]:
    """`Ready=False` because the spec cannot be followed; the components' conditions stay as they were."""
    own = {
        "type": READY,
        "status": "False",
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
    }
    last = next((condition for condition in before if condition["type"] == READY), None)
    same = last is not None and last["status"] == "False"
    own["lastTransitionTime"] = last["lastTransitionTime"] if last is not None and same else now
    return [own, *(dict(condition) for condition in before if condition["type"] != READY)]


def _of(kind: str, health: Health) -> dict[str, Any]:
    if health.is_ready:
        return {"type": kind, "status": "True", "reason": Reason.READY, "message": ""}
    return {"type": kind, "status": "False", "reason": health.reason, "message": health.message}


def _overall(healths: Mapping[str, Health], choice: Choice | None) -> dict[str, Any]:
    if choice is not None:
        return {"type": READY, "status": "False", "reason": choice.reason, "message": choice.message}
    waiting = {name: health for name, health in healths.items() if not health.is_ready}
    if not waiting:
        return {"type": READY, "status": "True", "reason": Reason.ALL_COMPONENTS_READY, "message": ""}
    broken = {name: health for name, health in waiting.items() if health.state == "Degraded"}
    name, health = next(iter((broken or waiting).items()))
    reason = Reason.COMPONENT_DEGRADED if broken else Reason.COMPONENTS_NOT_READY
    others = len(waiting) - 1
    message = f"{name}: {health.message or health.reason}" + (f" (and {others} more)" if others else "")
    return {"type": READY, "status": "False", "reason": reason, "message": message}
