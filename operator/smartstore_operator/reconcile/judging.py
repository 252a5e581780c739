"""The health of a component by that of all objects it consists of. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from smartstore_operator.api.reasons import Reason
from smartstore_operator.reconcile import cloudnative_pg, spark, strimzi
from smartstore_operator.reconcile.health import READY, Health, health_of
from smartstore_operator.reconcile.kinds import WORKLOADS

_OF_STRIMZI = ("Kafka", "KafkaUser", "KafkaTopic", "KafkaConnect", "KafkaConnector")
"""A KafkaNodePool never says that it is ready."""
_JUDGED = (*WORKLOADS, *_OF_STRIMZI, "Cluster", "SparkApplication")


def health(wanted: Iterable[Mapping[str, Any]], found: Iterable[Mapping[str, Any]]) -> Health:
    """The health of a component: `wanted` are its objects as rendered, `found` those that there are, and its pods."""
    there = {(item["kind"], item["metadata"]["name"]): item for item in found}
    pods = [item for item in there.values() if item["kind"] == "Pod"]
    names = [(item["kind"], item["metadata"]["name"]) for item in wanted if item["kind"] in _JUDGED]
    return _together([_of(there.get(name), pods) for name in names])


def _of(item: Mapping[str, Any] | None, pods: Sequence[Mapping[str, Any]]) -> Health:
    if item is not None and item["kind"] in _OF_STRIMZI:
        return strimzi.health(item)
    if item is not None and item["kind"] == "SparkApplication":
        return spark.health(item, pods)
    if item is not None and item["kind"] == "Cluster":
        return cloudnative_pg.health(item)
    return health_of(item, pods)


def _together(healths: Sequence[Health]) -> Health:
    """The first that is wrong counts; a component is missing only if nothing of it is there."""
    waiting = [each for each in healths if not each.is_ready]
    if not waiting:
        return READY
    broken = [each for each in waiting if each.state == "Degraded"]
    missing = [each for each in waiting if each.state == "Missing"]
    if broken or not missing:
        return (broken or waiting)[0]
    if len(missing) == len(healths):
        return missing[0]
    return Health("Progressing", Reason.NOT_CREATED, "a part of it has not been created yet")
