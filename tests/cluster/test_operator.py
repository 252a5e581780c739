"""The operator as a process against a real API server."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from smartstore_operator.runtime.health import CANARY
from tests.api_server import kubectl
from tests.specs import plain

pytestmark = pytest.mark.cluster

RUN = [
    sys.executable,
    "-c",
    "import sys; from smartstore_operator.cli.operator import main; sys.exit(main(['run']))",
]


class Operator:
    """One process, that looks after one namespace."""

    def __init__(self, namespace: str, kubeconfig: Path, log: Path) -> None:
        self.log, self._namespace, self._kubeconfig = log, namespace, kubeconfig
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        variables = {
            **os.environ,
            "KUBECONFIG": str(self._kubeconfig),
            "SMARTSTORE_OPERATOR_NAMESPACES": self._namespace,
            "SMARTSTORE_OPERATOR_NAMESPACE": self._namespace,
            "SMARTSTORE_OPERATOR_LEASE_SECONDS": "6",
            "SMARTSTORE_OPERATOR_HEALTH_PORT": "0",
        }
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(RUN, env=variables, stdout=output, stderr=output)
        return self.process

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def operator(namespace: str, api_server: Path, tmp_path: Path) -> Iterator[Operator]:
    """It has the rights of the chart and no others."""
    running = Operator(namespace, api_server, tmp_path / "operator.log")
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()
    print(running.log.read_text()[-4000:])


def _eventually(what: Callable[[], Any], seconds: float = 30.0) -> float:
    """How long it took until `what` was true."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        try:
            if what():
                return time.monotonic() - begin
        except AssertionError:
            pass
        time.sleep(0.1)
    raise AssertionError("it did not come")


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
    _eventually(lambda: "StatefulSet/demo-kafka" in _versions(namespace))
    _eventually(
        lambda: (
            "kafka" in kubectl("get", "sst", "demo", "-n", namespace, "-o", "jsonpath={.status.conditions}")
        )
    )
    kubectl("delete", "service", "demo-kafka", "-n", namespace)
    assert _eventually(lambda: "Service/demo-kafka" in _versions(namespace)) < 5
    kubectl("scale", "statefulset", "demo-kafka", "-n", namespace, "--replicas=0")
    replicas = ["get", "statefulset", "demo-kafka", "-n", namespace, "-o", "jsonpath={.spec.replicas}"]
    assert _eventually(lambda: kubectl(*replicas) == "1") < 5
    said = "StatefulSet/demo-kafka differed in spec.replicas, taken back"
    assert said in operator.log.read_text()
    notes = ["get", "events.v1.events.k8s.io", "-n", namespace, "-o", "jsonpath={.items[*].note}"]
    _eventually(lambda: said in kubectl(*notes))
    assert operator.stop() == 0
    assert "forbidden" not in operator.log.read_text()


def test_a_killed_operator_goes_on_and_writes_nothing_again(
    operator: Operator, namespace: str, tmp_path: Path
) -> None:
    _apply(namespace, tmp_path)
    _eventually(lambda: "NetworkPolicy/demo-lake" in _versions(namespace))
    time.sleep(2)
    before = _versions(namespace)
    operator.stop(signal.SIGKILL)
    operator.start()
    kubectl("delete", "configmap", "demo-hot", "-n", namespace)
    _eventually(lambda: "ConfigMap/demo-hot" in _versions(namespace))
    time.sleep(2)
    after = _versions(namespace)
    assert {name for name in before if before[name] != after[name]} == {"ConfigMap/demo-hot"}


def _holder(namespace: str) -> str:
    return kubectl(
        "get", "lease", "smartstore-operator", "-n", namespace, "-o", "jsonpath={.spec.holderIdentity}"
    )


def test_of_two_operators_one_acts_and_the_other_takes_over(
    operator: Operator, namespace: str, api_server: Path, tmp_path: Path
) -> None:
    _eventually(lambda: _holder(namespace))
    first = _holder(namespace)
    other = Operator(namespace, api_server, tmp_path / "other.log")
    try:
        _apply(namespace, tmp_path)
        _eventually(lambda: "NetworkPolicy/demo-lake" in _versions(namespace))
        assert "applied" not in other.log.read_text()
        assert _holder(namespace) == first
        operator.stop(signal.SIGKILL)
        assert 3 < _eventually(lambda: _holder(namespace) not in ("", first)) < 12
        kubectl("delete", "service", "demo-kafka", "-n", namespace)
        _eventually(lambda: "Service/demo-kafka" in _versions(namespace))
        assert other.stop() == 0
        assert _holder(namespace) == ""  # given back, so that the next one need not wait
    finally:
        other.process.kill()
        other.process.wait()


def test_who_loses_the_lease_ends(operator: Operator, namespace: str) -> None:
    _eventually(lambda: _holder(namespace))
    stolen = '{"spec": {"holderIdentity": "somebody"}}'
    kubectl("patch", "lease", "smartstore-operator", "-n", namespace, "--type=merge", "-p", stolen)
    assert operator.process.wait(15) == 1
    assert "the Lease is held by somebody" in operator.log.read_text()
