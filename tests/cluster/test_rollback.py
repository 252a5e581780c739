"""A change of an application that does not run is taken back after a while, and another change is a new try."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from smartstore_operator.reconcile.rollback import AFTER
from tests.cluster.estate import LABELS, Estate, with_estate

pytestmark = pytest.mark.cluster

BEFORE: dict[str, Any] = {"streaming": {"hot": {"driverMemory": "1Gi"}}}
BAD: dict[str, Any] = {"streaming": {"hot": {"driverMemory": "64Mi"}}}
BETTER: dict[str, Any] = {"streaming": {"hot": {"driverMemory": "2Gi"}}}


def _later(by: timedelta) -> str:
    return (datetime.now(UTC) + by).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _memory(estate: Estate) -> str:
    workload = await estate.server.get("StatefulSet", estate.namespace, "demo-hot")
    assert workload is not None
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    return str(variables["SMARTSTORE_SPARK_DRIVER_MEMORY"])


async def _fails(estate: Estate, component: str) -> None:
    """A pod of the component whose container ends at once, and the StatefulSet that says so."""
    name = f"demo-{component}-0"
    labels = {**LABELS, "app.kubernetes.io/name": "smartstore", "app.kubernetes.io/component": component}
    containers = [{"name": "main", "image": "example/spark:1"}]
    await estate.server.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": estate.namespace, "labels": labels},
            "spec": {"containers": containers},
        }
    )
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    status = {"name": "main", "image": "", "imageID": "", "ready": False, "restartCount": 6}
    path = f"/api/v1/namespaces/{estate.namespace}/pods/{name}/status"
    await estate.patch(
        path, {"status": {"containerStatuses": [{**status, "state": waiting, "lastState": ended}]}}
    )
    sets = f"/apis/apps/v1/namespaces/{estate.namespace}/statefulsets/demo-{component}/status"
    await estate.patch(sets, {"status": {"readyReplicas": 0}})


async def _works(estate: Estate, component: str) -> None:
    await estate.server.delete("Pod", estate.namespace, f"demo-{component}-0")
    await estate.become_ready()


def test_what_ran_before_runs_again_and_another_change_is_a_new_try(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**BEFORE)
        await estate.until_ready()
        await estate.reconcile()
        await estate.apply(**BAD)
        await estate.reconcile()
        await estate.become_ready()
        await _fails(estate, "hot")

        estate.now = _later(AFTER / 2)
        await estate.reconcile()
        assert await _memory(estate) == "64m", "it has its time to begin"
        estate.now = _later(AFTER)
        assert "StatefulSet/demo-hot" in (await estate.reconcile()).applied
        assert await _memory(estate) == "1024m"
        await _works(estate, "hot")
        for _ in range(2):
            again = await estate.reconcile()
            assert (again.applied, again.deleted, again.ready) == ([], [], False)
        told = await estate.condition("HotReady")
        assert (told["status"], told["reason"]) == ("False", "RolledBack")
        assert "137 (OOMKilled)" in told["message"]

        await estate.apply(**BETTER)
        await estate.reconcile()
        assert await _memory(estate) == "2048m"
        await estate.until_ready()
        assert (await estate.condition("HotReady"))["status"] == "True"

    with_estate(namespace, work)


def test_a_broker_that_is_away_is_no_fault_of_the_change(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**BEFORE)
        await estate.until_ready()
        await estate.reconcile()
        await estate.apply(**BETTER)
        await estate.reconcile()
        await estate.become_ready()
        await _fails(estate, "hot")
        await _fails(estate, "kafka")
        estate.now = _later(2 * AFTER)
        await estate.reconcile()
        assert await _memory(estate) == "2048m"

    with_estate(namespace, work)


def test_what_never_ran_stays(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**BAD)
        for _ in range(4):
            await estate.reconcile()
            await estate.become_ready()
            if "StatefulSet/demo-hot" in await estate.children("StatefulSet"):
                await _fails(estate, "hot")
        estate.now = _later(2 * AFTER)
        await estate.reconcile()
        assert (await estate.condition("HotReady"))["reason"] == "CrashLoopBackOff"
        await estate.apply(**BETTER)
        await estate.reconcile()
        assert await _memory(estate) == "2048m"

    with_estate(namespace, work)


def test_suspended_it_remembers_what_ran(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**BEFORE)
        await estate.until_ready()
        await estate.reconcile()
        await estate.apply(**BEFORE, suspend=True)
        await estate.reconcile()
        assert "ConfigMap/demo-ran" in await estate.children("ConfigMap")

    with_estate(namespace, work)


def test_an_application_that_is_gone_is_forgotten(namespace: str) -> None:
    async def remembered(estate: Estate) -> set[str]:
        record = await estate.server.get("ConfigMap", estate.namespace, "demo-ran")
        assert record is not None
        return set(record["data"])

    async def work(estate: Estate) -> None:
        await estate.apply(**BEFORE)
        await estate.until_ready()
        await estate.reconcile()
        assert await remembered(estate) == {"hot", "lake"}
        await estate.apply(**BEFORE, lake={"enabled": False})
        await estate.reconcile()
        assert await remembered(estate) == {"hot"}

    with_estate(namespace, work)
