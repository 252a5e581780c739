"""A SmartStore whose brokers Strimzi runs, against its real resource definitions; the test plays Strimzi's part."""

import base64
from pathlib import Path
from typing import Any

import pytest

from smartstore.contracts.derive.sql import table_topics
from smartstore.contracts.topics import TOPICS
from smartstore_operator.reconcile.kinds import KINDS, OF_OPERATORS
from tests.api_server import kubectl
from tests.cluster.definitions import define
from tests.cluster.estate import Estate, with_estate

pytestmark = pytest.mark.cluster

SPEC: dict[str, Any] = {"kafka": {"type": "Strimzi"}}
KINDS_OF_STRIMZI = OF_OPERATORS["Strimzi"]
MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture(scope="module", autouse=True)
def scratch(api_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory; Strimzi's resource definitions are in the API server."""
    found = tmp_path_factory.mktemp("strimzi")
    define("Strimzi", found)
    return found


class Strimzi:
    """Writes the statuses that the real operator writes."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate

    async def report(self, kind: str, name: str, **status: Any) -> None:
        """`conditions` and whatever else, about the generation that there is."""
        found = await self.estate.server.get(kind, self.estate.namespace, name)
        assert found is not None
        version, plural = KINDS[kind]
        path = f"/apis/{version}/namespaces/{self.estate.namespace}/{plural}/{name}/status"
        full = {"observedGeneration": found["metadata"]["generation"], **status}
        await self.estate.server._ask("PATCH", path, headers=MERGE, json={"status": full})

    async def make_ready(self) -> None:
        """Everything that is there is as it should be; a node pool never says so."""
        for kind in KINDS_OF_STRIMZI:
            for item in await self.estate.server.list(kind, self.estate.namespace, {}):
                conditions = [] if kind == "KafkaNodePool" else [{"type": "Ready", "status": "True"}]
                await self.report(kind, item["metadata"]["name"], conditions=conditions)


async def _until_ready(estate: Estate) -> int:
    for count in range(1, 12):
        if (await estate.reconcile()).ready:
            return count
        await estate.become_ready()
        await Strimzi(estate).make_ready()
    raise AssertionError(await estate.condition())


def test_brokers_topics_connect_and_connectors_come_up_in_order(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**SPEC)
        for _ in range(4):
            await estate.reconcile()
        assert await estate.children(*KINDS_OF_STRIMZI) == {"Kafka/demo", "KafkaNodePool/brokers-2a9751"}
        pool = await estate.server.get("KafkaNodePool", namespace, "brokers-2a9751")
        kept = await estate.server.get("Secret", namespace, "demo-credentials")
        assert pool is not None
        assert kept is not None
        assert pool["status"]["clusterId"] == base64.b64decode(kept["data"]["cluster-id"]).decode()
        assert (await estate.condition("TopicsReady"))["message"] == "it waits for kafka"
        assert (await estate.condition("KafkaReady"))["reason"] == "WaitingForStrimzi"
        await _until_ready(estate)
        topics = await estate.server.list("KafkaTopic", namespace, {"strimzi.io/cluster": "demo"})
        assert {topic["spec"]["topicName"] for topic in topics} == {topic.name for topic in TOPICS}
        connectors = await estate.server.list("KafkaConnector", namespace, {"strimzi.io/cluster": "demo"})
        assert len(connectors) == len(table_topics()) + 1
        assert (
            await estate.children("StatefulSet", "Job") & {"StatefulSet/demo-kafka", "Job/demo-topics"}
            == set()
        )
        again = await estate.reconcile()
        assert (again.applied, again.deleted) == ([], [])

    with_estate(namespace, work)


def test_what_strimzi_says_is_passed_on(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**SPEC)
        strimzi = Strimzi(estate)
        for _ in range(4):
            await estate.reconcile()
        creating = {"type": "NotReady", "status": "True", "reason": "Creating", "message": "being deployed"}
        await strimzi.report("Kafka", "demo", conditions=[creating], observedGeneration=0)
        await estate.reconcile()
        assert (await estate.condition("KafkaReady"))["reason"] == "WaitingForStrimzi"
        refused = {**creating, "reason": "InvalidConfigurationException", "message": "Unsupported version"}
        await strimzi.report("Kafka", "demo", conditions=[refused])
        await estate.reconcile()
        ready = await estate.condition()
        assert ready["reason"] == "ComponentDegraded"
        assert ready["message"].startswith("kafka: Kafka demo: Unsupported version (and ")

        await _until_ready(estate)
        shrunk = {
            "type": "Ready",
            "status": "False",
            "reason": "NotSupported",
            "message": "Decreasing partitions",
        }
        await strimzi.report("KafkaTopic", "demo-shelf-state", conditions=[shrunk])
        task = {"id": 0, "state": "FAILED", "trace": "PSQLException: no such table\n\tat org"}
        await strimzi.report(
            "KafkaConnector",
            "demo-sink-alerts",
            conditions=[{"type": "Ready", "status": "True"}],
            connectorStatus={"connector": {"state": "RUNNING"}, "tasks": [task]},
        )
        await estate.reconcile()
        assert (await estate.condition("TopicsReady"))["reason"] == "NotSupported"
        told = (await estate.condition("ConnectorsReady"))["message"]
        assert told == "KafkaConnector demo-sink-alerts: PSQLException: no such table"

    with_estate(namespace, work)


def test_a_stale_ready_is_not_believed_and_edits_are_taken_back(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**SPEC)
        await _until_ready(estate)
        await estate.apply(kafka={"type": "Strimzi", "heap": "1Gi"})
        await estate.reconcile()
        assert (await estate.condition("KafkaReady"))[
            "status"
        ] == "True"  # heap is the pool's, which says nothing
        version, plural = KINDS["Kafka"]
        path = f"/apis/{version}/namespaces/{namespace}/{plural}/demo"
        change = {"spec": {"kafka": {"config": {"auto.create.topics.enable": True}}}}
        await estate.server._ask("PATCH", path, headers=MERGE, json=change)
        report = await estate.reconcile()
        assert "Kafka/demo" in report.drifted
        await estate.reconcile()
        assert (await estate.condition("KafkaReady"))["reason"] == "NotObserved"
        await estate.server.delete("KafkaTopic", namespace, "demo-alerts")
        assert "KafkaTopic/demo-alerts" in (await estate.reconcile()).applied

    with_estate(namespace, work)


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_topics_stay_with_the_data_that_they_describe(namespace: str, policy: str) -> None:
    async def work(estate: Estate) -> None:
        for wanted in ("Delete", "Retain", policy):
            await estate.apply(**SPEC, deletionPolicy=wanted)
            await _until_ready(estate)
        (topic, *_) = await estate.server.list("KafkaTopic", namespace, {"strimzi.io/cluster": "demo"})
        assert bool(topic["metadata"].get("ownerReferences")) == (policy == "Delete")
        pool = await estate.server.get("KafkaNodePool", namespace, "brokers-2a9751")
        assert pool is not None
        assert pool["metadata"]["ownerReferences"][0]["name"] == "demo"
        assert pool["spec"]["storage"]["volumes"][0]["deleteClaim"] == (policy == "Delete")

    with_estate(namespace, work)


def test_suspended_connect_stops_and_the_brokers_go_on(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**SPEC)
        await _until_ready(estate)
        await estate.apply(**SPEC, suspend=True)
        await estate.reconcile()
        connect = await estate.server.get("KafkaConnect", namespace, "demo")
        pool = await estate.server.get("KafkaNodePool", namespace, "brokers-2a9751")
        assert connect is not None
        assert pool is not None
        assert (connect["spec"]["replicas"], pool["spec"]["replicas"]) == (0, 1)

    with_estate(namespace, work)


def test_without_strimzi_it_says_what_to_do_and_goes_on_when_it_is_there(
    namespace: str, scratch: Path
) -> None:
    async def work(estate: Estate) -> None:
        await estate.apply(**SPEC)
        kubectl("delete", "crd", "kafkaconnectors.kafka.strimzi.io")
        report = await estate.reconcile()
        assert (report.applied, report.ready) == ([], False)
        ready = await estate.condition()
        assert ready["reason"] == "InvalidSpec"
        assert ready["message"] == (
            "spec.kafka.type: Strimzi is not installed, the API server knows no KafkaConnector: install it, or make a "
            "SmartStore with kafka.type: SingleNode"
        )
        define("Strimzi", scratch)

    async def goes_on(estate: Estate) -> None:
        await _until_ready(estate)

    with_estate(namespace, work)
    with_estate(namespace, goes_on)


def test_secured_brokers_are_reached_with_their_own_certificates_and_our_user(namespace: str) -> None:
    spec: dict[str, Any] = {"kafka": {"type": "Strimzi", "secured": True}}

    async def work(estate: Estate) -> None:
        await estate.apply(**spec)
        await estate.reconcile()
        data = {"ca.crt": base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()}
        meta = {"name": "demo-cluster-ca-cert", "namespace": namespace}
        await estate.server.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})
        await _until_ready(estate)
        assert await estate.children("KafkaUser") == {"KafkaUser/demo"}
        bridge = await estate.server.get("ConfigMap", namespace, "demo-bridge")
        user = await estate.server.get("Secret", namespace, "demo-kafka")
        secret = await estate.server.get("Secret", namespace, "demo-bridge")
        assert bridge is not None
        assert user is not None
        assert secret is not None
        assert bridge["data"]["kafka-ca.pem"] == "-----BEGIN CERTIFICATE-----"
        assert user["data"]["kafka-password"] == secret["data"]["SMARTSTORE_KAFKA_PASSWORD"]
        again = await estate.reconcile()
        assert (again.applied, again.deleted) == ([], [])

    with_estate(namespace, work)
