"""What reconciling needs of a cluster."""

from collections.abc import Mapping
from typing import Any, Protocol

Object = dict[str, Any]
"""An object as the API server has it, `kind` included."""
MANAGER = "smartstore-operator"
"""Our name as the manager of fields."""


class RequestRefused(Exception):
    """The API server would refuse the same request again; the message says why."""


class Cluster(Protocol):
    """The API server, as `runtime` implements it."""

    async def apply(self, manifest: Mapping[str, Any], *, force: bool = False) -> Object:
        """Server-side apply; the object as it is then. `force` takes fields over from other managers.

        With a `resourceVersion` it is refused if the object has another one.

        Raises:
            RequestRefused: the object cannot be so.
        """

    async def apply_status(self, manifest: Mapping[str, Any]) -> None:
        """Server-side apply of the status subresource."""

    async def create(self, manifest: Mapping[str, Any]) -> Object:
        """Create an object; refused if it is there, whoever made it."""

    async def get(self, kind: str, namespace: str | None, name: str) -> Object | None:
        """The object, None if there is none."""

    async def list(self, kind: str, namespace: str | None, labels: Mapping[str, str]) -> list[Object]:
        """All objects of a kind with these labels."""

    async def serves(self, kind: str) -> bool:
        """Whether the API server has this kind."""

    async def delete(self, kind: str, namespace: str | None, name: str) -> None:
        """Delete an object; that it is gone already is fine."""
