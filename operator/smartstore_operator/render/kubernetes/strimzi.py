"""Brokers, topics, Connect and connectors as resources of the Strimzi operator.

https://strimzi.io/docs/operators/latest/configuring
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from smartstore.contracts.brokers import group_id
from smartstore_operator.api.marks import CONFIG_CHECKSUM, CONNECTOR_RESOURCES, STRIMZI_CLUSTER
from smartstore_operator.api.scalars import mebibytes
from smartstore_operator.api.services import Kafka
from smartstore_operator.render import connect
from smartstore_operator.render.component import Component
from smartstore_operator.render.context import KAFKA_PASSWORD
from smartstore_operator.render.kubernetes.configuration import checksum, variables
from smartstore_operator.render.kubernetes.estate import Estate
from smartstore_operator.render.kubernetes.metadata import child_name, metadata
from smartstore_operator.render.kubernetes.resources import resources

API_VERSION = "kafka.strimzi.io/v1"
CA_KEY = "ca.crt"
_LISTENER = "clients"
_SCRAM = "scram-sha-512"
_MOST_COPIES = 3
_ENTITY_HEAP = {"-Xms": "96m", "-Xmx": "96m"}
_RIGHTS = [
    # The cluster has no other topics; Connect makes those of its own.
    {
        "resource": {"type": "topic", "name": "*", "patternType": "literal"},
        "operations": ["Read", "Write", "Create", "Describe", "DescribeConfigs"],
    },
    {
        "resource": {"type": "group", "name": group_id(""), "patternType": "prefix"},
        "operations": ["Read", "Describe", "Delete"],
    },
]


def replaces(estate: Estate, component: Component) -> bool:
    """Whether Strimzi's resources take the place of the component's own workload."""
    return "Strimzi" in estate.platform.operators and component.name in ("kafka", "topics", "connect")


def objects(estate: Estate, component: Component) -> Iterator[dict[str, Any]]:
    """Strimzi's resources for a component; nothing for most of them."""
    match component.name:
        case "kafka":
            yield _node_pool(estate, component)
            yield _kafka(estate, component)
            if estate.spec.kafka.secured:
                yield from _user(estate, component)
        case "topics":
            for topic, configuration in estate.declared.topics.items():
                yield _topic(estate, component, topic, configuration)
        case "connect":
            yield _connect(estate, component)
            yield _connect_policy(estate, component)
        case "connectors" if estate.has("connect"):
            for name, configuration in estate.declared.connectors.items():
                yield _connector(estate, component, name, configuration)


def ca_secret(estate: str) -> str:
    """The Secret with the certificate authority that Strimzi makes for a cluster's brokers."""
    return f"{estate}-cluster-ca-cert"


def _kafka(estate: Estate, component: Component) -> dict[str, Any]:
    kafka = estate.spec.kafka
    operators: dict[str, Any] = {"topicOperator": {"jvmOptions": _ENTITY_HEAP}}
    if kafka.secured:
        operators["userOperator"] = {"jvmOptions": _ENTITY_HEAP}
    return {
        "apiVersion": API_VERSION,
        "kind": "Kafka",
        "metadata": metadata(estate.name, estate.namespace, component.name, name=estate.name),
        "spec": {
            "kafka": {
                **({"version": kafka.version} if kafka.version else {}),
                "listeners": [_listener(estate, component)],
                **({"authorization": {"type": "simple"}} if kafka.secured else {}),
                "config": _broker_settings(kafka),
            },
            "entityOperator": {
                **operators,
                # A topic is not held up by a finalizer when its operator is gone before it.
                "template": {
                    "topicOperatorContainer": {"env": [{"name": "STRIMZI_USE_FINALIZERS", "value": "false"}]}
                },
            },
        },
    }


def _listener(estate: Estate, component: Component) -> dict[str, Any]:
    clients = [name for name in estate.clients_of(component)["kafka"] if name != "topics"]
    is_secured = estate.spec.kafka.secured
    return {
        "name": _LISTENER,
        "port": component.ports["kafka"],
        "type": "internal",
        "tls": is_secured,
        **({"authentication": {"type": _SCRAM}} if is_secured else {}),
        "networkPolicyPeers": [
            {"podSelector": {"matchLabels": estate.pods_of(client)}} for client in clients
        ],
    }


def _user(estate: Estate, component: Component) -> Iterator[dict[str, Any]]:
    """Our user of the brokers, with the password that we know, so that a Secret that is made again has the same."""
    meta = metadata(estate.name, estate.namespace, component.name, name=estate.name)
    password = estate.platform.secrets[KAFKA_PASSWORD]
    yield {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(estate.name, estate.namespace, component.name),
        "type": "Opaque",
        "data": {KAFKA_PASSWORD: base64.b64encode(password.encode()).decode()},
    }
    yield {
        "apiVersion": API_VERSION,
        "kind": "KafkaUser",
        "metadata": {**meta, "labels": {**meta["labels"], STRIMZI_CLUSTER: estate.name}},
        "spec": {
            "authentication": {
                "type": _SCRAM,
                "password": {"valueFrom": {"secretKeyRef": _password(estate, component)}},
            },
            "authorization": {"type": "simple", "acls": _RIGHTS},
        },
    }


def _password(estate: Estate, component: Component) -> dict[str, str]:
    return {"name": child_name(estate.name, component.name), "key": KAFKA_PASSWORD}


def _broker_settings(kafka: Kafka) -> dict[str, Any]:
    copies = min(kafka.replicas, _MOST_COPIES)
    in_sync = max(1, copies - 1)
    return {
        "auto.create.topics.enable": False,
        "num.partitions": kafka.partitions,
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        # Business time lives in the value; a simulated date as record time would expire at once.
        "log.message.timestamp.type": "LogAppendTime",
    }


def _node_pool(estate: Estate, component: Component) -> dict[str, Any]:
    """Brokers that are controllers too."""
    kafka = estate.spec.kafka
    volume = {
        "id": 0,
        "type": "persistent-claim",
        "size": kafka.storage,
        "deleteClaim": not estate.keeps_data,
        "kraftMetadata": "shared",
    }
    name = f"brokers-{hashlib.sha256(estate.name.encode()).hexdigest()[:6]}"  # one of a name in a namespace
    meta = metadata(estate.name, estate.namespace, component.name, name=name)
    return {
        "apiVersion": API_VERSION,
        "kind": "KafkaNodePool",
        "metadata": {**meta, "labels": {**meta["labels"], STRIMZI_CLUSTER: estate.name}},
        "spec": {
            "replicas": kafka.replicas,
            "roles": ["controller", "broker"],
            "storage": {"type": "jbod", "volumes": [volume]},
            "jvmOptions": _heap(kafka.heap),
            "resources": resources(component),
        },
    }


def _topic(
    estate: Estate, component: Component, topic: str, configuration: Mapping[str, str]
) -> dict[str, Any]:
    name = child_name(estate.name, topic.replace("_", "-"))
    meta = metadata(estate.name, estate.namespace, component.name, name=name)
    return {
        "apiVersion": API_VERSION,
        "kind": "KafkaTopic",
        "metadata": {**meta, "labels": {**meta["labels"], STRIMZI_CLUSTER: estate.name}},
        "spec": {
            "topicName": topic,
            "partitions": estate.spec.kafka.partitions,
            "config": dict(configuration),
        },
    }


def _connect(estate: Estate, component: Component) -> dict[str, Any]:
    topics = connect.storage_topics(estate.name)
    annotations = {CONNECTOR_RESOURCES: "true"}
    return {
        "apiVersion": API_VERSION,
        "kind": "KafkaConnect",
        "metadata": metadata(
            estate.name, estate.namespace, component.name, name=estate.name, annotations=annotations
        ),
        "spec": {
            **({"version": estate.spec.kafka.version} if estate.spec.kafka.version else {}),
            "image": estate.images.connect,
            "replicas": estate.replicas,
            "bootstrapServers": estate.platform.address("kafka"),
            **(_trust(estate) if estate.spec.kafka.secured else {}),
            "groupId": group_id(f"{estate.name}-{component.name}"),
            "configStorageTopic": topics["configs"],
            "offsetStorageTopic": topics["offsets"],
            "statusStorageTopic": topics["status"],
            "config": dict(estate.declared.connect_group),
            "jvmOptions": _heap(estate.spec.connect.heap),
            "resources": resources(component),
            "template": {
                "pod": {"metadata": {"annotations": {CONFIG_CHECKSUM: checksum(component)}}},
                "connectContainer": {"env": variables(estate, component)},
            },
        },
    }


def _trust(estate: Estate) -> dict[str, Any]:
    """How Connect's workers reach brokers that want encryption and a login."""
    password = {"secretName": child_name(estate.name, "kafka"), "password": KAFKA_PASSWORD}
    return {
        "tls": {"trustedCertificates": [{"secretName": ca_secret(estate.name), "certificate": CA_KEY}]},
        "authentication": {"type": _SCRAM, "username": estate.name, "passwordSecret": password},
    }


def _connector(
    estate: Estate, component: Component, name: str, configuration: Mapping[str, str]
) -> dict[str, Any]:
    settings = dict(configuration)
    plugin, tasks = settings.pop("connector.class"), settings.pop("tasks.max")
    meta = metadata(estate.name, estate.namespace, component.name, name=name)
    return {
        "apiVersion": API_VERSION,
        "kind": "KafkaConnector",
        "metadata": {**meta, "labels": {**meta["labels"], STRIMZI_CLUSTER: estate.name}},
        "spec": {"class": plugin, "tasksMax": int(tasks), "config": settings},
    }


def _connect_policy(estate: Estate, component: Component) -> dict[str, Any]:
    """Who may use Connect's REST interface; Strimzi's own policy lets only its operator in."""
    clients = estate.clients_of(component)["connect"]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(
            estate.name,
            estate.namespace,
            component.name,
            name=child_name(estate.name, "connect-clients"),
        ),
        "spec": {
            "podSelector": {"matchLabels": estate.pods_of(component.name)},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "ports": [{"protocol": "TCP", "port": component.ports["connect"]}],
                    "from": [{"podSelector": {"matchLabels": estate.pods_of(client)}} for client in clients],
                }
            ],
        },
    }


def _heap(size: str) -> dict[str, str]:
    return {"-Xms": f"{mebibytes(size)}m", "-Xmx": f"{mebibytes(size)}m"}
