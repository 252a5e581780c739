"""Specs that cannot be followed. Each is refused with the field, the reason and what to do instead: by the API server
where a schema or a rule can see it, else by the operator, as the condition `Ready` of the SmartStore, and nothing is
touched."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from smartstore_operator.api.smartstore import API_VERSION, KIND
from smartstore_operator.reconcile.kinds import WORKLOADS
from smartstore_operator.reconcile.reconciler import Reconciler
from smartstore_operator.reconcile.sight import Sight
from smartstore_operator.runtime.api_server import ApiError, ApiServer
from tests.cluster.bad_specs import ALLOWED_CHANGES, BY_THE_API_SERVER, BY_THE_OPERATOR, CHANGES, Bad, Spec
from tests.specs import IMAGES

pytestmark = pytest.mark.cluster


def _document(namespace: str, spec: Spec, name: str = "demo") -> Spec:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


async def _put(server: ApiServer, document: Spec) -> Spec:
    """Create or replace it, with its fields checked as kubectl asks for it."""
    metadata = document["metadata"]
    path = f"/apis/{API_VERSION}/namespaces/{metadata['namespace']}/smartstores"
    strict = {"fieldValidation": "Strict"}
    there = await server.get(KIND, metadata["namespace"], metadata["name"])
    if there is None:
        return dict(await server._ask("POST", path, params=strict, json=document))
    new = {**document, "metadata": {**metadata, "resourceVersion": there["metadata"]["resourceVersion"]}}
    return dict(await server._ask("PUT", f"{path}/{metadata['name']}", params=strict, json=new))


def _with_server(work: Callable[[ApiServer], Awaitable[None]]) -> None:
    async def run() -> None:
        async with ApiServer.from_environment() as server:
            await work(server)

    asyncio.run(run())


def _named(bads: tuple[Bad, ...]) -> Any:
    return pytest.mark.parametrize("bad", bads, ids=lambda bad: bad.what.replace(" ", "-"))


def _assert_told(bad: Bad, message: str) -> None:
    missing = [part for part in (bad.path, bad.reason, bad.mend) if part not in message]
    assert not missing, message


@_named(BY_THE_API_SERVER)
def test_the_api_server_refuses_it(namespace: str, bad: Bad) -> None:
    async def work(server: ApiServer) -> None:
        with pytest.raises(ApiError) as refusal:
            await _put(server, _document(namespace, bad.spec, bad.name))
        _assert_told(bad, str(refusal.value))

    _with_server(work)


@_named(CHANGES)
def test_the_api_server_refuses_the_change(namespace: str, bad: Bad) -> None:
    async def work(server: ApiServer) -> None:
        await _put(server, _document(namespace, bad.before))
        with pytest.raises(ApiError) as refusal:
            await _put(server, _document(namespace, bad.spec, bad.name))
        _assert_told(bad, str(refusal.value))

    _with_server(work)


@pytest.mark.parametrize(("before", "after"), ALLOWED_CHANGES.values(), ids=ALLOWED_CHANGES)
def test_another_change_is_taken(namespace: str, before: Spec, after: Spec) -> None:
    async def work(server: ApiServer) -> None:
        for spec in (before, after):
            await _put(server, _document(namespace, spec))

    _with_server(work)


@_named(BY_THE_OPERATOR)
def test_the_operator_tells_it_and_touches_nothing(namespace: str, bad: Bad) -> None:
    async def unknown(*_: Any) -> Sight:
        return Sight()

    async def work(server: ApiServer) -> None:
        data = {
            "password": base64.b64encode(b"secret").decode(),
            "certificate": base64.b64encode(b"\xff").decode(),
        }
        metadata = {"name": "given", "namespace": namespace}
        await server.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
        live = await _put(server, _document(namespace, bad.spec, bad.name))
        report = await Reconciler(server, IMAGES, lambda: "2026-01-01T00:00:00Z", unknown).reconcile(live)
        assert (report.ready, report.applied) == (False, [])
        found = await server.get(KIND, namespace, bad.name)
        assert found is not None
        (ready,) = (one for one in found["status"]["conditions"] if one["type"] == "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
        _assert_told(bad, ready["message"])
        assert ready["message"].startswith(f"{bad.path}: ")
        for kind in (*WORKLOADS, "ConfigMap", "NetworkPolicy"):
            assert await server.list(kind, namespace, {"app.kubernetes.io/instance": bad.name}) == []

    _with_server(work)


def test_there_are_enough_of_them() -> None:
    bads = (*BY_THE_API_SERVER, *CHANGES, *BY_THE_OPERATOR)
    assert len({bad.what for bad in bads}) == len(bads) > 50
