"""The part of controllers and pods: every workload is ready soon after it is made."""

import asyncio
import json
from typing import Any

import httpx

from smartstore_operator.runtime.api_server import ApiServer

_PATHS = {
    "StatefulSet": "/apis/apps/v1/statefulsets",
    "Deployment": "/apis/apps/v1/deployments",
    "Job": "/apis/batch/v1/jobs",
}
_MERGE = {"Content-Type": "application/merge-patch+json"}
_READY = {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}


async def play(server: ApiServer) -> None:
    """Until cancelled."""
    async with asyncio.TaskGroup() as group:
        for kind, path in _PATHS.items():
            group.create_task(_play(server, kind, path))


async def _play(server: ApiServer, kind: str, path: str) -> None:
    client: httpx.AsyncClient = server._client
    while True:
        try:
            async with client.stream("GET", path, params={"watch": "1"}, timeout=None) as answer:
                async for line in answer.aiter_lines():
                    event = json.loads(line)
                    if event["type"] in ("ADDED", "MODIFIED"):
                        await _make_ready(server, kind, event["object"])
        except httpx.HTTPError:
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
    plural = _PATHS[kind].rpartition("/")[2]
    group = _PATHS[kind].rpartition("/")[0]
    path = f"{group}/namespaces/{meta['namespace']}/{plural}/{meta['name']}/status"
    response = await server._client.patch(path, json={"status": wanted}, headers=_MERGE)
    if response.status_code != 404:
        response.raise_for_status()
