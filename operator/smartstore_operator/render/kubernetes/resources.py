"""Memory, processor and storage of each component."""

from typing import Any

from smartstore.contracts.applications import is_hot
from smartstore_operator.api.scalars import quantity
from smartstore_operator.api.smartstore import Spec
from smartstore_operator.render.component import Component

_SMALL_STORAGE = "5Gi"
_KEEPERS = ("kafka", "valkey", "postgres", "world", "lake")


def keeps_state(component: Component) -> bool:
    """Whether what it has in its state directory must outlive its pod."""
    return component.kind == "service" and (component.name in _KEEPERS or is_hot(component.name))


def storage(spec: Spec, component: str) -> str:
    """Size of a component's volume."""
    chosen = {"kafka": spec.kafka.storage, "postgres": spec.postgres.storage, "lake": spec.lake.size}
    return chosen.get(component, _SMALL_STORAGE)


def resources(component: Component) -> dict[str, Any]:
    """Memory is asked for in full and limited; processor time is shared, since most components mostly wait."""
    return {
        "requests": {"cpu": "50m", "memory": quantity(component.memory)},
        "limits": {"memory": quantity(component.memory)},
    }
