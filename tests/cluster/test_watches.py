"""What the operator hears of an API server whose watches fail, and that it asks for nothing when nothing happens."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from smartstore_operator.reconcile.sight import Sight
from smartstore_operator.runtime.api_server import ApiServer
from smartstore_operator.runtime.health import Health
from smartstore_operator.runtime.serve import _Operator
from smartstore_operator.runtime.settings import Settings
from smartstore_operator.runtime.telemetry import Telemetry
from tests.cluster.estate import with_server
from tests.controllers import play
from tests.faults import CALM, Asked, Faults
from tests.faulty_api import FaultyApi
from tests.final_state import apply, are_ready
from tests.specs import IMAGES
from tests.waiting import until

pytestmark = pytest.mark.cluster

STORES = 3
SPECS: dict[str, dict[str, Any]] = {"demo": {"stores": STORES}}


class Source:
    """Says that all stores are open, as the pods would."""

    async def look(self, *_: object) -> Sight:
        return Sight(stores=STORES)


@asynccontextmanager
async def _operating(namespace: str) -> AsyncIterator[None]:
    """What acts while the Lease is held, in this process."""
    settings = Settings(images=IMAGES, namespaces=(namespace,), namespace=namespace)
    async with ApiServer.from_environment() as server:
        operator = _Operator(server, Source(), settings, Health(), Telemetry())  # type: ignore[arg-type]
        acting = asyncio.create_task(operator.act(asyncio.Event()))
        try:
            yield
        finally:
            acting.cancel()
            with suppress(asyncio.CancelledError):
                await acting


Break = Callable[[FaultyApi], None]


def _gone(api: FaultyApi) -> None:
    api.faults = Faults(gone=1.0)


def _broken(api: FaultyApi) -> None:
    api.faults = Faults(errors=1.0)


def _is_watch(asked: Asked) -> bool:
    return "watch=true" in asked.query


@pytest.mark.parametrize("breaks", [_gone, _broken])
def test_what_went_while_no_watch_was_there_comes_back(
    namespace: str, api_server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: Break
) -> None:
    async def work(server: ApiServer) -> None:
        with FaultyApi(api_server) as api:
            monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig(tmp_path / "kubeconfig")))
            async with _operating(namespace):
                await apply(server, namespace, "demo", SPECS["demo"])
                playing = asyncio.create_task(play(server, namespace))
                await until(lambda: are_ready(server, namespace, SPECS), 60, 0.1)
                playing.cancel()
                await asyncio.sleep(2)  # the last events of its own writes
                quiet = len(api.asked)
                await asyncio.sleep(11)  # longer than one that is not settled is left alone
                assert [one.path for one in api.asked[quiet:] if not _is_watch(one)] == []

                api.held = _is_watch
                api.cut_watches()
                await server.delete("Service", namespace, "demo-kafka")
                await asyncio.sleep(0.5)
                breaks(api)
                api.held = lambda asked: False
                await asyncio.sleep(0.5)
                api.faults = CALM
                await until(lambda: server.get("Service", namespace, "demo-kafka"), 10, 0.1)

    with_server(work)


def test_a_label_that_somebody_takes_away_comes_back(namespace: str, api_server: Path) -> None:
    async def work(server: ApiServer) -> None:
        async with _operating(namespace):
            await apply(server, namespace, "demo", SPECS["demo"])
            await until(lambda: server.get("Service", namespace, "demo-kafka"), 30, 0.1)
            await asyncio.sleep(3)
            path = f"/api/v1/namespaces/{namespace}/services/demo-kafka"
            label = {"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}}
            headers = {"Content-Type": "application/merge-patch+json"}
            await server._ask("PATCH", path, headers=headers, json=label)

            async def is_ours() -> bool:
                found = await server.get("Service", namespace, "demo-kafka")
                labels = (found or {})["metadata"]["labels"]
                return bool(labels["app.kubernetes.io/managed-by"] == "smartstore-operator")

            await until(is_ours, 5, 0.1)

    with_server(work)
