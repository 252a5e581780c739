"""Every condition and reason that the operator knows, seen on a SmartStore in a real API server."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from smartstore_operator.api.reasons import HOPELESS, OF_COMPONENTS, OF_READY, Reason
from tests.api_server import kubectl
from tests.cluster.estate import Estate, with_estate

pytestmark = pytest.mark.cluster

_OF_OTHER_OPERATORS = {
    *(Reason.WAITING_FOR_STRIMZI, Reason.RECONCILIATION_PAUSED, Reason.NOT_READY, Reason.TASK_FAILED),
    *(
        Reason.WAITING_FOR_CLOUDNATIVE_PG,
        Reason.WAITING_FOR_DRIVER,
        Reason.DRIVER_NOT_FOUND,
        Reason.DRIVER_ENDED,
    ),
}
"""Seen where those operators are played."""

Story = Callable[[Estate], Awaitable[None]]
KAFKA = "statefulsets/demo-kafka"


async def _coming_up(estate: Estate) -> None:
    await estate.apply()
    await estate.reconcile()
    assert await _reasons(estate, "KafkaReady", "TopicsReady", "Ready") == [
        *("NotCreated", "Waiting", "ComponentsNotReady")
    ]
    await estate.reconcile()
    assert await _reasons(estate, "KafkaReady") == ["NotObserved"]
    for status, reason in (
        ({"updateRevision": "b", "currentRevision": "a"}, "RollingOut"),
        ({"updateRevision": "a", "currentRevision": "a"}, "PodNotReady"),
    ):
        await _have_status(estate, "apps", KAFKA, {"observedGeneration": 1, "replicas": 1, **status})
        await estate.reconcile()
        assert await _reasons(estate, "KafkaReady") == [reason]
    await estate.until_ready()
    assert await _reasons(estate, "KafkaReady", "Ready") == ["Ready", "AllComponentsReady"]


async def _jobs(estate: Estate) -> None:
    await estate.apply()
    await estate.reconcile()
    await estate.become_ready()
    await estate.reconcile()
    await estate.reconcile()
    assert await _reasons(estate, "TopicsReady") == ["JobRunning"]
    topics = {"app.kubernetes.io/component": "topics"}
    (job,) = await estate.server.list("Job", estate.namespace, topics)
    failed = {"type": "Failed", "status": "True", "message": "it was tried too often"}
    for reason in ("", "BackoffLimitExceeded"):
        conditions = [{**failed, **({"reason": reason} if reason else {})}]
        conditions += [{**failed, "type": "FailureTarget"}]
        status = {"startTime": "2026-01-01T00:00:00Z", "conditions": conditions}
        name = f"jobs/{job['metadata']['name']}"
        await _have_status(estate, "batch", name, status)
        await estate.reconcile()
        assert await _reasons(estate, "TopicsReady", "Ready") == [reason or "JobFailed", "ComponentDegraded"]
        await estate.server.delete("Job", estate.namespace, job["metadata"]["name"])
        await estate.reconcile()


async def _pods(estate: Estate) -> None:
    await estate.apply()
    await estate.reconcile()
    (kafka,) = (
        item
        for item in await estate.server.list("StatefulSet", estate.namespace, {})
        if item["metadata"]["name"] == "demo-kafka"
    )
    template = kafka["spec"]["template"]
    metadata = {
        "name": "demo-kafka-0",
        "namespace": estate.namespace,
        "labels": template["metadata"]["labels"],
    }
    container = {"name": "kafka", "image": "example/kafka:1"}
    spec = {"containers": [container], "initContainers": [{**container, "name": "first"}]}
    await estate.server.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}
    await _have_status(estate, "", "pods/demo-kafka-0", {"conditions": [unscheduled]})
    await estate.reconcile()
    assert await _reasons(estate, "KafkaReady", "Ready") == ["Unschedulable", "ComponentDegraded"]
    for reason in sorted(HOPELESS):
        for kind, name in (("initContainerStatuses", "first"), ("containerStatuses", "kafka")):
            state = {"waiting": {"reason": reason, "message": f"{name} says so"}}
            one = {
                "name": name,
                "image": "x",
                "imageID": "",
                "ready": False,
                "restartCount": 0,
                "state": state,
            }
            statuses = {"initContainerStatuses": None, "containerStatuses": None, kind: [one]}
            await _have_status(estate, "", "pods/demo-kafka-0", {"conditions": None, **statuses})
            await estate.reconcile()
            assert await _reasons(estate, "KafkaReady") == [reason]
            message = (await estate.condition("KafkaReady"))["message"]
            assert message == f"pod demo-kafka-0, container {name}: {name} says so"


async def _choices(estate: Estate) -> None:
    await estate.apply()
    await estate.until_ready()
    for spec, reason in (
        ({"paused": True}, "Paused"),
        ({"suspend": True}, "Suspended"),
        ({"stores": 500}, "InvalidSpec"),
    ):
        await estate.apply(**spec)
        await estate.reconcile()
        assert await _reasons(estate, "Ready") == [reason]
    patch = {"kind": "StatefulSet", "name": "demo-kafka", "patch": {"spec": {"serviceName": "another"}}}
    await estate.apply(overrides=[patch])
    await estate.reconcile()
    assert await _reasons(estate, "KafkaReady", "Ready") == ["ApplyRefused", "ComponentDegraded"]


STORIES = (_coming_up, _jobs, _pods, _choices)


def test_every_reason_is_told_when_it_is_so(namespace: str) -> None:
    """A reason that is added to the operator needs a story here."""
    seen: set[str] = set()
    for number, story in enumerate(STORIES):
        kubectl("create", "namespace", place := f"{namespace}-{number}")
        _play(place, story, seen)
    assert set(_written()) - seen == set()


def _play(namespace: str, story: Story, seen: set[str]) -> None:
    async def work(estate: Estate) -> None:
        reconcile = estate.reconcile

        async def reconcile_and_note() -> Any:
            report = await reconcile()
            conditions = (await estate.live())["status"]["conditions"]
            seen.update(condition["reason"] for condition in conditions)
            _check_form(conditions, (await estate.live())["metadata"]["generation"])
            return report

        estate.reconcile = reconcile_and_note  # type: ignore[method-assign]
        await story(estate)

    with_estate(namespace, work)


def _check_form(conditions: list[dict[str, Any]], generation: int) -> None:
    """As the API conventions want it."""
    assert len({condition["type"] for condition in conditions}) == len(conditions)
    assert conditions[0]["type"] == "Ready"
    for condition in conditions:
        assert re.fullmatch("[A-Z][A-Za-z0-9]*Ready|Ready", condition["type"])
        assert re.fullmatch("[A-Z][A-Za-z]+", condition["reason"])
        assert condition["status"] in ("True", "False")
        assert bool(condition["message"]) is (condition["status"] == "False")
        assert condition["observedGeneration"] <= generation
    assert conditions[0]["observedGeneration"] == generation


def _written() -> set[str]:
    """All reasons that the operator gives, and those of Kubernetes that it passes on; not those of other operators.

    A change is taken back in test_rollback.
    """
    return {*HOPELESS, *({*OF_READY, *OF_COMPONENTS} - _OF_OTHER_OPERATORS - {Reason.ROLLED_BACK})}


async def _reasons(estate: Estate, *kinds: str) -> list[str]:
    return [(await estate.condition(kind))["reason"] for kind in kinds]


async def _have_status(estate: Estate, group: str, item: str, status: dict[str, Any]) -> None:
    root = f"/apis/{group}/v1" if group else "/api/v1"
    await estate.patch(f"{root}/namespaces/{estate.namespace}/{item}/status", {"status": status})
