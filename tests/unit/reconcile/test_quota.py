"""What a SmartStore asks of a quota, and what is said when that is too much."""

from decimal import Decimal
from typing import Any

import pytest

from smartstore_operator.reconcile.quota import demand, exceeded

pytestmark = pytest.mark.unit

CLAIM: dict[str, Any] = {"spec": {"resources": {"requests": {"storage": "5Gi"}}}}


def _workload(kind: str, replicas: int, **resources: dict[str, str]) -> dict[str, Any]:
    pod = {"containers": [{"resources": resources}, {}]}
    return {
        "kind": kind,
        "spec": {"replicas": replicas, "template": {"spec": pod}, "volumeClaimTemplates": [CLAIM]},
    }


def test_workloads_and_volumes_are_added_up() -> None:
    objects = [
        _workload("StatefulSet", 2, requests={"cpu": "50m", "memory": "1Gi"}, limits={"memory": "2Gi"}),
        {"kind": "PersistentVolumeClaim", **CLAIM},
        {"kind": "ConfigMap"},
        {"kind": "Job", "spec": {"template": {"spec": {"containers": [{}]}}}},
    ]
    assert demand(objects) == {
        "pods": 2,
        "requests.cpu": Decimal("0.1"),
        "requests.memory": 2 << 30,
        "limits.memory": 4 << 30,
        "persistentvolumeclaims": 2,
        "requests.storage": 10 << 30,
    }


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"hard": {"requests.memory": "1536Mi"}}, "requests.memory 1536Mi, this SmartStore needs 2048Mi"),
        ({"hard": {"memory": "1Gi"}}, "memory 1Gi, this SmartStore needs 2048Mi"),
        ({"hard": {"cpu": "60m"}}, "cpu 60m, this SmartStore needs 0.1"),
        ({"hard": {"pods": "1"}}, "pods 1, this SmartStore needs 2"),
        ({"hard": {"requests.memory": "2Gi", "pods": "2", "services": "0"}}, None),
        ({"hard": {"pods": "1"}, "scopes": ["BestEffort"]}, None),
        ({}, None),
    ],
)
def test_a_quota_without_room_is_a_problem(spec: dict[str, Any], words: str | None) -> None:
    asked = demand([_workload("Deployment", 2, requests={"cpu": "50m", "memory": "1Gi"})])
    found = list(exceeded([{"metadata": {"name": "shops"}, "spec": spec}], asked))
    assert len(found) == (words is not None)
    assert all(words in problem.message for problem in found if words)
