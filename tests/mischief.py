"""What people and programs do to SmartStores and their objects, step by step, by a seed."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any

from smartstore_operator.api.marks import ESTATE_LABEL
from smartstore_operator.reconcile.kinds import KINDS
from smartstore_operator.render.kubernetes.metadata import MANAGED
from smartstore_operator.runtime.api_server import ApiError, ApiServer
from tests.final_state import Specs, apply
from tests.specs import CHILDREN

_PLAIN: Mapping[str, Any] = {"kafka": {"type": "SingleNode"}, "streaming": {"backend": "Local"}}
_NOTE = {"metadata": {"annotations": {"team": "shelves"}}}
_EDITS: tuple[Mapping[str, Any], ...] = (
    {"stores": 7},
    {"stores": 12},
    {"lake": {"enabled": False}},
    {"suspend": True},
    {"paused": True},
    {"deletionPolicy": "Delete"},
    {"streaming": {"backend": "Local", "hot": {"driverMemory": "2Gi"}}},
)
_CHANGES: Mapping[str, Mapping[str, Any]] = {
    "StatefulSet": {"spec": {"replicas": 0}},
    "Deployment": {"spec": {"replicas": 0}},
    "Service": {"metadata": {"labels": {ESTATE_LABEL: None}}},
    "ServiceAccount": {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
    "NetworkPolicy": {"spec": {"policyTypes": ["Ingress"]}},
    "CronJob": {"spec": {"suspend": False}},
}
"""By hand: each changes or takes away what is rendered, and adds nothing that would stay."""


def endings(names: tuple[str, ...]) -> Specs:
    """What the SmartStores are to be in the end."""
    return {
        name: {**_PLAIN, "stores": 3 + number, "lake": {"enabled": number % 2 == 0}}
        for number, name in enumerate(names)
    }


class Mischief:
    """Steps on the SmartStores of a namespace; the one called `brief` comes and goes."""

    def __init__(self, server: ApiServer, namespace: str, specs: Specs, seed: int) -> None:
        self._server, self._namespace, self._specs = server, namespace, specs
        self._chance = random.Random(seed)

    async def do(self, steps: int) -> None:
        """So many steps, then the specs as they are to be in the end."""
        await asyncio.gather(*(apply(self._server, self._namespace, name, _PLAIN) for name in self._specs))
        for _ in range(steps):
            await asyncio.sleep(self._chance.uniform(0.1, 0.7))
            step = self._chance.choice(
                (self._edit, self._delete, self._change, self._take_over, self._come_or_go)
            )
            try:
                await step()
            except ApiError as error:
                if error.status not in (404, 409):  # it went or changed meanwhile
                    raise
        for name, spec in self._specs.items():
            await apply(self._server, self._namespace, name, spec)
        await self._server.delete("SmartStore", self._namespace, "brief")

    async def _edit(self) -> None:
        name = self._chance.choice(tuple(self._specs))
        await apply(self._server, self._namespace, name, {**_PLAIN, **self._chance.choice(_EDITS)})

    async def _come_or_go(self) -> None:
        if await self._server.get("SmartStore", self._namespace, "brief"):
            await self._server.delete("SmartStore", self._namespace, "brief")
        else:
            await apply(self._server, self._namespace, "brief", _PLAIN)

    async def _delete(self) -> None:
        kind = self._chance.choice(CHILDREN)
        if (name := await self._one(kind)) is not None:
            await self._server.delete(kind, self._namespace, name)

    async def _change(self) -> None:
        kind = self._chance.choice(tuple(_CHANGES))
        if (name := await self._one(kind)) is not None:
            headers = {"Content-Type": "application/merge-patch+json"}
            await self._server._ask("PATCH", self._path(kind, name), headers=headers, json=_CHANGES[kind])

    async def _take_over(self) -> None:
        """Another program applies another number of pods."""
        if (name := await self._one("StatefulSet")) is not None:
            wanted = {"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"replicas": 3}}
            await self._server._ask(
                "PATCH",
                self._path("StatefulSet", name),
                params={"fieldManager": "flux", "force": "true"},
                headers={"Content-Type": "application/apply-patch+yaml"},
                json={**wanted, "metadata": {"name": name, "namespace": self._namespace}},
            )

    async def _one(self, kind: str) -> str | None:
        """An object of the operator; never the second copy of the passwords, which is what the first is made of."""
        found = await self._server.list(kind, self._namespace, MANAGED)
        names = sorted(item["metadata"]["name"] for item in found)
        names = [name for name in names if not name.endswith(("-credentials-copy", "canary"))]
        return self._chance.choice(names) if names else None

    def _path(self, kind: str, name: str) -> str:
        version, plural = KINDS[kind]
        root = "/api/" if "/" not in version else "/apis/"
        return f"{root}{version}/namespaces/{self._namespace}/{plural}/{name}"
