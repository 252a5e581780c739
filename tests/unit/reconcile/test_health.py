"""What workloads are like, by statuses as the API server gives them."""

from typing import Any

import pytest

from smartstore_operator.reconcile.health import READY, Health, health_of

pytestmark = pytest.mark.unit


def _workload(kind: str = "StatefulSet", generation: int = 2, **status: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {"name": "demo-hot", "generation": generation},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 2, **status},
    }


def _pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "demo-hot-0"}, "status": status}


def test_what_does_not_exist_is_missing() -> None:
    assert health_of(None).state == "Missing"


@pytest.mark.parametrize(
    "workload",
    [
        _workload(updateRevision="b", currentRevision="b", readyReplicas=1),
        _workload(updateRevision="b", currentRevision="a", updatedReplicas=1, readyReplicas=1),
        _workload("Deployment", updatedReplicas=1, readyReplicas=1),
        {"kind": "Job", "metadata": {"name": "demo-topics"}, "status": {"succeeded": 1}},
    ],
)
def test_ready(workload: dict[str, Any]) -> None:
    assert health_of(workload) == READY


def test_a_status_of_an_older_generation_is_not_believed() -> None:
    stale = _workload(generation=3, updateRevision="b", currentRevision="b", readyReplicas=1)
    assert health_of(stale).reason == "NotObserved"


def test_the_pod_of_the_last_change_counts() -> None:
    assert (
        health_of(_workload(updateRevision="b", currentRevision="a", readyReplicas=1)).reason == "RollingOut"
    )
    assert health_of(_workload("Deployment", readyReplicas=1)).reason == "RollingOut"
    assert health_of(_workload("Deployment", updatedReplicas=1)).reason == "PodNotReady"


def test_a_workload_that_was_just_created_progresses() -> None:
    assert health_of({**_workload(), "status": {}}).state == "Progressing"
    assert health_of({"kind": "Job", "metadata": {}}).state == "Progressing"


def test_a_failed_job_says_why() -> None:
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"}
    job = {"kind": "Job", "metadata": {}, "status": {"failed": 7, "conditions": [failed]}}
    assert health_of(job) == Health("Degraded", "BackoffLimitExceeded", "too often")


def test_a_pod_that_finds_no_node() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    found = health_of(_workload(), [_pod(conditions=[condition])])
    assert found == Health("Degraded", "Unschedulable", "pod demo-hot-0: 0/1 nodes")


def test_a_pod_that_crashes_says_how_it_ended() -> None:
    container = {
        "name": "main",
        "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
    }
    found = health_of(_workload(), [_pod(containerStatuses=[container])])
    assert found.reason == "CrashLoopBackOff"
    assert found.message == "pod demo-hot-0, container main: ended with 137 (OOMKilled), 4 restarts"


def test_an_image_that_is_not_there_is_told_in_a_bounded_message() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "x" * 5000}
    container = {"name": "prepare-0", "restartCount": 0, "state": {"waiting": waiting}}
    found = health_of(_workload(), [_pod(initContainerStatuses=[container])])
    assert found.state == "Degraded"
    assert len(found.message) == 512


def test_a_pod_that_only_needs_time_is_no_trouble() -> None:
    container = {"name": "main", "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}}
    assert health_of(_workload(), [_pod(containerStatuses=[container])]).state == "Progressing"
