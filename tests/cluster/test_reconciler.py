"""Passes of the reconciler against a real API server; the test plays the part of controllers and pods."""

import base64
from typing import Any

import pytest

from smartstore_operator.reconcile.kinds import WORKLOADS
from smartstore_operator.reconcile.sight import Application, Sight
from tests.cluster.estate import LABELS, Estate, with_estate
from tests.specs import CHILDREN

pytestmark = pytest.mark.cluster


def test_components_come_up_in_order_and_a_pass_with_nothing_to_do_writes_nothing(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(stores=3)
        first = await estate.reconcile()
        assert await estate.children(*WORKLOADS) == {
            "StatefulSet/demo-kafka",
            "StatefulSet/demo-valkey",
            "StatefulSet/demo-postgres",
        }
        assert not first.ready
        assert (await estate.condition("HotReady"))["message"] == "it waits for topics"
        await estate.until_ready()
        assert (await estate.condition())["status"] == "True"
        before = await estate.live()
        again = await estate.reconcile()
        assert (again.applied, again.deleted) == ([], [])
        assert (await estate.live())["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]

    with_estate(namespace, work)


def test_stores_served_are_those_that_the_source_tells_of(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(stores=3)
        await estate.until_ready()
        assert (await estate.live())["status"]["stores"] == 0
        estate.sight = Sight(stores=3)
        assert (await estate.reconcile()).is_settled
        assert (await estate.live())["status"]["stores"] == 3
        await estate.apply(stores=8)
        report = await estate.reconcile()
        assert "ConfigMap/demo-world" in report.applied
        assert {name.partition("/")[0] for name in report.applied} == {"ConfigMap"}  # nothing starts again
        assert not report.is_settled
        estate.sight = Sight()  # it does not answer for a moment
        await estate.reconcile()
        assert (await estate.live())["status"]["stores"] == 3
        estate.sight = Sight(stores=8)
        assert (await estate.reconcile()).is_settled

    with_estate(namespace, work)


def test_overrides_are_followed_and_end_without_a_trace(namespace: str) -> None:
    async def bridge(estate: Estate) -> dict[str, Any]:
        found = await estate.server.get("Deployment", namespace, "demo-bridge")
        assert found is not None
        return dict(found["spec"]["template"]["spec"])

    async def work(estate: Estate) -> None:
        patch = {"spec": {"template": {"spec": {"nodeSelector": {"disk": "ssd"}}}}}
        await estate.apply(overrides=[{"kind": "Deployment", "name": "demo-bridge", "patch": patch}])
        await estate.until_ready()
        assert (await bridge(estate))["nodeSelector"] == {"disk": "ssd"}
        await estate.apply(overrides=[{"kind": "Deployment", "name": "demo-brige", "patch": patch}])
        assert (await estate.reconcile()).applied == []
        assert "spec.overrides[0]: there is no Deployment demo-brige" in (await estate.condition())["message"]
        await estate.apply()
        report = await estate.reconcile()
        assert (report.applied, report.drifted) == (["Deployment/demo-bridge"], {})
        assert "nodeSelector" not in await bridge(estate)

    with_estate(namespace, work)


def test_what_the_api_server_refuses_is_told_and_the_others_go_on(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply()
        await estate.until_ready()
        patch = {"spec": {"serviceName": "another"}}
        labels = {"metadata": {"annotations": {"team": "shelves"}}}
        await estate.apply(
            overrides=[
                {"kind": "StatefulSet", "name": "demo-kafka", "patch": patch},
                {"kind": "StatefulSet", "name": "demo-lake", "patch": labels},
            ]
        )
        assert (await estate.reconcile()).applied == ["StatefulSet/demo-lake"]
        kafka, ready = await estate.condition("KafkaReady"), await estate.condition()
        assert (kafka["status"], kafka["reason"]) == ("False", "ApplyRefused")
        assert "updates to statefulset spec for fields other than" in kafka["message"]
        assert (ready["status"], ready["reason"]) == ("False", "ComponentDegraded")
        await estate.apply()
        await estate.reconcile()
        assert (await estate.condition())["status"] == "True"

    with_estate(namespace, work)


def test_disruptive_changes_wait_for_a_maintenance_window(namespace: str) -> None:
    closed, always = {"schedule": "0 3 1 6 *", "duration": "1h"}, {"schedule": "0 0 * * *", "duration": "24h"}

    async def work(estate: Estate) -> None:
        await estate.apply(maintenance={"windows": [closed]})
        await estate.until_ready()
        driver = {"hot": {"driverMemory": "2Gi"}}
        await estate.apply(maintenance={"windows": [closed]}, streaming=driver, stores=7)
        report = await estate.reconcile()
        assert "ConfigMap/demo-world" in report.applied  # another number of stores disturbs nobody
        assert "StatefulSet/demo-hot" not in report.applied
        assert not report.is_settled
        (pending,) = (await estate.live())["status"]["pendingChanges"]
        assert pending["component"] == "hot"
        assert "StatefulSet/demo-hot" in pending["objects"]
        assert pending["until"] == "2026-06-01T03:00:00Z"
        await estate.patch(
            f"/apis/apps/v1/namespaces/{namespace}/statefulsets/demo-kafka", {"spec": {"replicas": 0}}
        )
        assert (await estate.reconcile()).drifted == {"StatefulSet/demo-kafka": ["spec.replicas"]}
        await estate.apply(maintenance={"windows": [closed, always]}, streaming=driver, stores=7)
        assert "StatefulSet/demo-hot" in (await estate.reconcile()).applied
        assert (await estate.live())["status"]["pendingChanges"] == []

    with_estate(namespace, work)


def test_turns_are_told_once(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(stores=3)
        turned = (await estate.reconcile()).turned
        assert turned is not None
        assert turned["reason"] == "ComponentsNotReady"
        assert (await estate.reconcile()).turned is None
        await estate.until_ready()
        await estate.apply(stores=500)  # the recorded data have fewer
        for expected in ({"reason": "InvalidSpec"}, None):
            turned = (await estate.reconcile()).turned
            assert turned is None if expected is None else expected.items() <= (turned or {}).items()
        assert (await estate.live())["status"]["selector"].startswith("app.kubernetes.io/name=smartstore")

    with_estate(namespace, work)


def test_what_somebody_deletes_or_edits_comes_back_and_is_told(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply()
        await estate.until_ready()
        everything = await estate.children()
        before = await estate.server.get("Secret", namespace, "demo-credentials")
        for child in sorted(everything - {"Secret/demo-credentials-copy"}):
            kind, name = child.split("/")
            await estate.server.delete(kind, namespace, name)
        await estate.until_ready()
        after = await estate.server.get("Secret", namespace, "demo-credentials")
        assert before is not None
        assert after is not None
        assert before["data"] == after["data"]
        assert await estate.children() == everything
        await estate.patch(
            f"/apis/apps/v1/namespaces/{namespace}/statefulsets/demo-hot", {"spec": {"replicas": 0}}
        )
        report = await estate.reconcile()
        assert report.drifted == {"StatefulSet/demo-hot": ["spec.replicas"]}

    with_estate(namespace, work)


def test_what_is_no_longer_wanted_goes(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply()
        await estate.until_ready()
        assert "StatefulSet/demo-lake" in await estate.children("StatefulSet")
        await estate.apply(lake={"enabled": False})
        assert "StatefulSet/demo-lake" in (await estate.reconcile()).deleted
        assert not [child for child in await estate.children() if "lake" in child]

    with_estate(namespace, work)


def test_passwords_are_made_once_and_survive_everything(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply()
        await estate.reconcile()
        first = await estate.server.get("Secret", namespace, "demo-credentials")
        assert first is not None
        values = [base64.b64decode(value).decode() for value in first["data"].values()]
        assert len(set(values)) == len(values) == 6
        await estate.server.delete("SmartStore", namespace, "demo")
        await estate.apply(source={"type": "External"})
        await estate.reconcile()
        second = await estate.server.get("Secret", namespace, "demo-credentials")
        assert second is not None
        assert first["data"].items() < second["data"].items()  # the gateway's came

    with_estate(namespace, work)


def test_a_spec_that_the_api_server_lets_through_is_refused_with_its_field(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply()
        await estate.until_ready()
        before = await estate.children()
        await estate.apply(stores=500)
        assert not (await estate.reconcile()).ready
        ready = await estate.condition()
        assert ready["reason"] == "InvalidSpec"
        assert "stores is 500, but the recorded data" in ready["message"]
        assert await estate.children() == before

    with_estate(namespace, work)


def test_the_passwords_go_with_the_volumes(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        for policy, owned in (("Retain", False), ("Delete", True), ("Retain", False)):
            await estate.apply(deletionPolicy=policy)
            await estate.reconcile()
            kept = await estate.server.get("Secret", namespace, "demo-credentials")
            assert kept
            assert bool(kept["metadata"].get("ownerReferences")) is owned
            values = kept["data"]
        await estate.server.delete("SmartStore", namespace, "demo")
        await estate.apply()  # the next one of this name opens the volumes that stayed
        await estate.reconcile()
        again = await estate.server.get("Secret", namespace, "demo-credentials")
        assert again is not None
        assert again["data"] == values

    with_estate(namespace, work)


def test_guarded_brokers_are_reached_with_what_the_users_secrets_have(namespace: str) -> None:
    certificate = "-----BEGIN CERTIFICATE-----\n"

    async def secret(estate: Estate, name: str, **values: bytes) -> None:
        data = {key.replace("_", "."): base64.b64encode(value).decode() for key, value in values.items()}
        manifest = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data}
        await estate.server.apply({**manifest, "metadata": {"name": name, "namespace": namespace}})

    async def work(estate: Estate) -> None:
        await secret(estate, "brokers", ca_crt=b"no certificate", ca_p12=b"\xfe\xed")
        await secret(estate, "shop", password=b"s3cret")
        await estate.apply(
            kafka={
                "type": "External",
                "bootstrapServers": "k1:9094",
                "tls": {"caSecret": {"name": "brokers"}},
                "authentication": {"username": "shop", "passwordSecret": {"name": "shop"}},
            }
        )
        await estate.reconcile()
        told = (await estate.condition())["message"]
        assert (
            told == "spec.kafka.tls.caSecret: the key ca.crt of the Secret brokers holds no certificate (PEM)"
        )
        await secret(estate, "brokers", ca_crt=certificate.encode(), ca_p12=b"\xfe\xed")
        await estate.until_ready()
        assert "StatefulSet/demo-kafka" not in await estate.children("StatefulSet")
        config = await estate.server.get("ConfigMap", namespace, "demo-bridge")
        assert config is not None
        assert config["data"]["kafka-ca.pem"] == certificate
        variables = await estate.server.get("Secret", namespace, "demo-bridge")
        assert variables is not None
        assert base64.b64decode(variables["data"]["SMARTSTORE_KAFKA_PASSWORD"]) == b"s3cret"
        kept = await estate.server.get("Secret", namespace, "demo-credentials")
        assert kept is not None
        assert "kafka-password" not in kept["data"]

    with_estate(namespace, work)


def test_all_children_belong_to_the_smartstore(namespace: str) -> None:
    """So the garbage collector deletes them with it."""

    async def work(estate: Estate) -> None:
        await estate.apply()
        await estate.until_ready()
        uid = (await estate.live())["metadata"]["uid"]
        for kind in CHILDREN:
            for item in await estate.server.list(kind, namespace, LABELS):
                owners = item["metadata"].get("ownerReferences", [])
                if "credentials" in item["metadata"]["name"]:
                    assert owners == []  # it stays as long as the volumes that only it opens
                else:
                    assert [(owner["uid"], owner["controller"]) for owner in owners] == [(uid, True)]

    with_estate(namespace, work)


def test_paused_it_touches_nothing(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply()
        await estate.until_ready()
        await estate.apply(paused=True, lake={"enabled": False})
        await estate.server.delete("Service", namespace, "demo-kafka")
        report = await estate.reconcile()
        assert (report.applied, report.deleted) == ([], [])
        assert (await estate.condition())["reason"] == "Paused"
        assert "StatefulSet/demo-lake" in await estate.children("StatefulSet")
        await estate.apply(paused=False)
        assert "Service/demo-kafka" in (await estate.reconcile()).applied

    with_estate(namespace, work)


def test_suspended_it_has_no_pods_and_keeps_its_objects(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(deletionPolicy="Delete")
        await estate.until_ready()
        everything = await estate.children()
        await estate.apply(deletionPolicy="Delete", suspend=True)
        report = await estate.reconcile()
        assert not report.ready
        assert report.deleted == []
        assert await estate.children() == everything
        found = await estate.server.list("StatefulSet", namespace, LABELS)
        assert {item["spec"]["replicas"] for item in found} == {0}
        assert (await estate.condition())["reason"] == "Suspended"
        await estate.apply(deletionPolicy="Delete")
        await estate.until_ready()

    with_estate(namespace, work)


def test_made_while_it_is_suspended_its_jobs_wait_until_it_is_resumed(namespace: str) -> None:
    """They would fail for want of what they talk to, and one that has failed is not run again."""

    async def jobs_wait(estate: Estate) -> set[bool]:
        return {job["spec"]["suspend"] for job in await estate.server.list("Job", namespace, LABELS)}

    async def work(estate: Estate) -> None:
        await estate.apply(suspend=True)
        await estate.reconcile()
        await estate.become_ready()
        await estate.reconcile()
        assert await jobs_wait(estate) == {True}
        await estate.apply()
        await estate.until_ready()
        assert await jobs_wait(estate) == {False}

    with_estate(namespace, work)


def test_the_status_repeats_what_applications_say_once_a_minute(namespace: str) -> None:
    def hot(lag: int) -> Sight:
        ticks = {"shelf-aggregator": "2026-01-01T10:00:00Z"}
        return Sight(
            applications=(Application(name="hot", lag_records=lag, last_batch_seconds=0.4, ticks=ticks),)
        )

    async def said(estate: Estate) -> list[dict[str, Any]]:
        return list((await estate.live())["status"]["applications"])

    async def work(estate: Estate) -> None:
        await estate.apply(
            overrides=[{"kind": "Deployment", "name": "demo-bridge", "patch": {"spec": {"replicas": 1}}}]
        )
        await estate.until_ready()
        estate.sight = hot(7)
        await estate.reconcile()
        assert await said(estate) == [
            {
                "name": "hot",
                "restarts": 0,
                "lagRecords": 7,
                "lastBatchSeconds": 0.4,
                "jobs": [{"name": "shelf-aggregator", "tick": "2026-01-01T10:00:00Z"}],
            }
        ]
        status = (await estate.live())["status"]
        assert status["overrides"] == ["Deployment/demo-bridge"]
        estate.sight = hot(9)
        await estate.reconcile()
        assert (await said(estate))[0]["lagRecords"] == 7  # else each pass would be the reason of the next
        path = f"/apis/smartstore.io/v1alpha1/namespaces/{namespace}/smartstores/demo/status"
        await estate.patch(path, {"status": {"applicationsAt": "2025-12-31T23:59:00Z"}})
        await estate.reconcile()
        assert (await said(estate))[0]["lagRecords"] == 9
        await estate.apply(suspend=True)
        await estate.reconcile()
        assert "applications" not in (await estate.live())["status"]

    with_estate(namespace, work)
