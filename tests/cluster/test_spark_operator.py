"""A SmartStore whose streaming applications the Spark operator runs, against its real resource definition."""

from pathlib import Path
from typing import Any

import pytest

from smartstore_operator.reconcile.spark import RESUBMISSION
from tests.cluster.definitions import define
from tests.cluster.estate import Estate, with_estate

pytestmark = pytest.mark.cluster

SPEC: dict[str, Any] = {"streaming": {"backend": "SparkApplication"}}
APPLICATIONS = ("demo-hot", "demo-lake")


@pytest.fixture(scope="module", autouse=True)
def definitions(api_server: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The Spark operator's resource definition is in the API server."""
    define("SparkOperator", tmp_path_factory.mktemp("spark-operator"))


class SparkOperator:
    """Writes the statuses that the real operator writes, and makes the drivers' pods."""

    def __init__(self, estate: Estate) -> None:
        self.estate, self.place = estate, f"/apis/sparkoperator.k8s.io/v1beta2/namespaces/{estate.namespace}"

    async def report(self, name: str, state: str, **status: Any) -> None:
        told = {"applicationState": {"state": state}, "driverInfo": {"podName": f"{name}-driver"}, **status}
        await self.estate.patch(f"{self.place}/sparkapplications/{name}/status", {"status": told})

    async def run_driver(self, name: str) -> None:
        """A pod by the application's template, ready."""
        application = await self.estate.server.get("SparkApplication", self.estate.namespace, name)
        assert application is not None
        template = application["spec"]["driver"]["template"]
        pods = f"/api/v1/namespaces/{self.estate.namespace}/pods"
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template["metadata"], "name": f"{name}-driver"},
            "spec": {"containers": [{"name": "spark-kubernetes-driver", "image": "example/spark:1"}]},
        }
        await self.estate.server.delete("Pod", self.estate.namespace, f"{name}-driver")
        await self.estate.server._ask("POST", pods, json=pod)
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        await self.estate.patch(f"{pods}/{name}-driver/status", {"status": ready})

    async def run_all(self) -> None:
        for item in await self.estate.server.list("SparkApplication", self.estate.namespace, {}):
            await self.run_driver(item["metadata"]["name"])
            await self.report(item["metadata"]["name"], "RUNNING", executionAttempts=1)


async def _until_ready(estate: Estate) -> None:
    for _ in range(12):
        if (await estate.reconcile()).ready:
            return
        await estate.become_ready()
        await SparkOperator(estate).run_all()
    raise AssertionError(await estate.condition())


def test_the_applications_come_up_after_the_topics_with_volumes_of_their_own(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**SPEC)
        await estate.reconcile()
        assert await estate.children("SparkApplication") == set()
        assert await estate.children("PersistentVolumeClaim") == {
            f"PersistentVolumeClaim/{name}" for name in APPLICATIONS
        }
        await _until_ready(estate)
        assert await estate.children("SparkApplication") == {f"SparkApplication/{n}" for n in APPLICATIONS}
        assert not {"StatefulSet/demo-hot", "StatefulSet/demo-lake"} & await estate.children("StatefulSet")
        again = await estate.reconcile()
        assert (again.applied, again.deleted) == ([], [])

    with_estate(namespace, work)


def test_another_number_of_stores_leaves_the_drivers_alone(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**SPEC, stores=3)
        await _until_ready(estate)
        await estate.apply(**SPEC, stores=8)
        assert "SparkApplication/demo-hot" not in (await estate.reconcile()).applied

    with_estate(namespace, work)


def test_a_new_spec_is_ready_with_its_own_driver_only(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**SPEC)
        await _until_ready(estate)
        await estate.apply(streaming={**SPEC["streaming"], "hot": {"trigger": "1s"}})
        assert "SparkApplication/demo-hot" in (await estate.reconcile()).applied
        await estate.reconcile()
        assert (await estate.condition("HotReady"))["reason"] == "RollingOut"
        await SparkOperator(estate).run_driver("demo-hot")
        await estate.reconcile()
        assert (await estate.condition("HotReady"))["status"] == "True"

    with_estate(namespace, work)


def test_one_that_keeps_failing_is_told_and_does_not_wait_ever_longer(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**SPEC)
        await _until_ready(estate)
        operator = SparkOperator(estate)
        error = "driver container failed with ExitCode: 1, Reason: Error"
        state = {"applicationState": {"state": "PENDING_RERUN", "errorMessage": error}}
        await estate.server.delete("Pod", namespace, "demo-hot-driver")
        for attempt in range(1, 11):
            moment = f"2026-01-01T00:00:{attempt:02}Z"
            await operator.report(
                "demo-hot",
                "PENDING_RERUN",
                **state,
                executionAttempts=attempt,
                lastSubmissionAttemptTime=moment,
            )
            report = await estate.reconcile()
            assert ("SparkApplication/demo-hot" in report.applied) == (attempt == 10)
            assert report.drifted == {}
        told = (await estate.condition("HotReady"))["message"]
        assert told == f"SparkApplication demo-hot is PENDING_RERUN: {error}"
        application = await estate.server.get("SparkApplication", namespace, "demo-hot")
        assert application is not None
        assert application["spec"]["sparkConf"][RESUBMISSION] == "2026-01-01T00:00:10Z"
        assert (await estate.reconcile()).applied == []

    with_estate(namespace, work)


def test_suspended_it_is_suspended_and_back_in_local_mode_it_goes(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**SPEC)
        await _until_ready(estate)
        await estate.apply(**SPEC, suspend=True)
        await estate.reconcile()
        application = await estate.server.get("SparkApplication", namespace, "demo-hot")
        assert application is not None
        assert application["spec"]["suspend"] is True
        await estate.apply()
        for _ in range(3):
            await estate.reconcile()
        assert await estate.children("SparkApplication") == set()
        assert len(await estate.children("PersistentVolumeClaim")) == len(APPLICATIONS)

    with_estate(namespace, work)
