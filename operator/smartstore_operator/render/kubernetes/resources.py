"""Memory, processor and storage of each component."""

from typing import Any

from smartstore.contracts.applications import is_hot
from smartstore_operator.api.scalars import quantity
from smartstore_operator.render.component import Component

_STORAGE = {"kafka": "20Gi", "valkey": "5Gi", "postgres": "10Gi", "world": "5Gi"}
_HOT_STORAGE = "5Gi"


def keeps_state(component: Component) -> bool:
    """Whether what it has in its state directory must outlive its pod."""
    return component.kind == "service" and bool(storage(component))


def storage(component: Component) -> str | None:
    """Size of a component's volume, None if it has none."""
    return component.volume or (_HOT_STORAGE if is_hot(component.name) else _STORAGE.get(component.name))


def resources(component: Component) -> dict[str, Any]:
    """Memory is asked for in full and limited; processor time is shared, since most components mostly wait."""
    return {
        "requests": {"cpu": "50m", "memory": quantity(component.memory)},
        "limits": {"memory": quantity(component.memory)},
    }
