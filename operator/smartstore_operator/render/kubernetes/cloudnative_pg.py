"""The serving database as a Cluster of the CloudNativePG operator.

https://cloudnative-pg.io/documentation/current/cloudnative-pg.v1/
"""

import base64
from collections.abc import Iterator
from typing import Any

from smartstore.contracts.logins import OWNER
from smartstore_operator.api.marks import HIBERNATION
from smartstore_operator.render.component import Component
from smartstore_operator.render.context import POSTGRES_DATABASE, POSTGRES_PASSWORD
from smartstore_operator.render.kubernetes.estate import Estate
from smartstore_operator.render.kubernetes.metadata import child_name, metadata
from smartstore_operator.render.kubernetes.resources import resources
from smartstore_operator.render.postgres import server_parameters

API_VERSION = "postgresql.cnpg.io/v1"
_STATUS_PORT, _METRICS_PORT = 8000, 9187


def replaces(estate: Estate, component: Component) -> bool:
    """Whether that operator's resource takes the place of the component's own workload."""
    return "CloudNativePG" in estate.platform.operators and component.name == "postgres"


def objects(estate: Estate, component: Component) -> Iterator[dict[str, Any]]:
    """The owner's login, the Cluster, and who may connect to it."""
    yield _owner(estate, component)
    yield _cluster(estate, component)
    yield _policy(estate, component)


def _owner(estate: Estate, component: Component) -> dict[str, Any]:
    values = {"username": OWNER, "password": estate.platform.secrets[POSTGRES_PASSWORD]}
    name = child_name(estate.name, "postgres-owner")
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(estate.name, estate.namespace, component.name, name=name),
        "type": "kubernetes.io/basic-auth",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }


def _cluster(estate: Estate, component: Component) -> dict[str, Any]:
    postgres = estate.spec.postgres
    sleeps = {HIBERNATION: "on" if estate.spec.suspend else "off"}
    return {
        "apiVersion": API_VERSION,
        "kind": "Cluster",
        "metadata": metadata(estate.name, estate.namespace, component.name, annotations=sleeps),
        "spec": {
            "instances": postgres.instances,
            "storage": {"size": postgres.storage},
            "enableSuperuserAccess": False,
            "bootstrap": {
                "initdb": {
                    "database": POSTGRES_DATABASE,
                    "owner": OWNER,
                    "secret": {"name": child_name(estate.name, "postgres-owner")},
                    "encoding": "UTF8",
                    # It makes the other logins, and the one that replicates the configuration.
                    "postInitSQL": [f"ALTER ROLE {OWNER} CREATEROLE REPLICATION"],
                }
            },
            "postgresql": {"parameters": server_parameters(postgres)},
            "resources": resources(component),
        },
    }


def _policy(estate: Estate, component: Component) -> dict[str, Any]:
    """SQL for those who declare it and for the instances among themselves; status and metrics for their operators."""
    own = {"podSelector": {"matchLabels": estate.pods_of(component.name)}}
    clients = [
        {"podSelector": {"matchLabels": estate.pods_of(client)}}
        for client in estate.clients_of(component)["postgres"]
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(estate.name, estate.namespace, component.name),
        "spec": {
            "podSelector": own["podSelector"],
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": [_port(component.ports["postgres"])], "from": [*clients, own]},
                {"ports": [_port(_STATUS_PORT), _port(_METRICS_PORT)]},
            ],
        },
    }


def _port(number: int) -> dict[str, Any]:
    return {"protocol": "TCP", "port": number}
