"""The charts by Helm itself: they lint, refuse wrong values, and say the same as the plain manifests."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pods.conftest import ROOT, run

pytestmark = pytest.mark.e2e

CHARTS = ROOT / "charts"
SAMPLES = sorted((ROOT / "manifests/samples").glob("*.yaml"))


def _rendered(chart: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    text = run(
        "helm", "template", "demo", CHARTS / chart, "-n", "shops", "--values=-", stdin=yaml.safe_dump(values)
    )
    return [document for document in yaml.safe_load_all(text) if document]


@pytest.mark.parametrize("chart", ["smartstore", "smartstore-crds", "smartstore-operator"])
def test_it_lints(chart: str) -> None:
    run("helm", "lint", "--strict", CHARTS / chart)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_by_the_chart_is_the_sample(sample: Path) -> None:
    # as Kubernetes reads it: a date is a text
    plain = json.loads(json.dumps(yaml.safe_load(sample.read_text()), default=str))
    (by_chart,) = _rendered("smartstore", {"name": plain["metadata"]["name"], "spec": plain["spec"]})
    by_chart["metadata"].pop("namespace")
    # Helm merges values into the chart's own, as it does for whoever sets only some
    default = yaml.safe_load((CHARTS / "smartstore/values.yaml").read_text())["spec"]
    assert by_chart == {**plain, "spec": _merged(default, plain["spec"])}


def _merged(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{name: _merged(below.get(name), value) for name, value in above.items()}}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_accepted_by_the_api_server(sample: Path) -> None:
    run("kubectl", "apply", "--dry-run=server", "--validate=strict", "-f", sample)


@pytest.mark.parametrize(
    ("chart", "values", "field"),
    [
        ("smartstore", {"name": "Wrong_Name"}, "name"),
        ("smartstore", {"stores": 3}, "stores"),
        ("smartstore-operator", {"workers": 0}, "workers"),
        ("smartstore-operator", {"storeImages": {"services": ""}}, "services"),
        ("smartstore-operator", {"logFormat": "xml"}, "logFormat"),
    ],
)
def test_wrong_values_are_refused_with_their_field(chart: str, values: dict[str, Any], field: str) -> None:
    command = ["helm", "template", "demo", str(CHARTS / chart), "--values=-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, input=yaml.safe_dump(values))
    assert done.returncode != 0
    assert field in done.stderr


def test_watching_some_namespaces_needs_no_rights_in_the_others() -> None:
    objects = _rendered("smartstore-operator", {"namespaces": ["shops", "lab"]})
    bound = {(o["metadata"].get("namespace"), o["kind"]) for o in objects if o["kind"].endswith("Binding")}
    assert {("shops", "RoleBinding"), ("lab", "RoleBinding")} <= bound
    clusterwide = [
        o for o in objects if o["kind"] == "ClusterRole" and o["metadata"]["name"] == "demo-cluster"
    ]
    verbs = {verb for role in clusterwide for rule in role["rules"] for verb in rule["verbs"]}
    assert verbs <= {"list", "watch"}
