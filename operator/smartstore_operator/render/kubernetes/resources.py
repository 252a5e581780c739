"""Memory, processor and storage of each component."""

from typing import Any

from smartstore.contracts.applications import is_hot
from smartstore_operator.api.scalars import quantity
from smartstore_operator.render.component import Component

_STORAGE = "5Gi"
_KEEPERS = ("kafka", "valkey", "postgres", "world", "lake")


def keeps_state(component: Component) -> bool:
    """Whether what it has in its state directory must outlive its pod."""
    return component.kind == "service" and (component.name in _KEEPERS or is_hot(component.name))


def has_own_claim(component: Component) -> bool:
    """Whether it is a task that keeps something from one run to the next."""
    return component.kind == "task" and component.volume is not None


def storage(component: Component) -> str:
    """Size of a component's volume."""
    return component.volume or _STORAGE


def resources(component: Component) -> dict[str, Any]:
    """Memory is asked for in full and limited; processor time is shared, since most components mostly wait."""
    return {
        "requests": {"cpu": "50m", "memory": quantity(component.memory)},
        "limits": {"memory": quantity(component.memory)},
    }
