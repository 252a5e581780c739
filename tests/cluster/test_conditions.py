"""Every condition and reason that the operator knows, seen on a SmartStore in a real API server."""

import ast
import inspect
import pkgutil
import re
from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

import smartstore_operator.reconcile as package
from smartstore_operator.reconcile import health
from tests.api_server import kubectl
from tests.cluster.estate import Estate, with_estate

pytestmark = pytest.mark.cluster

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
    for reason in sorted(health._HOPELESS_WAITING):
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


def _written() -> Iterator[str]:
    """All reasons that stand in the code of `reconcile`: of a Health, of a Choice, and in a condition."""
    yield from health._HOPELESS_WAITING
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for node in ast.walk(ast.parse(inspect.getsource(import_module(module.name)))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                place = {"Health": 1, "Choice": 0, "refused": 0}.get(name)
                if place is not None and len(node.args) > place:
                    yield from _words(node.args[place])
            elif isinstance(node, ast.Dict):
                pairs = zip(node.keys, node.values, strict=True)
                for key, value in pairs:
                    if isinstance(key, ast.Constant) and key.value == "reason":
                        yield from _words(value)
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "reason":
                yield from _words(node.value)


def _words(node: ast.expr) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and re.fullmatch("[A-Z][A-Za-z]+", str(one.value)):
            yield str(one.value)


async def _reasons(estate: Estate, *kinds: str) -> list[str]:
    return [(await estate.condition(kind))["reason"] for kind in kinds]


async def _have_status(estate: Estate, group: str, item: str, status: dict[str, Any]) -> None:
    root = f"/apis/{group}/v1" if group else "/api/v1"
    await estate.patch(f"{root}/namespaces/{estate.namespace}/{item}/status", {"status": status})
