"""Names and labels of the objects."""

from collections.abc import Mapping
from typing import Any

from smartstore_operator.api.marks import COMPONENT_LABEL, ESTATE_LABEL, MANAGER_LABEL, NAME_LABEL

MANAGED = {MANAGER_LABEL: "smartstore-operator"}
"""The label of all that the operator makes."""
CLOUDNATIVE_PG_CLUSTER = "cnpg.io/cluster"
"""Label of CloudNativePG's pods: the Cluster that they belong to."""


def child_name(estate: str, component: str) -> str:
    """Name of a component's objects. An estate's name has 40 characters at most, so it fits into 63."""
    return f"{estate}-{component}"


def selector(estate: str, component: str | None = None) -> dict[str, str]:
    """Labels that tell the pods of a component, or of the whole estate; they never change."""
    own = {COMPONENT_LABEL: component} if component else {}
    return {NAME_LABEL: "smartstore", ESTATE_LABEL: estate, **own}


def metadata(
    estate: str,
    namespace: str,
    component: str | None = None,
    *,
    name: str | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """`metadata` of an object of an estate or of one component."""
    labels = {**selector(estate, component), **MANAGED}
    default = child_name(estate, component) if component else estate
    found: dict[str, Any] = {"name": name or default, "namespace": namespace, "labels": labels}
    if annotations:
        found["annotations"] = dict(annotations)
    return found
