"""The objects of a SmartStore: one golden file a component, and what must hold for every spec."""

import base64
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from smartstore_operator.api.marks import ANNOTATIONS, COMPONENT_LABEL, LABELS
from smartstore_operator.api.smartstore import SmartStore
from smartstore_operator.render import secret_names
from smartstore_operator.render.kubernetes import Images, manifests, place

pytestmark = pytest.mark.unit

GOLDEN = Path(__file__).parent / "golden"
NAMESPACE, CLUSTER_ID = "shops", "MkU3OEVBNTcwNTJENDM2Qg"
IMAGES = Images(
    services="example/services:1", kafka="example/kafka@sha256:0123", spark="registry:5000/spark:1"
)
SPECS: tuple[dict[str, Any], ...] = (
    {},
    {"source": {"type": "External"}},
    {"kafka": {"type": "External", "bootstrapServers": "k1:9092"}, "lake": {"enabled": False}},
    {"streaming": {"hot": {"shards": 2}}},
)
UNLIMITED_NAME = "a" * 40


def _objects(name: str = "demo", **spec: Any) -> list[dict[str, Any]]:
    document = {"apiVersion": "smartstore.io/v1alpha1", "kind": "SmartStore", "metadata": {"name": name}}
    smartstore = SmartStore.parse({**document, "spec": spec})
    secrets = {secret: f"value-of-{secret}/äöü@" for secret in secret_names(smartstore)}
    platform = place(smartstore, NAMESPACE, secrets, CLUSTER_ID)
    return [dict(manifest) for manifest in manifests(smartstore, platform, NAMESPACE, IMAGES)]


def _pods(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [manifest["spec"]["template"] for manifest in objects if "template" in manifest.get("spec", {})]


def _containers(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    pods = [pod["spec"] for pod in _pods(objects)]
    return [c for pod in pods for c in (*pod["containers"], *pod.get("initContainers", []))]


def _component(manifest: Mapping[str, Any]) -> str:
    return str(manifest["metadata"]["labels"].get("app.kubernetes.io/component", "shared"))


def test_golden_files() -> None:
    found: dict[str, list[dict[str, Any]]] = {}
    for manifest in _objects(source={"type": "Simulation"}):
        found.setdefault(_component(manifest), []).append(manifest)
    if os.environ.get("SMARTSTORE_UPDATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        for old in GOLDEN.glob("*.yaml"):
            old.unlink()
        for component, objects in found.items():
            (GOLDEN / f"{component}.yaml").write_text(yaml.safe_dump_all(objects, sort_keys=False, width=120))
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(found)
    for component, objects in found.items():
        assert list(yaml.safe_load_all((GOLDEN / f"{component}.yaml").read_text())) == objects, component


@pytest.mark.parametrize("spec", SPECS)
def test_secrets_stand_in_secrets_only(spec: dict[str, Any]) -> None:
    secret = b""
    for manifest in _objects(**spec):
        if manifest["kind"] == "Secret":
            secret += b"".join(base64.b64decode(value) for value in manifest["data"].values())
        else:
            assert "value-of-" not in yaml.safe_dump(manifest), manifest["metadata"]["name"]
    assert b"value-of-redis-password" in secret


@pytest.mark.parametrize("spec", SPECS)
def test_pods_meet_the_restricted_standard(spec: dict[str, Any]) -> None:
    objects = _objects(**spec)
    for pod in _pods(objects):
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["spec"]["automountServiceAccountToken"] is False
    for container in _containers(objects):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]


@pytest.mark.parametrize("spec", SPECS)
def test_every_connection_is_allowed_on_both_sides(spec: dict[str, Any]) -> None:
    policies = {_component(m): m["spec"] for m in _objects(**spec) if m["kind"] == "NetworkPolicy"}
    assert policies.pop("shared")["policyTypes"] == ["Ingress", "Egress"]
    for component, policy in policies.items():
        for rule in policy["egress"][1:]:
            (port,) = rule["ports"]
            for peer in rule.get("to", []):
                owner = peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
                allowed = [r for r in policies[owner]["ingress"] if port in r["ports"]]
                callers = [
                    caller["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
                    for rule in allowed
                    for caller in rule.get("from", [])
                ]
                assert component in callers, (component, owner)


def test_names_fit_for_the_longest_name() -> None:
    objects = _objects(name=UNLIMITED_NAME, streaming={"hot": {"shards": 4}})
    for manifest in objects:
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", manifest["metadata"]["name"])
    for manifest in objects:
        if manifest["kind"] == "Service":
            assert all(len(port["name"]) <= 15 for port in manifest["spec"]["ports"])
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in objects]
    assert len(names) == len(set(names))


def test_more_stores_change_files_but_restart_nothing() -> None:
    few, many = _objects(stores=3), _objects(stores=30)
    assert few != many
    assert _pods(few) == _pods(many)


def test_another_setting_restarts_only_who_has_it() -> None:
    before, after = _objects(), _objects(planning={"shelf": {"minQty": 3}})
    changed = {
        _component(old)
        for old, new in zip(before, after, strict=True)
        if old.get("spec", {}).get("template") != new.get("spec", {}).get("template")
    }
    assert changed == {"hot", "world", "migrate"}


def test_what_is_kept_stays_or_goes_with_the_smartstore() -> None:
    for policy in ("Retain", "Delete"):
        fates = {
            manifest["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"]
            for manifest in _objects(deletionPolicy=policy)
            if manifest["kind"] == "StatefulSet"
        }
        assert fates == {policy}


def test_the_lake_has_a_volume_of_the_size_that_the_spec_says() -> None:
    for lake, size in (({}, "20Gi"), ({"size": "1Ti"}, "1Ti")):
        (found,) = (m for m in _objects(lake=lake) if m["kind"] == "StatefulSet" and _component(m) == "lake")
        (claim,) = found["spec"]["volumeClaimTemplates"]
        assert claim["spec"]["resources"]["requests"]["storage"] == size


@pytest.mark.parametrize("spec", SPECS)
def test_labels_and_annotations_are_those_that_the_reference_lists(spec: dict[str, Any]) -> None:
    objects = _objects(**spec)
    for manifest in objects:
        assert {*LABELS} - {COMPONENT_LABEL} <= manifest["metadata"]["labels"].keys() <= {*LABELS}
    for metadata in (*(m["metadata"] for m in objects), *(pod["metadata"] for pod in _pods(objects))):
        assert metadata["labels"].keys() <= LABELS.keys()
        assert metadata.get("annotations", {}).keys() <= ANNOTATIONS.keys()
