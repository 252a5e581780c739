"""Where a SmartStore runs in a cluster: the paths of our images, one host per component."""

from collections.abc import Mapping

from smartstore_operator.api.smartstore import SmartStore
from smartstore_operator.render.kubernetes.metadata import child_name
from smartstore_operator.render.platform import Platform
from smartstore_operator.render.rendering import port_requests

_ROOT = "/opt/smartstore"


def place(
    smartstore: SmartStore, namespace: str, secrets: Mapping[str, str], cluster_id: str, kafka_ca: str = ""
) -> Platform:
    """The platform of a SmartStore in a namespace. `secrets`: a value for every name that `secret_names` gives."""
    requests = port_requests(smartstore)
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
            request.name: f"{child_name(smartstore.name, request.component)}.{namespace}.svc"
            for request in requests
        },
        listen="0.0.0.0",  # noqa: S104  a pod's address is known only when it runs; NetworkPolicies say who may come
        clients="all",
        secrets=secrets,
        kafka_ca=kafka_ca,
        cluster_id=cluster_id,
        log_format="json",
    )
