"""Rendered manifests against a real API server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from smartstore_operator.api.smartstore import SmartStore
from smartstore_operator.reconcile.drift import differences
from smartstore_operator.render import secret_names
from smartstore_operator.render.kubernetes import manifests, place
from smartstore_operator.render.kubernetes.monitoring import OPTIONAL
from smartstore_operator.runtime.api_server import ApiServer, ApplyConflict
from tests.specs import IMAGES, plain

pytestmark = pytest.mark.cluster

SPECS: tuple[dict[str, Any], ...] = (
    {},
    {"source": {"type": "External"}, "streaming": {"hot": {"shards": 2}}},
    {"kafka": {"type": "External", "bootstrapServers": "k1:9092"}, "deletionPolicy": "Delete"},
)


def _manifests(namespace: str, **spec: Any) -> list[dict[str, Any]]:
    document = {"apiVersion": "smartstore.io/v1alpha1", "kind": "SmartStore", "metadata": {"name": "demo"}}
    smartstore = SmartStore.parse({**document, "spec": plain(**spec)})
    secrets = {name: f"value-of-{name}" for name in secret_names(smartstore)}
    platform = place(smartstore, namespace, secrets, "MkU3OEVBNTcwNTJENDM2Qg")
    rendered = manifests(smartstore, platform, namespace, IMAGES)
    return [dict(manifest) for manifest in rendered if manifest["kind"] not in OPTIONAL]


def _wanted(manifest: dict[str, Any]) -> dict[str, Any]:
    """Without what controllers report meanwhile."""
    changing = ("resourceVersion", "managedFields", "annotations")
    kept = {key: value for key, value in manifest["metadata"].items() if key not in changing}
    return {**manifest, "metadata": kept, "status": None}


def _with_server(work: Callable[[ApiServer], Awaitable[None]]) -> None:
    async def run() -> None:
        async with ApiServer.from_environment() as server:
            await work(server)

    asyncio.run(run())


@pytest.mark.parametrize("spec", SPECS)
def test_what_comes_back_is_what_was_asked_for(namespace: str, spec: dict[str, Any]) -> None:
    """So an unchanged object is recognised without having written it."""

    async def work(server: ApiServer) -> None:
        for manifest in _manifests(namespace, **spec):
            found = await server.apply(manifest)
            assert differences(manifest, found) == [], manifest["metadata"]["name"]
            again = await server.apply(manifest)
            assert _wanted(again) == _wanted(found)

    _with_server(work)


def test_a_field_of_another_manager_is_a_conflict_that_names_it(namespace: str) -> None:
    async def work(server: ApiServer) -> None:
        workload = next(m for m in _manifests(namespace) if m["kind"] == "StatefulSet")
        await server.apply(workload)
        changed = {**workload, "spec": {**workload["spec"], "replicas": 0}}
        path = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/{workload['metadata']['name']}"
        other = {"fieldManager": "somebody", "force": "true"}
        headers = {"Content-Type": "application/apply-patch+yaml"}
        await server._ask("PATCH", path, params=other, headers=headers, json=changed)
        with pytest.raises(ApplyConflict, match=r'1 conflict: conflict with "somebody".*: \.spec\.replicas'):
            await server.apply(workload)
        assert (await server.apply(workload, force=True))["spec"]["replicas"] == 1

    _with_server(work)


def test_what_is_gone_is_none_and_deleting_it_again_is_fine(namespace: str) -> None:
    async def work(server: ApiServer) -> None:
        assert await server.get("ConfigMap", namespace, "nothing") is None
        await server.delete("ConfigMap", namespace, "nothing")
        objects = _manifests(namespace)
        for manifest in objects:
            await server.apply(manifest)
        labels = {"app.kubernetes.io/instance": "demo"}
        found = await server.list("StatefulSet", namespace, labels)
        assert {item["metadata"]["name"] for item in found} == {
            manifest["metadata"]["name"] for manifest in objects if manifest["kind"] == "StatefulSet"
        }
        assert {item["kind"] for item in found} == {"StatefulSet"}

    _with_server(work)
