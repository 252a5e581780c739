"""What the Spark operator says of a SparkApplication, as health; and when to have it submitted anew. Pure.

Its state says nothing about the generation: it may be that of the driver before the last change. A driver that cannot
start stays `SUBMITTED` for ever, so its pod is looked at too.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from smartstore_operator.api.marks import CONFIG_CHECKSUM
from smartstore_operator.api.reasons import Reason
from smartstore_operator.reconcile.health import READY, Health, shortened, trouble_of

RESUBMISSION = "spark.smartstore.resubmission"
"""A setting that Spark does not know: another value makes the Spark operator submit the application anew."""
_MOST_ATTEMPTS = 10
"""So often it may try by itself; each wait is longer than the last, and no success makes them short again."""
_COUNTERS = {"PENDING_RERUN": "executionAttempts", "SUBMISSION_FAILED": "submissionAttempts"}
"""States in which it waits to try again: what counts the tries."""
_EXCEPTION = re.compile(r'^(?:Exception in thread "[^"]*" |Caused by: )', re.MULTILINE)
_WAITING = ("", "SUBMITTED", "PENDING_RERUN", "INVALIDATING", "RESUMING", "SUSPENDING", "SUSPENDED")


def health(application: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> Health:
    """The health of a SparkApplication with the pods that bear its component's name."""
    state, error = _state(application), _error(application)
    name = application["metadata"]["name"]
    if state == "RUNNING":
        return _of_driver(application, pods)
    trouble = next((found for pod in pods if (found := trouble_of(pod)) is not None), None)
    if trouble is not None:
        return trouble
    if error or state not in _WAITING:
        text = f"SparkApplication {name} is {state}: {error or 'its driver has ended'}"
        return Health("Degraded", Reason.DRIVER_ENDED, shortened(text))
    told = state or "not seen by the Spark operator yet"
    return Health("Progressing", Reason.WAITING_FOR_DRIVER, f"SparkApplication {name} is {told}")


def resubmitted(manifest: Mapping[str, Any], found: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The manifest with the mark that `found` bears, or with a new one when it has tried too often and is down.

    One that runs is never touched. The Spark operator's counters begin at 0 again with it.
    """
    if manifest["kind"] != "SparkApplication" or found is None:
        return manifest
    status = found.get("status") or {}
    mark = found["spec"].get("sparkConf", {}).get(RESUBMISSION)
    if status.get(_COUNTERS.get(_state(found), ""), 0) >= _MOST_ATTEMPTS:
        mark = status.get("lastSubmissionAttemptTime")
    if mark is None:
        return manifest
    spec = manifest["spec"]
    return {**manifest, "spec": {**spec, "sparkConf": {**spec["sparkConf"], RESUBMISSION: mark}}}


def is_running(application: Mapping[str, Any]) -> bool:
    """Whether it has a driver that another spec would end."""
    return _state(application) == "RUNNING"


def _of_driver(application: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> Health:
    wanted = application["status"].get("driverInfo", {}).get("podName")
    driver = next((pod for pod in pods if pod["metadata"]["name"] == wanted), None)
    if driver is None:
        return Health("Progressing", Reason.DRIVER_NOT_FOUND, f"there is no pod {wanted} yet")
    template = application["spec"]["driver"]["template"]["metadata"]["annotations"]
    annotations = driver["metadata"].get("annotations") or {}
    if annotations.get(CONFIG_CHECKSUM) != template[CONFIG_CHECKSUM]:
        return Health("Progressing", Reason.ROLLING_OUT, f"pod {wanted} is of an earlier change")
    conditions = {c["type"]: c["status"] for c in driver.get("status", {}).get("conditions", [])}
    if conditions.get("Ready") != "True":
        return trouble_of(driver) or Health("Progressing", Reason.POD_NOT_READY, f"pod {wanted} is not ready")
    return READY


def _state(application: Mapping[str, Any]) -> str:
    status = application.get("status") or {}
    return str((status.get("applicationState") or {}).get("state", ""))


def _error(application: Mapping[str, Any]) -> str:
    """What it says went wrong; of the log of a refused submission, the exception at its end and not the head."""
    status = application.get("status") or {}
    text = str((status.get("applicationState") or {}).get("errorMessage", ""))
    exceptions = list(_EXCEPTION.finditer(text))
    return " ".join(text[exceptions[-1].end() :].split()) if exceptions else text
