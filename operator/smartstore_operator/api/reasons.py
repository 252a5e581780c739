"""Reasons of conditions and Events: one word each for machines."""

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """Every reason that the operator sets itself. Those of a container or Job that Kubernetes gives are passed on."""

    ALL_COMPONENTS_READY = "AllComponentsReady"
    COMPONENTS_NOT_READY = "ComponentsNotReady"
    COMPONENT_DEGRADED = "ComponentDegraded"
    INVALID_SPEC = "InvalidSpec"
    PAUSED = "Paused"
    SUSPENDED = "Suspended"

    READY = "Ready"
    NOT_CREATED = "NotCreated"
    WAITING = "Waiting"
    NOT_OBSERVED = "NotObserved"
    ROLLING_OUT = "RollingOut"
    POD_NOT_READY = "PodNotReady"
    JOB_RUNNING = "JobRunning"
    JOB_FAILED = "JobFailed"
    UNSCHEDULABLE = "Unschedulable"
    APPLY_REFUSED = "ApplyRefused"
    ROLLED_BACK = "RolledBack"

    WAITING_FOR_STRIMZI = "WaitingForStrimzi"
    RECONCILIATION_PAUSED = "ReconciliationPaused"
    NOT_READY = "NotReady"
    TASK_FAILED = "TaskFailed"
    WAITING_FOR_CLOUDNATIVE_PG = "WaitingForCloudNativePG"
    WAITING_FOR_DRIVER = "WaitingForDriver"
    DRIVER_NOT_FOUND = "DriverNotFound"
    DRIVER_ENDED = "DriverEnded"

    DRIFT_CORRECTED = "DriftCorrected"
    FIELDS_TAKEN_OVER = "FieldsTakenOver"


OF_READY: Mapping[Reason, str] = {
    Reason.ALL_COMPONENTS_READY: "Everything runs.",
    Reason.COMPONENTS_NOT_READY: "Something is on its way; the message names the first and counts the others.",
    Reason.COMPONENT_DEGRADED: "Something will not come by itself; the message says what and why.",
    Reason.INVALID_SPEC: "The spec cannot be followed, so nothing was changed; the message has field, reason and mend.",
    Reason.PAUSED: "`paused` is true: nothing is touched.",
    Reason.SUSPENDED: "`suspend` is true: nothing runs, all data stay.",
}
"""What each reason of the condition `Ready` means."""

OF_COMPONENTS: Mapping[Reason, str] = {
    Reason.READY: "It does its work, or has done it.",
    Reason.NOT_CREATED: "It has not been created yet.",
    Reason.WAITING: "It is created once the components that the message names are ready.",
    Reason.NOT_OBSERVED: "Its controller has not seen the last change yet.",
    Reason.ROLLING_OUT: "Its pods are being replaced.",
    Reason.POD_NOT_READY: "Its pod runs and is not ready yet.",
    Reason.JOB_RUNNING: "The Job has not finished yet.",
    Reason.JOB_FAILED: "The Job failed, and Kubernetes gives no reason.",
    Reason.UNSCHEDULABLE: "No node takes the pod; the message says why.",
    Reason.APPLY_REFUSED: "The API server refuses the object; the message is its own. Other components go on.",
    Reason.ROLLED_BACK: "The last change of the application did not run within ten minutes, so it runs as before it.",
    Reason.WAITING_FOR_STRIMZI: "Strimzi has not reported it ready yet.",
    Reason.RECONCILIATION_PAUSED: "Somebody told Strimzi to leave the resource as it is.",
    Reason.NOT_READY: "Strimzi says that it is not ready, and gives no reason; those that it gives are passed on.",
    Reason.TASK_FAILED: "A connector's task has failed; the message has the first line of its trace.",
    Reason.WAITING_FOR_CLOUDNATIVE_PG: "CloudNativePG is at work; the message is its phase.",
    Reason.WAITING_FOR_DRIVER: "The Spark operator has not got a driver running yet.",
    Reason.DRIVER_NOT_FOUND: "The Spark operator speaks of a driver whose pod is not there.",
    Reason.DRIVER_ENDED: "The driver has failed or ended; it is submitted again.",
}
"""What each reason of a component's condition means."""

OF_EVENTS: Mapping[Reason, str] = {
    Reason.DRIFT_CORRECTED: "Somebody else changed an object, and it was taken back; the note names the fields.",
    Reason.FIELDS_TAKEN_OVER: "Another manager had applied fields, and they were taken over; the note names both.",
}
"""What the Events mean that are no turn of `Ready`."""

HOPELESS = (
    *("CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"),
    *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
)
"""Kubernetes' reasons of a waiting container that time alone does not mend; they are passed on."""
