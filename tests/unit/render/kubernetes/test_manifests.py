"""The objects of a SmartStore: one golden file a component, and what must hold for every spec."""

import base64
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from smartstore_operator.api.marks import ANNOTATIONS, COMPONENT_LABEL, LABELS, STRIMZI_CLUSTER
from smartstore_operator.api.smartstore import SmartStore
from smartstore_operator.reconcile.kinds import OF_OPERATORS
from smartstore_operator.render import secret_names
from smartstore_operator.render.kubernetes import Images, manifests, place
from tests.specs import plain

pytestmark = pytest.mark.unit

GOLDEN = Path(__file__).parent / "golden"
NAMESPACE, CLUSTER_ID = "shops", "MkU3OEVBNTcwNTJENDM2Qg"
IMAGES = Images(
    services="example/services:1",
    kafka="example/kafka@sha256:0123",
    spark="registry:5000/spark:1",
    connect="example/connect:1",
)
CA = "-----BEGIN CERTIFICATE-----"
GUARDED: dict[str, Any] = {
    "type": "External",
    "bootstrapServers": "k1:9094,k2:9095",
    "tls": {"caSecret": {"name": "brokers"}},
    "authentication": {"username": "shop", "passwordSecret": {"name": "shop"}},
}
STRIMZI: dict[str, Any] = {"kafka": {"type": "Strimzi"}}
CLOUDNATIVE_PG: dict[str, Any] = {"postgres": {"type": "CloudNativePG"}}
SPARK: dict[str, Any] = {"streaming": {"backend": "SparkApplication", "hot": {"shards": 2}}}
BUCKET: dict[str, Any] = {
    "type": "S3",
    "bucket": {"name": "lake", "endpoint": "http://minio:9000", "credentialsSecret": {"name": "keys"}},
}
EXTERNAL: dict[str, Any] = {"kafka": {"type": "External", "bootstrapServers": "k1:9092"}}
SPECS: tuple[dict[str, Any], ...] = (
    {},
    {"source": {"type": "External"}},
    {**EXTERNAL, "lake": {"enabled": False}},
    {"kafka": GUARDED, "connect": {"type": "External", "url": "https://connect.example/"}},
    {"streaming": {"hot": {"shards": 2}}},
    {"postgres": {"backups": {"enabled": True}}},
    {"lake": BUCKET},
    {**SPARK, "lake": BUCKET},
    STRIMZI,
    {"kafka": {"type": "Strimzi", "secured": True}},
    {**STRIMZI, **CLOUDNATIVE_PG, **SPARK},
    {**SPARK, "lake": {"enabled": False}},
    {**STRIMZI, "profile": "Production", "connect": {"type": "External", "url": "http://connect:8083"}},
)
GOLDEN_SPECS: dict[str, dict[str, Any]] = {
    "plain": {"postgres": {"backups": {"enabled": True}}},
    "strimzi": STRIMZI,
    "strimzi-secured": {"kafka": {"type": "Strimzi", "secured": True}},
    "cloudnative-pg": CLOUDNATIVE_PG,
    "spark": SPARK,
    "spark-and-bucket": {**SPARK, "lake": BUCKET},
}
UNLIMITED_NAME = "a" * 40
WORKLOADS = ("StatefulSet", "Deployment", "Job")


def _objects(name: str = "demo", **spec: Any) -> list[dict[str, Any]]:
    document = {"apiVersion": "smartstore.io/v1alpha1", "kind": "SmartStore", "metadata": {"name": name}}
    smartstore = SmartStore.parse({**document, "spec": plain(**spec)})
    secrets = {secret: f"value-of-{secret}/äöü@" for secret in secret_names(smartstore)}
    platform = place(smartstore, NAMESPACE, secrets, CLUSTER_ID, CA if smartstore.spec.kafka.tls else "")
    return [dict(manifest) for manifest in manifests(smartstore, platform, NAMESPACE, IMAGES)]


def _pods(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [m["spec"]["template"] for m in objects if m["kind"] in WORKLOADS]


def _containers(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    pods = [pod["spec"] for pod in _pods(objects)]
    return [c for pod in pods for c in (*pod["containers"], *pod.get("initContainers", []))]


def _component(manifest: Mapping[str, Any]) -> str:
    return str(manifest["metadata"]["labels"].get("app.kubernetes.io/component", "shared"))


@pytest.mark.parametrize("case", GOLDEN_SPECS)
def test_golden_files(case: str) -> None:
    found: dict[str, list[dict[str, Any]]] = {}
    for manifest in _objects(source={"type": "Simulation"}, **GOLDEN_SPECS[case]):
        if case == "plain" or not _is_of_kubernetes(manifest):
            found.setdefault(_component(manifest), []).append(manifest)
    golden = GOLDEN / case
    if os.environ.get("SMARTSTORE_UPDATE_GOLDEN"):
        golden.mkdir(exist_ok=True, parents=True)
        for old in golden.glob("*.yaml"):
            old.unlink()
        for component, objects in found.items():
            text = yaml.dump_all(objects, Dumper=_Plain, sort_keys=False, width=120)
            (golden / f"{component}.yaml").write_text(text)
    assert {path.stem for path in golden.glob("*.yaml")} == set(found)
    for component, objects in found.items():
        assert list(yaml.safe_load_all((golden / f"{component}.yaml").read_text())) == objects, component


class _Plain(yaml.SafeDumper):
    """Without anchors: each object stands for itself."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _is_of_kubernetes(manifest: Mapping[str, Any]) -> bool:
    return not any(manifest["kind"] in kinds for kinds in OF_OPERATORS.values())


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
    objects = _objects(**spec)
    policies = [m["spec"] for m in objects if m["kind"] == "NetworkPolicy"]
    shared = policies.pop(0)
    assert (shared["policyTypes"], list(shared)) == (["Ingress", "Egress"], ["podSelector", "policyTypes"])
    let_in = {(_labels(to), port, _labels(peer)) for to, port, peer in _let_in(objects, policies)}
    asked = {
        (_labels(peer), _port(rule), _labels(policy))
        for policy in policies
        for rule in policy.get("egress", [])[1:]
        for peer in rule.get("to", [])
    }
    assert asked
    assert asked <= let_in


def _let_in(objects: list[dict[str, Any]], policies: list[Any]) -> Iterator[tuple[Any, int, Any]]:
    """(pods, port, who may come) by our policies and by those that Strimzi makes of a listener."""
    for policy in policies:
        for rule in policy.get("ingress", []):
            for peer in rule.get("from", []):
                yield policy, _port(rule), peer
    for kafka in (manifest for manifest in objects if manifest["kind"] == "Kafka"):
        brokers = {"strimzi.io/cluster": "demo", "strimzi.io/name": "demo-kafka"}
        for listener in kafka["spec"]["kafka"]["listeners"]:
            for peer in listener["networkPolicyPeers"]:
                yield {"podSelector": {"matchLabels": brokers}}, listener["port"], peer


def _port(rule: Mapping[str, Any]) -> int:
    """The one port that a rule is about; 0 is all of them, between a driver and its executors."""
    return int(rule["ports"][0]["port"]) if "ports" in rule else 0


def _labels(of: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset(of["podSelector"]["matchLabels"].items())


def test_systems_of_others_are_reached_at_their_own_ports() -> None:
    objects = _objects(
        kafka=GUARDED,
        redis={"type": "External", "host": "redis.example", "port": 6380},
        connect={"type": "External", "url": "https://connect.example/"},
    )
    policies = {_component(m): m["spec"] for m in objects if m["kind"] == "NetworkPolicy"}
    outside = {
        component: {
            port["port"]
            for rule in policies[component]["egress"]
            if "to" not in rule
            for port in rule["ports"]
        }
        for component in ("bridge", "connectors", "migrate")
    }
    assert outside == {"bridge": {9094, 9095, 6380}, "connectors": {9094, 9095, 443}, "migrate": set()}


def test_guarded_brokers_are_reached_by_files_and_secrets_of_each_pod() -> None:
    objects = _objects(kafka=GUARDED)
    by_kind = {(m["kind"], _component(m)): m for m in objects}
    for component in ("topics", "connectors", "bridge", "hot", "world", "lake", "verify", "report"):
        assert by_kind["ConfigMap", component]["data"]["kafka-ca.pem"] == CA
        assert "SMARTSTORE_KAFKA_PASSWORD" in by_kind["Secret", component]["data"]
    assert set(by_kind["ConfigMap", "connect"]["data"]) == {"kafka-ca.pem", "log4j2.properties"}
    worker = base64.b64decode(by_kind["Secret", "connect"]["data"]["worker.properties"]).decode()
    assert "/var/lib/smartstore/config/connect/kafka-ca.pem" in worker


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
        assert (
            {*LABELS} - {COMPONENT_LABEL, STRIMZI_CLUSTER}
            <= manifest["metadata"]["labels"].keys()
            <= {*LABELS}
        )
    for metadata in (*(m["metadata"] for m in objects), *(pod["metadata"] for pod in _pods(objects))):
        assert metadata["labels"].keys() <= LABELS.keys()
        assert metadata.get("annotations", {}).keys() <= ANNOTATIONS.keys()


@pytest.mark.parametrize(
    ("streaming", "claim", "is_beside"),
    [
        ({}, "state-demo-lake-0", True),
        ({**SPARK["streaming"], "volumeAccess": "ReadWriteMany"}, "demo-lake", False),
        ({**SPARK["streaming"], "volumeAccess": "ReadWriteOnce"}, "demo-lake", True),
    ],
)
def test_the_lake_is_verified_where_its_volume_is(
    streaming: dict[str, Any], claim: str, is_beside: bool
) -> None:
    (task,) = (
        m
        for m in _objects(streaming=streaming)
        if m["metadata"]["name"] == "demo-verify-lake" and m["kind"] == "CronJob"
    )
    pod = task["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (volume,) = (volume for volume in pod["volumes"] if volume["name"] == "lake")
    assert volume["persistentVolumeClaim"]["claimName"] == claim
    assert ("affinity" in pod) is is_beside
    assert not [m for m in _objects(lake={"enabled": False}) if _component(m) == "verify-lake"]


@pytest.mark.parametrize("suspend", [False, True])
def test_backups_come_by_the_clock_and_are_kept(*, suspend: bool) -> None:
    backups = {"enabled": True, "schedule": "30 1 * * 6", "keep": 3, "size": "7Gi"}
    objects = [
        m for m in _objects(postgres={"backups": backups}, suspend=suspend) if _component(m) == "backup"
    ]
    by_kind = {m["kind"]: m for m in objects}
    assert set(by_kind) == {"Secret", "NetworkPolicy", "PersistentVolumeClaim", "CronJob"}
    claim, task = by_kind["PersistentVolumeClaim"], by_kind["CronJob"]["spec"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "7Gi"
    assert (task["schedule"], task["timeZone"], task["suspend"]) == ("30 1 * * 6", "Etc/UTC", suspend)
    pod = task["jobTemplate"]["spec"]["template"]["spec"]
    (state,) = (volume for volume in pod["volumes"] if volume["name"] == "state")
    assert state["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert pod["containers"][0]["command"][2:] == ["smartstore.serving.backup", "create", "--keep", "3"]
    assert not [m for m in _objects() if _component(m) == "backup"]


def test_a_lake_in_a_bucket_has_its_keys_and_may_reach_it() -> None:
    objects = _objects(lake=BUCKET)
    for component, kind in (("lake", "StatefulSet"), ("verify-lake", "CronJob")):
        own = {m["kind"]: m for m in objects if _component(m) == component}
        pod = own[kind]["spec"].get("template") or own[kind]["spec"]["jobTemplate"]["spec"]["template"]
        variables = {one["name"]: one for one in pod["spec"]["containers"][0]["env"]}
        assert variables["SMARTSTORE_LAKE_ROOT"]["value"] == "s3a://lake/lake"
        assert variables["AWS_ENDPOINT_URL"]["value"] == "http://minio:9000"
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            reference = {"name": f"demo-{component}", "key": key}
            assert variables[key]["valueFrom"]["secretKeyRef"] == reference
        egress = own["NetworkPolicy"]["spec"]["egress"]
        assert {"ports": [{"protocol": "TCP", "port": 9000}]} in egress
        assert "affinity" not in pod["spec"]
    (hot,) = (m for m in objects if _component(m) == "hot" and m["kind"] == "StatefulSet")
    assert "AWS_" not in yaml.safe_dump(hot)
