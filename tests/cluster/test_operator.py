"""The operator as a process against a real API server."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from smartstore_operator.cli import exits
from smartstore_operator.runtime.health import CANARY
from tests.api_server import kubectl
from tests.operator_process import Operator
from tests.specs import plain
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


def _apply(namespace: str, tmp_path: Path, **spec: Any) -> None:
    document = {"apiVersion": "smartstore.io/v1alpha1", "kind": "SmartStore"}
    file = tmp_path / "demo.yaml"
    file.write_text(
        yaml.safe_dump(
            {**document, "metadata": {"name": "demo", "namespace": namespace}, "spec": plain(**spec)}
        )
    )
    kubectl("apply", "-f", str(file))


def _versions(namespace: str) -> dict[str, str]:
    """Version of everything in the namespace."""
    kinds = "smartstores,statefulsets,deployments,jobs,services,configmaps,secrets,networkpolicies,serviceaccounts"
    form = "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}\n{end}"
    lines = kubectl("get", kinds, "-n", namespace, "-o", form).splitlines()
    return dict(line.split(" ") for line in lines if line and CANARY not in line)


def test_it_brings_up_heals_and_ends_by_itself(operator: Operator, namespace: str, tmp_path: Path) -> None:
    _apply(namespace, tmp_path)
    eventually(lambda: "StatefulSet/demo-kafka" in _versions(namespace))
    eventually(
        lambda: (
            "kafka" in kubectl("get", "sst", "demo", "-n", namespace, "-o", "jsonpath={.status.conditions}")
        )
    )
    kubectl("delete", "service", "demo-kafka", "-n", namespace)
    assert eventually(lambda: "Service/demo-kafka" in _versions(namespace)) < 5
    kubectl("scale", "statefulset", "demo-kafka", "-n", namespace, "--replicas=0")
    replicas = ["get", "statefulset", "demo-kafka", "-n", namespace, "-o", "jsonpath={.spec.replicas}"]
    assert eventually(lambda: kubectl(*replicas) == "1") < 5
    said = "StatefulSet/demo-kafka differed in spec.replicas, taken back"
    assert said in operator.log.read_text()
    notes = ["get", "events.v1.events.k8s.io", "-n", namespace, "-o", "jsonpath={.items[*].note}"]
    eventually(lambda: said in kubectl(*notes))
    assert operator.stop() == 0
    assert "forbidden" not in operator.log.read_text()


def test_a_killed_operator_goes_on_and_writes_nothing_again(
    operator: Operator, namespace: str, tmp_path: Path
) -> None:
    _apply(namespace, tmp_path)
    eventually(lambda: "NetworkPolicy/demo-lake" in _versions(namespace))
    time.sleep(2)
    before = _versions(namespace)
    operator.stop(signal.SIGKILL)
    operator.start()
    kubectl("delete", "configmap", "demo-hot", "-n", namespace)
    eventually(lambda: "ConfigMap/demo-hot" in _versions(namespace))
    time.sleep(2)
    after = _versions(namespace)
    assert {name for name in before if before[name] != after[name]} == {"ConfigMap/demo-hot"}


def _holder(namespace: str) -> str:
    return kubectl(
        "get", "lease", "smartstore-operator", "-n", namespace, "-o", "jsonpath={.spec.holderIdentity}"
    )


def test_who_loses_the_lease_ends(operator: Operator, namespace: str) -> None:
    eventually(lambda: _holder(namespace))
    stolen = '{"spec": {"holderIdentity": "somebody"}}'
    kubectl("patch", "lease", "smartstore-operator", "-n", namespace, "--type=merge", "-p", stolen)
    assert operator.process.wait(15) == exits.LEASE_LOST
    assert "the Lease is held by somebody" in operator.log.read_text()
