"""A SmartStore whose database CloudNativePG runs, against its real resource definition; the test plays its part."""

from pathlib import Path
from typing import Any

import pytest

from tests.cluster.definitions import define
from tests.cluster.estate import Estate, with_estate

pytestmark = pytest.mark.cluster

SPEC: dict[str, Any] = {"postgres": {"type": "CloudNativePG"}}
HEALTHY = "Cluster in healthy state"


@pytest.fixture(scope="module", autouse=True)
def definitions(api_server: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """CloudNativePG's resource definition is in the API server."""
    define("CloudNativePG", tmp_path_factory.mktemp("cloudnative-pg"))


async def _report(estate: Estate, ready: str, phase: str) -> None:
    """A status as that operator writes it."""
    path = f"/apis/postgresql.cnpg.io/v1/namespaces/{estate.namespace}/clusters/demo-postgres/status"
    condition = {"type": "Ready", "status": ready, "reason": "ClusterIsReady", "message": ""}
    condition["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    await estate.patch(path, {"status": {"phase": phase, "conditions": [condition]}})


def test_the_database_comes_up_under_its_operator(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**SPEC)
        await estate.reconcile()
        assert await estate.children("Cluster", "StatefulSet") == {
            "Cluster/demo-postgres",
            "StatefulSet/demo-kafka",
            "StatefulSet/demo-valkey",
        }
        await _report(estate, "False", "Setting up primary")
        await estate.reconcile()
        told = await estate.condition("PostgresReady")
        assert (told["status"], told["message"]) == ("False", "Cluster demo-postgres: Setting up primary")
        assert (await estate.condition("MigrateReady"))["message"] == "it waits for postgres"
        await _report(estate, "True", HEALTHY)
        await estate.until_ready()
        again = await estate.reconcile()
        assert (again.applied, again.deleted) == ([], [])
        await _report(estate, "True", "Upgrading cluster")
        await estate.reconcile()
        assert (await estate.condition("PostgresReady"))["status"] == "False"

    with_estate(namespace, work)


def test_suspended_it_hibernates_and_what_it_keeps_stays(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**SPEC, suspend=True)
        await estate.reconcile()
        cluster = await estate.server.get("Cluster", namespace, "demo-postgres")
        assert cluster is not None
        assert cluster["metadata"]["annotations"]["cnpg.io/hibernation"] == "on"
        assert "ownerReferences" not in cluster["metadata"]  # its operator deletes the volumes with it
        await estate.apply(**SPEC, deletionPolicy="Delete")
        await estate.reconcile()
        cluster = await estate.server.get("Cluster", namespace, "demo-postgres")
        assert cluster is not None
        assert cluster["metadata"]["ownerReferences"][0]["name"] == "demo"

    with_estate(namespace, work)
