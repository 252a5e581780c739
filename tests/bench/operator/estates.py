"""Many SmartStores: made, edited, and looked at, by an administrator."""

import asyncio
import time

from smartstore_operator.api.smartstore import Spec
from smartstore_operator.runtime.api_server import ApiError, ApiServer
from tests.waiting import until

PER_NAMESPACE = 50
STORES: dict[tuple[str, str], int] = {}
"""How many stores each SmartStore, by namespace and name, was asked for last."""
_DEFAULT_STORES = Spec().stores
_MERGE = {"Content-Type": "application/merge-patch+json"}


def names(count: int) -> list[tuple[str, str]]:
    """Namespace and name of each SmartStore."""
    return [(f"bench-{number // PER_NAMESPACE}", f"s{number}") for number in range(count)]


async def create(server: ApiServer, first: int, count: int) -> None:
    """Make the SmartStores from the one with number `first` on, all at once."""
    wanted = names(count)[first:]
    for namespace in sorted({namespace for namespace, _ in wanted}):
        try:
            await server._ask("POST", "/api/v1/namespaces", json={"metadata": {"name": namespace}})
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
    limit = asyncio.Semaphore(16)

    async def one(namespace: str, name: str) -> None:
        STORES[namespace, name] = _DEFAULT_STORES
        async with limit:
            await server.apply(
                {
                    "apiVersion": "smartstore.io/v1alpha1",
                    "kind": "SmartStore",
                    "metadata": {"name": name, "namespace": namespace},
                    "spec": {"kafka": {"type": "SingleNode"}, "streaming": {"backend": "Local"}},
                }
            )

    await asyncio.gather(*(one(*name) for name in wanted))


async def edit_stores(server: ApiServer, namespace: str, name: str, stores: int) -> float:
    """Change the number of stores; seconds until the last object that follows from it has it."""
    path = f"/apis/smartstore.io/v1alpha1/namespaces/{namespace}/smartstores/{name}"
    STORES[namespace, name] = stores
    begin = time.monotonic()
    await server._ask("PATCH", path, headers=_MERGE, json={"spec": {"stores": stores}})

    async def is_done() -> bool:
        last = await server.get("ConfigMap", namespace, f"{name}-report")
        return last is not None and f'"stores": {stores},' in last["data"]["run.json"]

    await until(is_done, 120)
    return time.monotonic() - begin


async def delete_child(server: ApiServer, namespace: str, name: str) -> float:
    """Delete a Service of a SmartStore; seconds until it is there again."""
    child = f"{name}-kafka"
    begin = time.monotonic()
    await server.delete("Service", namespace, child)

    async def is_back() -> bool:
        return await server.get("Service", namespace, child) is not None

    await until(is_back, 120)
    return time.monotonic() - begin
