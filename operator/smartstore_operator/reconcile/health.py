"""What a workload is like, judged by its status and the states of its pods. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from smartstore_operator.api.reasons import HOPELESS, Reason

State = Literal["Missing", "Progressing", "Ready", "Degraded"]

_LONGEST_MESSAGE = 512


@dataclass(frozen=True)
class Health:
    """`reason` is one word for machines, `message` says what is wrong and where; both are empty when Ready."""

    state: State
    reason: str = ""
    message: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether it does its work."""
        return self.state == "Ready"


READY = Health("Ready")


def health_of(workload: Mapping[str, Any] | None, pods: Iterable[Mapping[str, Any]] = ()) -> Health:
    """The health of a StatefulSet, Deployment or Job as the API server has it, None if it has none.

    A status of an older generation says nothing about what was asked for last.
    """
    if workload is None:
        return Health("Missing", Reason.NOT_CREATED, "it has not been created yet")
    found = _of_job(workload) if workload["kind"] == "Job" else _of_replicas(workload)
    if found.is_ready:
        return found
    return next((trouble for pod in pods if (trouble := trouble_of(pod)) is not None), found)


def _of_job(job: Mapping[str, Any]) -> Health:
    status = job.get("status", {})
    if status.get("succeeded", 0) >= 1:
        return READY
    for condition in status.get("conditions", []):
        if condition["type"] == "Failed" and condition["status"] == "True":
            return Health(
                "Degraded",
                condition.get("reason", Reason.JOB_FAILED),
                shortened(condition.get("message", "")),
            )
    return Health("Progressing", Reason.JOB_RUNNING, "it has not finished yet")


def _of_replicas(workload: Mapping[str, Any]) -> Health:
    spec, status = workload["spec"], workload.get("status", {})
    if status.get("observedGeneration", 0) < workload["metadata"]["generation"]:
        return Health("Progressing", Reason.NOT_OBSERVED, "its controller has not seen the last change yet")
    wanted = spec.get("replicas", 1)
    updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
    if workload["kind"] == "StatefulSet" and status.get("updateRevision") == status.get("currentRevision"):
        updated = wanted  # the counter is kept only while an update runs
    if updated < wanted:
        return Health("Progressing", Reason.ROLLING_OUT, f"{updated} of {wanted} pods are of the last change")
    if ready < wanted:
        return Health("Progressing", Reason.POD_NOT_READY, f"{ready} of {wanted} pods are ready")
    return READY


def trouble_of(pod: Mapping[str, Any]) -> Health | None:
    """Why a pod will not become ready by itself, if it will not."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return Health(
                "Degraded", Reason.UNSCHEDULABLE, shortened(f"pod {name}: {condition.get('message', '')}")
            )
    containers = (*status.get("initContainerStatuses", []), *status.get("containerStatuses", []))
    for container in containers:
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") in HOPELESS:
            text = f"pod {name}, container {container['name']}: {_why(container, waiting)}"
            return Health("Degraded", waiting["reason"], shortened(text))
    return None


def _why(container: Mapping[str, Any], waiting: Mapping[str, Any]) -> str:
    ended = container.get("lastState", {}).get("terminated")
    if ended:
        how = f"ended with {ended.get('exitCode')} ({ended.get('reason', 'Error')})"
        return f"{how}, {container['restartCount']} restarts"
    return str(waiting.get("message", waiting["reason"]))


def shortened(text: str) -> str:
    """A message of a length that a person reads."""
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"
