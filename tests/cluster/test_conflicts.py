"""Two who want the same field: a change by hand is taken back, another manager's field is taken over by name."""

import json
from typing import Any

import pytest

from tests.api_server import kubectl
from tests.cluster.estate import Estate, with_estate
from tests.operator_process import Operator
from tests.specs import plain
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


async def _applied_by_flux(estate: Estate, namespace: str, spec: dict[str, Any]) -> None:
    name = "demo-kafka"
    await estate.server._ask(
        "PATCH",
        f"/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}",
        params={"fieldManager": "flux", "force": "true"},
        headers={"Content-Type": "application/apply-patch+yaml"},
        json={"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name}, "spec": spec},
    )


def test_of_what_another_manager_applied_it_is_told_whose_it_was(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply()
        await estate.until_ready()
        container = {"name": "main", "image": "example/other:2"}
        await _applied_by_flux(
            estate, namespace, {"replicas": 3, "template": {"spec": {"containers": [container]}}}
        )
        path = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/demo-kafka"
        await estate.patch(path, {"spec": {"template": {"spec": {"enableServiceLinks": True}}}})
        report = await estate.reconcile()
        theirs = ["spec.replicas", "spec.template.spec.containers[main].image"]
        assert report.taken == {"StatefulSet/demo-kafka": {"flux": theirs}}
        assert report.drifted == {"StatefulSet/demo-kafka": ["spec.template.spec.enableServiceLinks"]}
        again = await estate.reconcile()
        assert (again.applied, again.taken, again.drifted) == ([], {}, {})

    with_estate(namespace, work)


def test_an_edit_of_the_spec_tells_it_too(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply()
        await estate.until_ready()
        await _applied_by_flux(estate, namespace, {"replicas": 1})  # both want the same: nobody minds
        assert (await estate.reconcile()).applied == []
        await estate.apply(suspend=True)
        report = await estate.reconcile()
        assert report.taken == {"StatefulSet/demo-kafka": {"flux": ["spec.replicas"]}}
        assert report.drifted == {}

    with_estate(namespace, work)


def test_an_event_names_the_manager(operator: Operator, namespace: str) -> None:
    demo = {
        "apiVersion": "smartstore.io/v1alpha1",
        "kind": "SmartStore",
        "metadata": {"name": "demo"},
        "spec": plain(),
    }
    kubectl("apply", "-n", namespace, "-f", "-", text=json.dumps(demo))
    kafka = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "demo-kafka"}}
    eventually(lambda: kubectl("get", "statefulset", "demo-kafka", "-n", namespace))
    text = json.dumps({**kafka, "spec": {"replicas": 3}})
    options = ("--server-side", "--field-manager=flux", "--force-conflicts")
    kubectl("apply", "-n", namespace, "-f", "-", *options, text=text)
    form = "jsonpath={range .items[*]}{.type} {.reason}: {.note}{'\\n'}{end}"
    said = "Warning FieldsTakenOver: StatefulSet/demo-kafka: spec.replicas applied by flux, taken over"
    eventually(lambda: said in kubectl("get", "events.v1.events.k8s.io", "-n", namespace, "-o", form))
    assert operator.total("taken_over_total", kind="StatefulSet") == 1
    assert operator.total("drift_corrected_total") == 0
