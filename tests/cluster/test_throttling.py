"""An API server that has too much to do says when to come again; until then it is left alone."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from smartstore_operator.runtime.api_server import AGENT, ApiServer
from tests.cluster.estate import with_server
from tests.faults import CALM, Asked, Faults
from tests.faulty_api import FaultyApi
from tests.final_state import apply
from tests.operator_process import Operator
from tests.waiting import until

pytestmark = pytest.mark.cluster

MANY = 12
BUSY_SECONDS = 6.0


def test_who_is_put_off_waits(namespace: str, api_server: Path, tmp_path: Path) -> None:
    async def work(server: ApiServer) -> None:
        with FaultyApi(api_server) as api:
            kubeconfig = api.kubeconfig(tmp_path / "kubeconfig")
            # a Lease that lasts: its requests are refused like all others
            settings = {"NAMESPACES": namespace, "NAMESPACE": namespace, "LEASE_SECONDS": "60"}
            with Operator(kubeconfig, tmp_path / "operator.log", settings):
                await until(partial(_is_watched, api), 30, 0.1)
                await asyncio.sleep(0.5)
                api.faults = Faults(bursts=1.0, burst_seconds=BUSY_SECONDS)
                await asyncio.gather(*(apply(server, namespace, f"s{n}", {}) for n in range(MANY)))
                await asyncio.sleep(BUSY_SECONDS)
                busy = [one for one in api.asked if one.fault == "busy" and _counts(one)]
                api.faults = CALM
                # who waits for a second between two tries sends no more than one request a worker each second
                assert 2 <= len(busy) <= 4 * (BUSY_SECONDS + 2)
                refused = sorted(one.moment for one in busy)
                begun = [one.moment for one in api.asked if _counts(one)]
                for moment in refused:
                    assert not [one for one in begun if moment + 0.2 < one < moment + 0.8]
                await until(lambda: _has(server, namespace, f"s{MANY - 1}-world"), 60, 0.1)

    with_server(work)


def _counts(asked: Asked) -> bool:
    """Whether it is a request of ours, and not for the Lease."""
    return asked.agent == AGENT and "/leases" not in asked.path


async def _is_watched(api: FaultyApi) -> bool:
    return any(one.path.endswith("/smartstores") and "watch=" in one.query for one in api.asked)


async def _has(server: ApiServer, namespace: str, name: str) -> bool:
    return await server.get("ConfigMap", namespace, name) is not None
