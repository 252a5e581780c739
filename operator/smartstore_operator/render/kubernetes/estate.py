"""What all objects of one SmartStore share."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from smartstore.contracts.applications import is_application
from smartstore_operator.api.marks import STRIMZI_CLUSTER
from smartstore_operator.api.smartstore import Spec
from smartstore_operator.render.component import Component
from smartstore_operator.render.declared import Declared
from smartstore_operator.render.kubernetes.images import Images
from smartstore_operator.render.kubernetes.metadata import (
    CLOUDNATIVE_PG_CLUSTER,
    child_name,
    selector,
)
from smartstore_operator.render.platform import Platform

STRIMZI_PODS = ("kafka", "connect")
"""Components whose pods Strimzi makes, where it is used."""


@dataclass(frozen=True, kw_only=True)
class Estate:
    """One SmartStore in a namespace."""

    name: str
    namespace: str
    images: Images
    platform: Platform
    spec: Spec
    components: tuple[Component, ...]
    declared: Declared
    endpoints: Mapping[str, str]
    """Addresses by system: kafka, redis, postgres, connect; of those that are not ours too."""

    @property
    def keeps_data(self) -> bool:
        """Whether volumes stay when the SmartStore is deleted."""
        return self.spec.deletion_policy == "Retain"

    @property
    def replicas(self) -> int:
        """Pods of each component: one, none while suspended."""
        return 0 if self.spec.suspend else 1

    def has(self, component: str) -> bool:
        """Whether there is a component of this name; else that system is not ours."""
        return any(other.name == component for other in self.components)

    def pods_of(self, component: str) -> dict[str, str]:
        """Labels of a component's pods."""
        operators, name = self.platform.operators, child_name(self.name, component)
        if "Strimzi" in operators and component in STRIMZI_PODS:
            return {STRIMZI_CLUSTER: self.name, "strimzi.io/name": name}
        if "CloudNativePG" in operators and component == "postgres":
            return {CLOUDNATIVE_PG_CLUSTER: name}
        return selector(self.name, component)

    def is_secret(self, text: str) -> bool:
        """Whether `text` holds the value of a secret, as it is or as a URL has it."""
        return any(value in text for value in self._secret_forms)

    @cached_property
    def _secret_forms(self) -> frozenset[str]:
        values = self.platform.secrets.values()
        return frozenset(values) | {quote(value, safe="") for value in values}

    def owner_of(self, port: str) -> Component | None:
        """The component that has the named port; None if that system is not ours."""
        return next((component for component in self.components if port in component.ports), None)

    def clients_of(self, component: Component) -> dict[str, tuple[str, ...]]:
        """By named port of `component`: who connects to it."""
        return {
            port: tuple(
                name
                for other in self.components
                if port in other.reaches
                for name in (other.name, *self._executors(other.name))
            )
            for port in component.ports
        }

    def is_on_spark(self, component: str) -> bool:
        """Whether the Spark operator runs it."""
        return is_application(component) and "SparkOperator" in self.platform.operators

    def _executors(self, component: str) -> tuple[str, ...]:
        return (executors_of(component),) if self.is_on_spark(component) else ()


def executors_of(component: str) -> str:
    """The component name that the pods of an application's executors bear; its Service finds the driver alone."""
    return f"{component}-executors"
