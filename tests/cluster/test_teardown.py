"""A namespace that is deleted goes with all that is in it, whether an operator lives or not."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from smartstore_operator.runtime.api_server import ApiServer
from tests.api_server import kubectl
from tests.cluster.estate import with_server
from tests.controllers import end_namespace, play
from tests.faulty_api import FaultyApi
from tests.final_state import apply, are_ready
from tests.operator_process import Operator
from tests.specs import CHILDREN
from tests.waiting import until

pytestmark = pytest.mark.cluster

SPECS: dict[str, dict[str, Any]] = {"demo": {"deletionPolicy": "Retain"}}


async def _left(server: ApiServer, namespace: str) -> list[str]:
    kinds = ("SmartStore", *CHILDREN, "Event")
    lists = await asyncio.gather(*(server.list(kind, namespace, {}) for kind in kinds))
    return [item["metadata"]["name"] for items in lists for item in items]


@pytest.mark.parametrize("lives", [True, False])
def test_a_deleted_namespace_ends_and_leaves_nothing(
    namespace: str, api_server: Path, tmp_path: Path, lives: bool
) -> None:
    kubectl("create", "namespace", other := f"{namespace}-other")

    async def work(server: ApiServer) -> None:
        with FaultyApi(api_server) as api:
            settings = {"NAMESPACES": f"{namespace},{other}", "NAMESPACE": other, "LEASE_SECONDS": "6"}
            kubeconfig = api.kubeconfig(tmp_path / "kubeconfig")
            with Operator(kubeconfig, tmp_path / "operator.log", settings) as operator:
                playing = asyncio.create_task(play(server, namespace))
                for place in (namespace, other):
                    await apply(server, place, "demo", SPECS["demo"])
                await until(lambda: are_ready(server, namespace, SPECS), 60, 0.1)
                assert not [item for item in await _objects(server, namespace) if _finalizers(item)]
                playing.cancel()
                if not lives:
                    operator.process.kill()
                await end_namespace(server, namespace)
                await asyncio.sleep(2)
                assert await _left(server, namespace) == []
                assert await server._ask("GET", "/api/v1/namespaces")
                if lives:
                    await _still_works(server, other, namespace, api)
                    assert operator.process.poll() is None
                    assert "Traceback" not in operator.log.read_text()

    with_server(work)


async def _objects(server: ApiServer, namespace: str) -> list[dict[str, Any]]:
    return [item for kind in ("SmartStore", *CHILDREN) for item in await server.list(kind, namespace, {})]


def _finalizers(item: dict[str, Any]) -> list[str]:
    return item["metadata"].get("finalizers") or []


async def _still_works(server: ApiServer, other: str, ended: str, api: FaultyApi) -> None:
    """The operator looks after the others, and does not ask for what went again and again."""
    await server.delete("Service", other, "demo-kafka")
    await until(lambda: server.get("Service", other, "demo-kafka"), 5, 0.1)
    before = len(api.asked)
    await asyncio.sleep(3)
    assert [one.path for one in api.asked[before:] if f"/{ended}/" in one.path and one.is_write] == []
