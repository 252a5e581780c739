"""What Strimzi's statuses mean; their forms are those that its operator writes."""

from typing import Any

import pytest

from smartstore_operator.reconcile.health import READY, Health
from smartstore_operator.reconcile.strimzi import first_status, health, waits

pytestmark = pytest.mark.unit


def _resource(kind: str = "Kafka", generation: int = 2, **status: Any) -> dict[str, Any]:
    given = {"status": status} if status else {}
    return {"kind": kind, "metadata": {"name": "demo", "generation": generation}, **given}


def _condition(kind: str, status: str = "True", reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def test_ready_counts_for_the_generation_that_it_is_about() -> None:
    conditions = [_condition("Ready"), _condition("Warning", reason="KafkaStorage")]
    assert health(_resource(conditions=conditions, observedGeneration=2)) == READY
    assert health(_resource(conditions=conditions, observedGeneration=1)).reason == "NotObserved"


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"conditions": [_condition("NotReady", reason="Creating")], "observedGeneration": 0},
        {"conditions": [], "observedGeneration": 2},
    ],
)
def test_what_says_nothing_yet_is_being_made(status: dict[str, Any]) -> None:
    assert health(_resource(**status)) == Health(
        "Progressing", "WaitingForStrimzi", "Kafka demo: Strimzi has not reported it ready yet"
    )


def test_a_bad_resource_says_why_in_both_forms() -> None:
    absent = _condition("NotReady", reason="InvalidResourceException", message="no node pool")
    assert health(_resource(conditions=[absent], observedGeneration=2)) == Health(
        "Degraded", "InvalidResourceException", "Kafka demo: no node pool"
    )
    false = _condition("Ready", "False", "NotSupported", "partitions cannot shrink")
    assert health(_resource("KafkaTopic", conditions=[false], observedGeneration=2)) == Health(
        "Degraded", "NotSupported", "KafkaTopic demo: partitions cannot shrink"
    )


def test_a_failed_task_shows_beside_a_connector_that_runs() -> None:
    tasks = [{"id": 0, "state": "FAILED", "trace": "ServiceException: no connection\n\tat a.b.C"}]
    told = {"connector": {"state": "RUNNING"}, "tasks": tasks}
    conditions = [_condition("Ready")]
    found = health(
        _resource("KafkaConnector", conditions=conditions, connectorStatus=told, observedGeneration=2)
    )
    assert found == Health("Degraded", "TaskFailed", "KafkaConnector demo: ServiceException: no connection")


def test_a_paused_reconciliation_is_told() -> None:
    paused = health(_resource(conditions=[_condition("ReconciliationPaused")], observedGeneration=2))
    assert paused.reason == "ReconciliationPaused"


def test_a_cluster_begins_with_the_id_that_its_volumes_may_have() -> None:
    kafka, pool = _resource(), _resource("KafkaNodePool")
    for item in (kafka, pool):
        item |= {"apiVersion": "kafka.strimzi.io/v1"}
        item["metadata"]["namespace"] = "shops"
    assert (first_status([], "id-1"), waits(kafka, [])) == (None, True)
    given = first_status([pool], "id-1")
    assert given is not None
    assert given["status"] == {"clusterId": "id-1"}
    assert waits(kafka, [pool])
    pool["status"] = {"clusterId": "id-1"}
    assert (first_status([pool], "id-1"), waits(kafka, [pool])) == (None, False)
    assert first_status([kafka, _resource("KafkaNodePool")], "id-1") is None
