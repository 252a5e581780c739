"""What all objects of one SmartStore share."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from smartstore_operator.render.component import Component
from smartstore_operator.render.kubernetes.images import Images
from smartstore_operator.render.platform import Platform


@dataclass(frozen=True, kw_only=True)
class Estate:
    """One SmartStore in a namespace."""

    name: str
    namespace: str
    images: Images
    platform: Platform
    keeps_data: bool
    """Whether volumes stay when the SmartStore is deleted."""
    replicas: int
    """Pods of each component: one, none while suspended."""
    components: tuple[Component, ...]
    endpoints: Mapping[str, str]
    """Addresses by system: kafka, redis, postgres, connect; of those that are not ours too."""

    def is_secret(self, text: str) -> bool:
        """Whether `text` holds the value of a secret, as it is or as a URL has it."""
        values = self.platform.secrets.values()
        return any(value in text or quote(value, safe="") in text for value in values)

    def owner_of(self, port: str) -> Component | None:
        """The component that has the named port; None if that system is not ours."""
        return next((component for component in self.components if port in component.ports), None)

    def clients_of(self, component: Component) -> dict[str, tuple[str, ...]]:
        """By named port of `component`: who connects to it."""
        return {
            port: tuple(other.name for other in self.components if port in other.reaches)
            for port in component.ports
        }
