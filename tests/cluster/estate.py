"""One SmartStore reconciled by hand, by an administrator who also plays controllers and pods."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from smartstore_operator.reconcile.kinds import WORKLOADS
from smartstore_operator.reconcile.reconciler import Reconciler, Report
from smartstore_operator.reconcile.sight import Sight
from smartstore_operator.runtime.api_server import ApiServer
from tests.specs import CHILDREN, IMAGES, plain

LABELS = {"app.kubernetes.io/instance": "demo"}
PATCH = {"Content-Type": "application/merge-patch+json"}


class Estate:
    """One SmartStore in its namespace, reconciled by hand."""

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self.server, self.namespace = server, namespace
        self.now: str | None = None
        """The time that the operator takes for now; without it one that goes on with each question."""
        self._seconds = itertools.count()
        self.sight = Sight()
        """What source and applications say when they are asked."""
        self.reconciler = Reconciler(server, IMAGES, self._now, self._look)

    def _now(self) -> str:
        return self.now or f"2026-01-01T00:00:{next(self._seconds) % 60:02}Z"

    async def _look(self, *_: object) -> Sight:
        return self.sight

    async def apply(self, **spec: Any) -> None:
        """What a user does."""
        document = {"apiVersion": "smartstore.io/v1alpha1", "kind": "SmartStore", "spec": plain(**spec)}
        await self.server.apply({**document, "metadata": {"name": "demo", "namespace": self.namespace}})

    async def live(self) -> dict[str, Any]:
        found = await self.server.get("SmartStore", self.namespace, "demo")
        assert found is not None
        return found

    async def reconcile(self) -> Report:
        return await self.reconciler.reconcile(await self.live())

    async def condition(self, kind: str = "Ready") -> dict[str, Any]:
        found = (await self.live())["status"]["conditions"]
        return dict(next(condition for condition in found if condition["type"] == kind))

    async def children(self, *kinds: str) -> set[str]:
        return {
            f"{kind}/{item['metadata']['name']}"
            for kind in kinds or CHILDREN
            for item in await self.server.list(kind, self.namespace, LABELS)
        }

    async def patch(self, path: str, change: dict[str, Any]) -> None:
        """What anybody does by `kubectl edit`."""
        await self.server._ask("PATCH", path, headers=PATCH, json=change)

    async def become_ready(self) -> None:
        """All workloads that exist do their work."""
        for kind in WORKLOADS:
            group, plural = ("batch", "jobs") if kind == "Job" else ("apps", f"{kind.lower()}s")
            for item in await self.server.list(kind, self.namespace, LABELS):
                status: dict[str, Any] = {"observedGeneration": item["metadata"]["generation"]}
                status |= {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}
                if kind == "Job":
                    status = {"succeeded": 1}
                name = item["metadata"]["name"]
                await self.patch(
                    f"/apis/{group}/v1/namespaces/{self.namespace}/{plural}/{name}/status", {"status": status}
                )

    async def until_ready(self) -> int:
        """Passes until all runs; how many it took."""
        for count in range(1, 10):
            if (await self.reconcile()).ready:
                return count
            await self.become_ready()
        raise AssertionError(await self.condition())


def with_estate(namespace: str, work: Callable[[Estate], Awaitable[None]]) -> None:
    """Run `work` with the SmartStore `demo`, which is not there yet."""

    async def run(server: ApiServer) -> None:
        await work(Estate(server, namespace))

    with_server(run)


def with_server(work: Callable[[ApiServer], Awaitable[None]]) -> None:
    """Run `work` as the administrator."""

    async def run() -> None:
        async with ApiServer.from_environment() as server:
            await work(server)

    asyncio.run(run())
