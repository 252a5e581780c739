"""What runs a component: a StatefulSet where it keeps state, a Deployment where it does not, a Job where it ends, a
CronJob where the clock or somebody has to ask for it."""

from collections.abc import Mapping
from typing import Any

from smartstore_operator.api.marks import CONFIG_CHECKSUM
from smartstore_operator.render.component import Component, Probe
from smartstore_operator.render.kubernetes.configuration import (
    checksum,
    files_volume,
    variables,
)
from smartstore_operator.render.kubernetes.estate import Estate
from smartstore_operator.render.kubernetes.metadata import child_name, metadata, selector
from smartstore_operator.render.kubernetes.network import short
from smartstore_operator.render.kubernetes.resources import (
    has_own_claim,
    keeps_state,
    resources,
    storage,
)

_USER = 10_001
STATE_VOLUME = "state"
SCRATCH: dict[str, Any] = {"name": "scratch", "emptyDir": {}}
SCRATCH_MOUNT = {"name": "scratch", "mountPath": "/tmp"}  # noqa: S108  a volume of the pod's own
CONTAINER_SECURITY: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
_CONFIG = "config"
_PROBE_SECONDS = 2


def workload(estate: Estate, component: Component) -> dict[str, Any]:
    """The object that keeps the component's one pod."""
    if component.kind == "oneshot":
        return _job(estate, component)
    if component.kind == "task":
        return _cron_job(estate, component)
    if keeps_state(component):
        return _stateful_set(estate, component)
    return _deployment(estate, component)


def _job(estate: Estate, component: Component) -> dict[str, Any]:
    # A Job cannot be changed, so another configuration is another Job; running it again does no harm.
    name = f"{child_name(estate.name, component.name)}-{checksum(component)[:8]}"
    # What it would talk to has no pods: it would fail until it is given up.
    rests = {"suspend": True} if estate.spec.suspend else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(estate.name, estate.namespace, component.name, name=name),
        "spec": {
            "backoffLimit": 6,
            "template": pod_template(estate, component, restart="OnFailure"),
            **rests,
        },
    }


def _cron_job(estate: Estate, component: Component) -> dict[str, Any]:
    """Run by the clock where it has a schedule; always a template: `kubectl create job --from=cronjob/NAME NEW`."""
    job: dict[str, Any] = {"backoffLimit": 0, "template": pod_template(estate, component, restart="Never")}
    when: dict[str, Any] = {"schedule": "0 4 * * *", "suspend": True}
    if component.schedule is not None:
        job["backoffLimit"] = 3
        when = {
            "schedule": component.schedule,
            "timeZone": "Etc/UTC",
            "startingDeadlineSeconds": 3600,
            "suspend": estate.spec.suspend,
        }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata(estate.name, estate.namespace, component.name),
        "spec": {**when, "concurrencyPolicy": "Forbid", "jobTemplate": {"spec": job}},
    }


def _deployment(estate: Estate, component: Component) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(estate.name, estate.namespace, component.name),
        "spec": {
            "replicas": estate.replicas,
            "revisionHistoryLimit": 3,
            "selector": {"matchLabels": selector(estate.name, component.name)},
            "strategy": {"type": "Recreate"},
            "template": pod_template(estate, component),
        },
    }


def _stateful_set(estate: Estate, component: Component) -> dict[str, Any]:
    fate = "Retain" if estate.keeps_data else "Delete"
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(estate.name, estate.namespace, component.name),
        "spec": {
            "replicas": estate.replicas,
            "revisionHistoryLimit": 3,
            # Else a pod that never became ready would not be replaced by the mended one.
            "podManagementPolicy": "Parallel",
            "serviceName": child_name(estate.name, component.name),
            "selector": {"matchLabels": selector(estate.name, component.name)},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": fate, "whenScaled": "Retain"},
            "template": pod_template(estate, component),
            "volumeClaimTemplates": [_claim(estate, component)],
        },
    }


def _claim(estate: Estate, component: Component) -> dict[str, Any]:
    # The list is owned as a whole, defaults too: without them the next apply would differ from what is there.
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": STATE_VOLUME, "labels": selector(estate.name, component.name)},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": storage(component)}},
            "volumeMode": "Filesystem",
        },
        "status": {"phase": "Pending"},
    }


def claim(estate: Estate, component: Component, access: str) -> dict[str, Any]:
    """A volume that no StatefulSet makes."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(estate.name, estate.namespace, component.name),
        "spec": {"accessModes": [access], "resources": {"requests": {"storage": storage(component)}}},
    }


def pod_template(estate: Estate, component: Component, restart: str = "Always") -> dict[str, Any]:
    """The pod of a component, as a workload makes it."""
    main = _container(estate, component)
    prepare = [
        _container(estate, component, name=f"prepare-{number}", argv=argv)
        for number, argv in enumerate(component.before_start)
    ]
    if component.kind == "service":
        main |= _ports_and_probes(component)
    spec: dict[str, Any] = {
        "serviceAccountName": estate.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": int(component.stop_seconds) + 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [main],
        "volumes": _volumes(estate, component),
    }
    if prepare:
        spec["initContainers"] = prepare
    if restart != "Always":
        spec["restartPolicy"] = restart
    if component.reads_state_of is not None and _is_on_one_node(estate, component.reads_state_of):
        spec["affinity"] = {
            "podAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [_beside(estate, component.reads_state_of)]
            }
        }
    annotations = {CONFIG_CHECKSUM: checksum(component)}
    return {
        "metadata": {"labels": selector(estate.name, component.name), "annotations": annotations},
        "spec": spec,
    }


def _is_on_one_node(estate: Estate, component: str) -> bool:
    """Whether the component's volume can be on one node at a time only."""
    return not (estate.is_on_spark(component) and estate.spec.streaming.volume_access == "ReadWriteMany")


def _beside(estate: Estate, component: str) -> dict[str, Any]:
    """On the node where the component's pod is."""
    return {
        "labelSelector": {"matchLabels": selector(estate.name, component)},
        "topologyKey": "kubernetes.io/hostname",
    }


def _container(
    estate: Estate, component: Component, name: str = "main", argv: tuple[str, ...] = ()
) -> dict[str, Any]:
    mounts: list[dict[str, Any]] = [SCRATCH_MOUNT]
    if component.files or component.secret_files:
        mounts.append({"name": _CONFIG, "mountPath": estate.platform.config_dir(component.name)})
    if component.state_dir is not None:
        mounts.append({"name": STATE_VOLUME, "mountPath": component.state_dir})
    if component.reads_state_of is not None:
        path = estate.platform.state_dir(component.reads_state_of)
        mounts.append({"name": component.reads_state_of, "mountPath": path, "readOnly": True})
    environment = variables(estate, component)
    return {
        "name": name,
        "image": estate.images.of(component.programs),
        "imagePullPolicy": "IfNotPresent",
        "command": list(argv or component.argv),
        **({"env": environment} if environment else {}),
        "resources": resources(component),
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": mounts,
    }


def _volumes(estate: Estate, component: Component) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [SCRATCH]
    files = files_volume(estate, component, _CONFIG)
    if files is not None:
        volumes.append(files)
    if has_own_claim(component):
        own = {"claimName": child_name(estate.name, component.name)}
        volumes.append({"name": STATE_VOLUME, "persistentVolumeClaim": own})
    elif component.state_dir is not None and not keeps_state(component):
        volumes.append({"name": STATE_VOLUME, "emptyDir": {}})
    if component.reads_state_of is not None:
        owner = child_name(estate.name, component.reads_state_of)
        other = owner if estate.is_on_spark(component.reads_state_of) else f"{STATE_VOLUME}-{owner}-0"
        volumes.append({"name": component.reads_state_of, "persistentVolumeClaim": {"claimName": other}})
    return volumes


def _ports_and_probes(component: Component) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if component.ports:
        ports: Mapping[str, int] = component.ports
        found["ports"] = [
            {"name": short(name, component), "containerPort": port, "protocol": "TCP"}
            for name, port in ports.items()
        ]
    if component.probe is not None:
        how = _handler(component, component.probe)
        tries = int(component.probe.timeout_seconds / _PROBE_SECONDS)
        found["startupProbe"] = {**how, "periodSeconds": _PROBE_SECONDS, "failureThreshold": tries}
        found["readinessProbe"] = {**how, "periodSeconds": 10, "failureThreshold": 3}
    return found


def _handler(component: Component, probe: Probe) -> dict[str, Any]:
    if probe.kind == "exec":
        return {"exec": {"command": list(probe.argv)}, "timeoutSeconds": 5}
    port = component.ports[probe.port or next(iter(component.ports))]
    if probe.kind == "tcp":
        return {"tcpSocket": {"port": port}, "timeoutSeconds": 5}
    return {"httpGet": {"path": probe.path, "port": port}, "timeoutSeconds": 5}
