"""The part of controllers and pods, which an API server alone does not have."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from smartstore_operator.runtime.api_server import ApiError, ApiServer
from tests.specs import CHILDREN

_PLACES = {
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "Job": ("/apis/batch/v1", "jobs"),
}
_MERGE = {"Content-Type": "application/merge-patch+json"}
_READY = {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}


@asynccontextmanager
async def controllers(server: ApiServer, namespace: str) -> AsyncIterator[None]:
    """What lives in a namespace while the block runs: pods that become ready, and the collector of garbage."""
    tasks = [
        asyncio.create_task(play(server, namespace)),
        asyncio.create_task(collect_garbage(server, namespace)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def play(server: ApiServer, namespace: str | None = None) -> None:
    """Every workload is ready soon after it is made, in one namespace or all; until cancelled."""
    async with asyncio.TaskGroup() as group:
        for kind in _PLACES:
            group.create_task(_play(server, kind, namespace))


async def collect_garbage(server: ApiServer, namespace: str) -> None:
    """What belonged to a SmartStore goes after it; until cancelled."""
    while True:
        await asyncio.sleep(0.3)
        for kind, name in await garbage(server, namespace):
            await server.delete(kind, namespace, name)


async def garbage(server: ApiServer, namespace: str) -> list[tuple[str, str]]:
    """What belonged to a SmartStore that is gone: kinds and names."""
    items = [(kind, item["metadata"]) for kind in CHILDREN for item in await server.list(kind, namespace, {})]
    # the owners last: one that came since is no reason to delete
    living = {one["metadata"]["uid"] for one in await server.list("SmartStore", namespace, {})}
    return [
        (kind, metadata["name"])
        for kind, metadata in items
        if (owners := {owner["uid"] for owner in metadata.get("ownerReferences", [])}) and not owners & living
    ]


async def end_namespace(server: ApiServer, namespace: str) -> None:
    """Delete a namespace and all that is in it, whatever kind it is of, until nothing comes any more.

    Raises:
        TimeoutError: something has a finalizer that nobody takes away.
    """
    path = f"/api/v1/namespaces/{namespace}"
    await server._ask("DELETE", path)
    async with asyncio.timeout(30):
        while await _emptied(server, namespace):
            await asyncio.sleep(0.1)
    found = await server._ask("GET", path)
    await server._ask("PUT", f"{path}/finalize", json={**found, "spec": {"finalizers": []}})


async def _emptied(server: ApiServer, namespace: str) -> int:
    """Delete what there is; how much it was."""
    count = 0
    for root in ["/api/v1", *(f"/apis/{version}" for version in await _versions(server))]:
        for resource in (await server._ask("GET", root))["resources"]:
            if resource["namespaced"] and {"list", "deletecollection"} <= set(resource["verbs"]):
                path = f"{root}/namespaces/{namespace}/{resource['name']}"
                if items := (await server._ask("GET", path))["items"]:
                    count += len(items)
                    await server._ask("DELETE", path, params={"propagationPolicy": "Background"})
    return count


async def _versions(server: ApiServer) -> list[str]:
    groups = (await server._ask("GET", "/apis"))["groups"]
    return [group["preferredVersion"]["groupVersion"] for group in groups]


async def _play(server: ApiServer, kind: str, namespace: str | None) -> None:
    group, plural = _PLACES[kind]
    path = f"{group}/namespaces/{namespace}/{plural}" if namespace else f"{group}/{plural}"
    for_ever = aiohttp.ClientTimeout()
    while True:
        try:
            async with server._request("GET", path, params={"watch": "1"}, timeout=for_ever) as answer:
                async for line in answer.content:
                    event = json.loads(line)
                    if event["type"] in ("ADDED", "MODIFIED"):
                        await _make_ready(server, kind, event["object"])
        except aiohttp.ClientError:
            await asyncio.sleep(0.5)


async def _make_ready(server: ApiServer, kind: str, item: dict[str, Any]) -> None:
    meta, status = item["metadata"], item.get("status", {})
    if kind == "Job":
        wanted: dict[str, Any] = {"succeeded": 1}
        is_ready = status.get("succeeded") == 1
    else:
        wanted = {"observedGeneration": meta["generation"], **_READY}
        is_ready = wanted.items() <= status.items()
    if is_ready:
        return
    group, plural = _PLACES[kind]
    path = f"{group}/namespaces/{meta['namespace']}/{plural}/{meta['name']}/status"
    try:
        await server._ask("PATCH", path, json={"status": wanted}, headers=_MERGE)
    except ApiError as error:
        if error.status != 404:
            raise
