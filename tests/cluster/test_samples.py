"""Every sample is taken by the API server, and becomes objects that it takes."""

import asyncio
import os
from pathlib import Path

import pytest

from smartstore_operator.reconcile.kinds import OF_OPERATORS
from smartstore_operator.reconcile.reconciler import Reconciler
from smartstore_operator.reconcile.sight import Sight
from smartstore_operator.runtime.api_server import ApiServer
from tests.api_server import kubectl
from tests.cluster.definitions import VARIABLE, define
from tests.specs import IMAGES

pytestmark = pytest.mark.cluster

SAMPLES = sorted((Path(__file__).parents[2] / "manifests" / "samples").glob("*.yaml"))


@pytest.fixture(scope="module", autouse=True)
def definitions(api_server: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Those of other operators too, where they are at hand."""
    if VARIABLE in os.environ:
        for operator in OF_OPERATORS:
            define(operator, tmp_path_factory.mktemp("definitions"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_taken(namespace: str, sample: Path) -> None:
    async def nobody(*_: object) -> Sight:
        return Sight()

    async def look() -> None:
        async with ApiServer.from_environment() as server:
            (live,) = await server.list("SmartStore", namespace, {})
            await Reconciler(server, IMAGES, lambda: "2026-01-01T00:00:00Z", nobody).reconcile(live)
            (live,) = await server.list("SmartStore", namespace, {})
            told = [
                condition
                for condition in live["status"]["conditions"]
                if condition["reason"] == "ApplyRefused"
            ]
            ready = next(
                condition for condition in live["status"]["conditions"] if condition["type"] == "Ready"
            )
            assert told == []
            if ready["reason"] == "InvalidSpec":
                assert VARIABLE not in os.environ
                assert "is not installed" in ready["message"]

    keys = [f"--from-literal=AWS_{name}=x" for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")]
    kubectl("create", "--namespace", namespace, "secret", "generic", "lake-keys", *keys)
    kubectl("apply", "--namespace", namespace, "--validate=strict", "--filename", str(sample))
    asyncio.run(look())
