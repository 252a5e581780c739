"""What Strimzi says of its resources, as health. Pure.

It writes its conditions in several ways: `Ready` is absent, not false, while a Kafka or Connect is bad, a bad topic has
`Ready=False`, and during a rolling change the last `Ready=True` stays with the generation that it was about.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from smartstore_operator.api.reasons import Reason
from smartstore_operator.reconcile.health import READY, Health, shortened

_BEING_MADE = "Creating"


def health(resource: Mapping[str, Any]) -> Health:
    """The health of a Kafka, KafkaTopic, KafkaConnect or KafkaConnector."""
    status = resource.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions", []) if c.get("status") == "True"}
    refused = [c for c in status.get("conditions", []) if c["type"] == "Ready" and c.get("status") == "False"]
    if "ReconciliationPaused" in conditions:
        return Health(
            "Degraded", Reason.RECONCILIATION_PAUSED, _told(resource, "its reconciliation is paused")
        )
    failed = _failed_task(status)
    if failed is not None:
        return Health("Degraded", Reason.TASK_FAILED, shortened(_told(resource, failed)))
    bad = conditions.get("NotReady") or (refused[0] if refused else None)
    if bad is not None and bad.get("reason") != _BEING_MADE:
        return Health(
            "Degraded",
            bad.get("reason", Reason.NOT_READY),
            shortened(_told(resource, bad.get("message", ""))),
        )
    if bad is not None or "Ready" not in conditions:
        return Health(
            "Progressing",
            Reason.WAITING_FOR_STRIMZI,
            _told(resource, "Strimzi has not reported it ready yet"),
        )
    if status.get("observedGeneration", 0) < resource["metadata"]["generation"]:
        return Health(
            "Progressing", Reason.NOT_OBSERVED, _told(resource, "Strimzi has not seen the last change yet")
        )
    return READY


def first_status(found: Iterable[Mapping[str, Any]], cluster_id: str) -> dict[str, Any] | None:
    """The status that a KafkaNodePool gets before there is a Kafka, None if there is nothing to do.

    Strimzi takes the cluster's id from it, and makes one up otherwise: then brokers refuse the volumes that an earlier
    cluster left.
    """
    kinds = {item["kind"]: item for item in found}
    pool = kinds.get("KafkaNodePool")
    if pool is None or "Kafka" in kinds or _has_id(pool):
        return None
    meta = {name: pool["metadata"][name] for name in ("name", "namespace")}
    status = {"clusterId": cluster_id}
    return {"apiVersion": pool["apiVersion"], "kind": pool["kind"], "metadata": meta, "status": status}


def waits(item: Mapping[str, Any], found: Iterable[Mapping[str, Any]]) -> bool:
    """Whether `item` is a Kafka that must not be made yet, since its pool does not have the id."""
    kinds = {each["kind"]: each for each in found}
    if item["kind"] != "Kafka" or "Kafka" in kinds:
        return False
    return not _has_id(kinds.get("KafkaNodePool", {}))


def _has_id(pool: Mapping[str, Any]) -> bool:
    return bool((pool.get("status") or {}).get("clusterId"))


def _failed_task(status: Mapping[str, Any]) -> str | None:
    """Why a task of a connector failed; its condition says only that one did."""
    tasks = (status.get("connectorStatus") or {}).get("tasks") or []
    traces = [str(task.get("trace", "")) for task in tasks if task.get("state") == "FAILED"]
    return traces[0].partition("\n")[0] if traces else None


def _told(resource: Mapping[str, Any], text: str) -> str:
    return f"{resource['kind']} {resource['metadata']['name']}: {text}"
