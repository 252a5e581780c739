"""`kubectl smartstore verify|report`: start a task of a SmartStore as a Job, show its output, return its verdict."""

import json
import time
import uuid
from collections.abc import Sequence

from smartstore_operator.cli import exits
from smartstore_operator.cli.exits import CommandFailed
from smartstore_operator.cli.plugin.kubectl import Kubectl
from smartstore_operator.render.kubernetes.metadata import child_name

_START_SECONDS = 120.0


def run_tasks(kubectl: Kubectl, name: str, tasks: Sequence[str]) -> int:
    """Run those that the SmartStore has, one after the other; the exit code is that of the worst."""
    kubectl.smartstore(name)  # its name, not the task's, is what may be wrong
    known = [task for task in tasks if _exists(kubectl, name, task)]
    if not known:
        raise CommandFailed(f"{name} has no task {tasks[0]}; has it been reconciled yet?")
    return max(_run(kubectl, name, task) for task in known)


def _exists(kubectl: Kubectl, name: str, task: str) -> bool:
    cron_job = child_name(name, task)
    return bool(kubectl.run("get", "cronjob", cron_job, "--ignore-not-found", "--output=name"))


def _run(kubectl: Kubectl, name: str, task: str) -> int:
    """Run one task and take its Job away; the exit code is the program's own."""
    job = f"{child_name(name, task)}-{uuid.uuid4().hex[:6]}"
    kubectl.run("create", "job", job, f"--from=cronjob/{child_name(name, task)}")
    try:
        pod = _started(kubectl, job)
        kubectl.show("logs", "--follow", pod)
        return _exit_code(kubectl, pod)
    finally:
        kubectl.run("delete", "job", job, "--ignore-not-found", "--wait=false")


def _started(kubectl: Kubectl, job: str) -> str:
    """Name of the Job's pod, once it has run or runs."""
    end = time.monotonic() + _START_SECONDS
    why = "it has no pod yet"
    while time.monotonic() < end:
        pods = kubectl.list(["pods"], {"batch.kubernetes.io/job-name": job})
        for pod in pods:
            if pod["status"].get("phase") in ("Running", "Succeeded", "Failed"):
                return str(pod["metadata"]["name"])
            why = json.dumps(pod["status"].get("conditions", []))
        time.sleep(0.5)
    raise CommandFailed(f"{job} did not start within {_START_SECONDS:.0f} s: {why}")


def _exit_code(kubectl: Kubectl, pod: str) -> int:
    path = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}"
    end = time.monotonic() + 30
    while time.monotonic() < end:
        code = kubectl.run("get", "pod", pod, f"--output={path}")
        if code:
            return int(code)
        time.sleep(0.5)
    return exits.FAILED
