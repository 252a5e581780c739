"""Where a SmartStore runs in a cluster: the paths of our images, one host per component."""

from collections.abc import Collection, Mapping

from smartstore_operator.api.smartstore import SmartStore, Spec
from smartstore_operator.render.kubernetes.metadata import child_name
from smartstore_operator.render.platform import Operator, Platform
from smartstore_operator.render.rendering import port_requests

_ROOT = "/opt/smartstore"
STRIMZI_SERVICES = {"kafka": "kafka-bootstrap", "connect": "connect-api"}
"""What Strimzi adds to a cluster's name."""


def place(
    smartstore: SmartStore, namespace: str, secrets: Mapping[str, str], cluster_id: str, kafka_ca: str = ""
) -> Platform:
    """The platform of a SmartStore in a namespace. `secrets`: a value for every name that `secret_names` gives."""
    requests, operators = port_requests(smartstore), _operators(smartstore.spec)
    return Platform(
        python=f"{_ROOT}/venv/bin/python",
        java_home=f"{_ROOT}/java",
        kafka_jars=f"{_ROOT}/jars/kafka",
        connect_jars=f"{_ROOT}/jars/connect",
        connect_plugins=f"{_ROOT}/plugins",
        spark_jars=f"{_ROOT}/jars/spark",
        postgres_bin=f"{_ROOT}/postgres/bin",
        valkey_server=f"{_ROOT}/valkey/valkey-server",
        data_dir="/var/lib/smartstore",
        ports={request.name: request.preferred for request in requests},
        hosts={
            request.name: f"{_service(smartstore, request.component, operators)}.{namespace}.svc"
            for request in requests
        },
        operators=operators,
        listen="0.0.0.0",  # noqa: S104  a pod's address is known only when it runs; NetworkPolicies say who may come
        clients="all",
        secrets=secrets,
        kafka_ca=kafka_ca,
        cluster_id=cluster_id,
        log_format="json",
    )


def _operators(spec: Spec) -> frozenset[Operator]:
    """Those that the spec leaves parts to."""
    found: set[Operator] = set()
    if spec.kafka.type == "Strimzi":
        found.add("Strimzi")
    if spec.streaming.backend == "SparkApplication":
        found.add("SparkOperator")
    if spec.postgres.type == "CloudNativePG":
        found.add("CloudNativePG")
    return frozenset(found)


def _service(smartstore: SmartStore, component: str, operators: Collection[Operator]) -> str:
    """The Service by which a component is reached; those of other operators have their documented names."""
    if "Strimzi" in operators and component in STRIMZI_SERVICES:
        return f"{smartstore.name}-{STRIMZI_SERVICES[component]}"
    name = child_name(smartstore.name, component)
    return f"{name}-rw" if "CloudNativePG" in operators and component == "postgres" else name
