"""`kubectl smartstore verify|report|backup`: start a task as a Job, show its output, return its code."""

import json
import time
import uuid
from collections.abc import Sequence

from smartstore_operator.cli import exits
from smartstore_operator.cli.exits import CommandFailed
from smartstore_operator.cli.plugin.kubectl import Kubectl, Object
from smartstore_operator.render.kubernetes.metadata import child_name

_START_SECONDS = 120.0
_BACKUP = "backup"
_PROGRAM = ("python", "-m", "module")
"""What a task's command begins with; its arguments follow."""


def run_tasks(kubectl: Kubectl, name: str, tasks: Sequence[str]) -> int:
    """Run those that the SmartStore has, one after the other; the exit code is that of the worst."""
    kubectl.smartstore(name)  # its name, not the task's, is what may be wrong
    known = [task for task in tasks if _exists(kubectl, name, task)]
    if not known:
        raise CommandFailed(f"{name} has no task {tasks[0]}; has it been reconciled yet?")
    return max(_run(kubectl, name, task) for task in known)


def run_backup(kubectl: Kubectl, name: str, arguments: Sequence[str]) -> int:
    """Run the task that makes backups; with `arguments` of its program, others than those of the clock."""
    kubectl.smartstore(name)
    if not _exists(kubectl, name, _BACKUP):
        raise CommandFailed(f"{name} makes no backups: set spec.postgres.backups.enabled to true")
    return _run(kubectl, name, _BACKUP, arguments)


def _exists(kubectl: Kubectl, name: str, task: str) -> bool:
    cron_job = child_name(name, task)
    return bool(kubectl.run("get", "cronjob", cron_job, "--ignore-not-found", "--output=name"))


def _run(kubectl: Kubectl, name: str, task: str, arguments: Sequence[str] = ()) -> int:
    """Run one task and take its Job away; the exit code is the program's own."""
    job = f"{child_name(name, task)}-{uuid.uuid4().hex[:6]}"
    made = ("create", "job", job, f"--from=cronjob/{child_name(name, task)}")
    manifest = once(json.loads(kubectl.run(*made, "--dry-run=client", "--output=json")), arguments)
    kubectl.run("create", "--filename=-", stdin=json.dumps(manifest))
    try:
        pod = _started(kubectl, job)
        kubectl.show("logs", "--follow", pod)
        return _exit_code(kubectl, pod)
    finally:
        kubectl.run("delete", "job", job, "--ignore-not-found", "--wait=false")


def once(job: Object, arguments: Sequence[str]) -> Object:
    """The Job as somebody runs it who sees whether it fails: one try, with other arguments if there are any."""
    job["spec"]["backoffLimit"] = 0
    (container,) = job["spec"]["template"]["spec"]["containers"]
    if arguments:
        container["command"] = [*container["command"][: len(_PROGRAM)], *arguments]
    return job


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
