"""The streaming applications as SparkApplications of the Spark operator: a driver, and executors that it makes.

Driver and executors share a volume, which has the checkpoint, or the tables of the lake.
https://www.kubeflow.org/docs/components/spark-operator/reference/api-docs/
https://spark.apache.org/docs/latest/running-on-kubernetes.html#pod-template
"""

from collections.abc import Iterator
from typing import Any

from smartstore.contracts.applications import is_hot
from smartstore_operator.api.marks import COMPONENT_LABEL
from smartstore_operator.api.scalars import mebibytes
from smartstore_operator.api.streaming import Executors, Hot, LakeApplication
from smartstore_operator.render.component import Component
from smartstore_operator.render.context import LATE_OPTIMIZING
from smartstore_operator.render.dataplane import PYTHON_MEMORY, PYTHON_WORKERS_MEMORY
from smartstore_operator.render.kubernetes.configuration import (
    configuration,
    secret_configuration,
    variables,
)
from smartstore_operator.render.kubernetes.estate import Estate, executors_of
from smartstore_operator.render.kubernetes.metadata import child_name, metadata
from smartstore_operator.render.kubernetes.network import component_policy, service
from smartstore_operator.render.kubernetes.workload import (
    CONTAINER_SECURITY,
    SCRATCH,
    SCRATCH_MOUNT,
    STATE_VOLUME,
    claim,
    pod_template,
)

API_VERSION = "sparkoperator.k8s.io/v1beta2"
SPARK_VERSION = "4.2.0"
_MAIN_FILE = "local:///opt/smartstore/bin/run_module.py"
_JVM_OVERHEAD = 384
"""MiB beside the heap (docs/measurements.md)."""
_RETRY_SECONDS = 2
_API_PORTS = (443, 6443)
_STOP = "/opt/smartstore/bin/stop_driver.py"
_DRIVER, _EXECUTOR = "spark-kubernetes-driver", "spark-kubernetes-executor"
"""Names by which Spark finds its container in a template."""


def replaces(estate: Estate, component: Component) -> bool:
    """Whether that operator's resource takes the place of the component's own workload."""
    return estate.is_on_spark(component.name)


def objects(estate: Estate, component: Component) -> Iterator[dict[str, Any]]:
    """What it reads, its volume, who may connect, and the application."""
    for settings in (configuration(estate, component), secret_configuration(estate, component)):
        if settings is not None:
            yield settings
    yield claim(estate, component, estate.spec.streaming.volume_access)
    yield service(estate, component)
    yield _driver_policy(estate, component)
    yield _executor_policy(estate, component)
    yield _application(estate, component)


def _settings(estate: Estate, component: Component) -> Hot | LakeApplication:
    streaming = estate.spec.streaming
    return streaming.hot if is_hot(component.name) else streaming.lake


def _application(estate: Estate, component: Component) -> dict[str, Any]:
    settings = _settings(estate, component)
    return {
        "apiVersion": API_VERSION,
        "kind": "SparkApplication",
        "metadata": metadata(estate.name, estate.namespace, component.name),
        "spec": {
            "type": "Python",
            "pythonVersion": "3",
            "mode": "cluster",
            "sparkVersion": SPARK_VERSION,
            "image": estate.images.spark,
            "imagePullPolicy": "IfNotPresent",
            "mainApplicationFile": _MAIN_FILE,
            "arguments": [component.argv[-1]],
            "suspend": estate.spec.suspend,
            # It ends only by a failure, whatever its exit code says.
            "restartPolicy": {
                "type": "Always",
                "onFailureRetryInterval": _RETRY_SECONDS,
                "onSubmissionFailureRetryInterval": _RETRY_SECONDS,
            },
            "sparkConf": _spark_configuration(estate),
            "driver": {
                "cores": 1,
                "coreRequest": "50m",
                "memory": f"{mebibytes(settings.driver_memory)}m",
                "memoryOverhead": f"{_JVM_OVERHEAD + PYTHON_MEMORY}m",
                "serviceAccount": estate.spec.streaming.service_account,
                "template": _driver_template(estate, component),
            },
            "executor": _executor(estate, component, settings.executors),
        },
    }


def _spark_configuration(estate: Estate) -> dict[str, str]:
    jars = f"{estate.platform.spark_jars}/*"
    java = " ".join(("-Xss2m", *LATE_OPTIMIZING))
    return {
        "spark.driver.extraClassPath": jars,
        "spark.executor.extraClassPath": jars,
        "spark.driver.extraJavaOptions": f"-XX:+UseSerialGC {java}",
        "spark.executor.extraJavaOptions": java,
        "spark.pyspark.python": estate.platform.python,
        "spark.executorEnv.MALLOC_ARENA_MAX": "2",
        # A driver that comes back must not wait for executors that it does not know.
        "spark.kubernetes.executor.deleteOnTermination": "true",
        # Spark's Service gives the driver's name an address only when its pod is ready, which it is not before
        # executors have worked for it.
        "spark.kubernetes.executor.useDriverPodIP": "true",
        "spark.task.maxFailures": "4",
    }


def _driver_template(estate: Estate, component: Component) -> dict[str, Any]:
    """The component's own pod, with what Spark decides left out: image, command, memory, account."""
    template = pod_template(estate, component)
    pod = dict(template["spec"])
    for decided in ("serviceAccountName", "automountServiceAccountToken"):
        pod.pop(decided)
    (container,) = pod["containers"]
    kept = {
        name: value
        for name, value in container.items()
        if name not in ("image", "imagePullPolicy", "command", "resources")
    }
    stop = {"preStop": {"exec": {"command": [estate.platform.python, _STOP]}}}
    pod["containers"] = [{**kept, "name": _DRIVER, "lifecycle": stop}]
    pod["volumes"] = [*pod["volumes"], _shared_volume(estate, component)]
    return {**template, "spec": pod}


def _executor(estate: Estate, component: Component, executors: Executors) -> dict[str, Any]:
    return {
        "instances": executors.instances,
        "cores": executors.cores,
        "coreRequest": "50m",
        "memory": f"{mebibytes(executors.memory)}m",
        "memoryOverhead": f"{_JVM_OVERHEAD + PYTHON_WORKERS_MEMORY}m",
        "deleteOnTermination": True,
        # The Spark operator gives the application's own labels to all its pods, over those of the template.
        "labels": {COMPONENT_LABEL: executors_of(component.name)},
        "template": _executor_template(estate, component),
    }


def _executor_template(estate: Estate, component: Component) -> dict[str, Any]:
    pod = pod_template(estate, component)["spec"]
    mounts = [SCRATCH_MOUNT, {"name": STATE_VOLUME, "mountPath": component.state_dir}]
    # Executors write the files of the tables themselves; Spark passes their keys to the bucket on to nobody.
    keys = [one for one in variables(estate, component) if one["name"].startswith("AWS_")]
    return {
        "metadata": {"labels": estate.pods_of(executors_of(component.name))},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": pod["securityContext"],
            "containers": [
                {
                    "name": _EXECUTOR,
                    **({"env": keys} if keys else {}),
                    "securityContext": CONTAINER_SECURITY,
                    "volumeMounts": mounts,
                }
            ],
            "volumes": [SCRATCH, _shared_volume(estate, component)],
        },
    }


def _shared_volume(estate: Estate, component: Component) -> dict[str, Any]:
    claim = {"claimName": child_name(estate.name, component.name)}
    return {"name": STATE_VOLUME, "persistentVolumeClaim": claim}


def _driver_policy(estate: Estate, component: Component) -> dict[str, Any]:
    """What the component may do anyway, and what a driver does: make executors, and talk with them."""
    policy = component_policy(estate, component)
    spec = policy["spec"]
    executors = _peer(estate, executors_of(component.name))
    api_server = {"ports": [{"protocol": "TCP", "port": port} for port in _API_PORTS]}
    return {
        **policy,
        "spec": {
            **spec,
            "egress": [*spec["egress"], {"to": [executors]}, api_server],
            "ingress": [*spec.get("ingress", []), {"from": [executors]}],
        },
    }


def _executor_policy(estate: Estate, component: Component) -> dict[str, Any]:
    """Executors read Kafka, and talk with their driver and among themselves."""
    name = executors_of(component.name)
    peers = [_peer(estate, component.name), _peer(estate, name)]
    spec = component_policy(estate, component)["spec"]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(
            estate.name, estate.namespace, component.name, name=child_name(estate.name, name)
        ),
        "spec": {
            "podSelector": {"matchLabels": estate.pods_of(name)},
            "policyTypes": ["Ingress", "Egress"],
            "egress": [*spec["egress"], {"to": peers}],
            "ingress": [{"from": peers}],
        },
    }


def _peer(estate: Estate, component: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": estate.pods_of(component)}}
