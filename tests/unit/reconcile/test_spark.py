"""What the Spark operator's statuses mean, and when an application is submitted anew."""

from typing import Any

import pytest

from smartstore_operator.api.marks import CONFIG_CHECKSUM
from smartstore_operator.reconcile.health import READY
from smartstore_operator.reconcile.spark import RESUBMISSION, health, resubmitted

pytestmark = pytest.mark.unit


def _application(state: str = "", error: str = "", **status: Any) -> dict[str, Any]:
    told = {"state": state, **({"errorMessage": error} if error else {})}
    given = (
        {"applicationState": told, "driverInfo": {"podName": "demo-hot-driver"}, **status} if state else {}
    )
    template = {"metadata": {"annotations": {CONFIG_CHECKSUM: "new"}}}
    spec: dict[str, Any] = {"driver": {"template": template}, "sparkConf": {}}
    meta = {"name": "demo-hot"}
    return {"kind": "SparkApplication", "metadata": meta, "spec": spec, "status": given}


def _driver(checksum: str = "new", ready: str = "True", **status: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready}]
    meta = {"name": "demo-hot-driver", "annotations": {CONFIG_CHECKSUM: checksum}}
    return {"metadata": meta, "status": {"conditions": conditions, **status}}


def test_ready_is_a_running_application_with_a_ready_driver_of_the_last_change() -> None:
    running = _application("RUNNING")
    assert health(running, [_driver()]) == READY
    assert health(running, [_driver(checksum="old")]).reason == "RollingOut"
    assert health(running, [_driver(ready="False")]).reason == "PodNotReady"
    assert health(running, []).reason == "DriverNotFound"


@pytest.mark.parametrize("state", ["", "SUBMITTED", "PENDING_RERUN", "INVALIDATING"])
def test_what_is_on_its_way_progresses(state: str) -> None:
    assert health(_application(state), []).state == "Progressing"


def test_a_driver_that_cannot_start_says_why_though_it_is_submitted_for_ever() -> None:
    waiting = {"name": "spark-kubernetes-driver", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    found = health(_application("SUBMITTED"), [_driver(ready="False", containerStatuses=[waiting])])
    assert (found.state, found.reason) == ("Degraded", "ImagePullBackOff")


@pytest.mark.parametrize("state", ["FAILING", "FAILED", "PENDING_RERUN"])
def test_a_failure_is_told_in_its_first_words(state: str) -> None:
    error = "driver container failed with ExitCode: 7, Reason: Error" + "!" * 2_000
    found = health(_application(state, error), [])
    assert found.state == "Degraded"
    assert found.message.startswith(
        f"SparkApplication demo-hot is {state}: driver container failed with ExitCode: 7"
    )
    assert len(found.message) <= 512


def test_a_refused_submission_is_told_by_its_exception() -> None:
    log = (
        "failed to run spark-submit: WARNING: Using incubator modules: jdk.incubator.vector\n"
        "06:53:03 INFO KubernetesClientUtils: files loaded\n"
        'Exception in thread "main" io.fabric8.KubernetesClientException: it is forbidden: User "x"\n\tat a.b.c'
    )
    text = health(_application("SUBMISSION_FAILED", log), []).message
    assert text.startswith(
        "SparkApplication demo-hot is SUBMISSION_FAILED: io.fabric8.KubernetesClientException: it is"
    )


def test_an_end_without_failure_is_one_too() -> None:
    assert health(_application("COMPLETED"), []).message.endswith("is COMPLETED: its driver has ended")


def test_who_tried_too_often_is_submitted_anew_once_and_never_while_it_runs() -> None:
    manifest = _application()
    few = _application("PENDING_RERUN", executionAttempts=9, lastSubmissionAttemptTime="t1")
    many = _application("PENDING_RERUN", executionAttempts=10, lastSubmissionAttemptTime="t2")
    assert resubmitted(manifest, None) is manifest
    assert resubmitted(manifest, few) is manifest
    refused = _application("SUBMISSION_FAILED", submissionAttempts=10, lastSubmissionAttemptTime="t0")
    assert resubmitted(manifest, refused)["spec"]["sparkConf"] == {RESUBMISSION: "t0"}
    anew = resubmitted(manifest, many)
    assert anew["spec"]["sparkConf"] == {RESUBMISSION: "t2"}
    running = {
        **_application("RUNNING", executionAttempts=10, lastSubmissionAttemptTime="t3"),
        "spec": anew["spec"],
    }
    assert resubmitted(manifest, running)["spec"]["sparkConf"] == {RESUBMISSION: "t2"}
