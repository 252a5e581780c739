"""Services, and NetworkPolicies that allow the connections that components declare and nothing else."""

from typing import Any
from urllib.parse import urlsplit

from smartstore_operator.render.component import Component
from smartstore_operator.render.kubernetes.estate import Estate
from smartstore_operator.render.kubernetes.metadata import metadata, selector

_DNS = {
    "to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}],
    "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
}
_SYSTEMS = {"kafka": "kafka", "valkey": "redis", "postgres": "postgres", "connect": "connect", "lake": "lake"}
"""The system behind each port that may be outside."""
METRICS = "metrics"
"""The name that every port with metrics has in its pod."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


def service(estate: Estate, component: Component) -> dict[str, Any]:
    """The component's name in the cluster: its one pod's address, from the moment it listens."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(estate.name, estate.namespace, component.name),
        "spec": {
            "clusterIP": "None",
            # A broker must find itself by its advertised name before it can become ready.
            "publishNotReadyAddresses": True,
            "selector": selector(estate.name, component.name),
            "ports": [
                {"name": short(name, component), "port": port, "targetPort": port, "protocol": "TCP"}
                for name, port in component.ports.items()
            ],
        },
    }


def default_deny(estate: Estate) -> dict[str, Any]:
    """Nothing reaches a pod of the estate, and none reaches anything, unless another policy says so."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(estate.name, estate.namespace),
        "spec": {
            "podSelector": {"matchLabels": selector(estate.name)},
            "policyTypes": ["Ingress", "Egress"],
        },
    }


def component_policy(estate: Estate, component: Component) -> dict[str, Any]:
    """Who may connect to a component, and what it may connect to."""
    spec: dict[str, Any] = {
        "podSelector": {"matchLabels": selector(estate.name, component.name)},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [_DNS, *(_egress(estate, port) for port in component.reaches)],
    }
    ingress = [
        _ingress(estate, component.ports[port], clients)
        for port, clients in estate.clients_of(component).items()
        if clients or _is_open(port, component)
    ]
    if ingress:
        spec["ingress"] = ingress
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(estate.name, estate.namespace, component.name),
        "spec": spec,
    }


def _is_open(port: str, component: Component) -> bool:
    """Metrics are read by a Prometheus, and the gateway by tills; both come from elsewhere."""
    return port.endswith("-metrics") or port == component.name == "gateway"


def _ingress(estate: Estate, port: int, clients: tuple[str, ...]) -> dict[str, Any]:
    rule: dict[str, Any] = {"ports": [{"protocol": "TCP", "port": port}]}
    if clients:
        rule["from"] = [{"podSelector": {"matchLabels": estate.pods_of(client)}} for client in clients]
    return rule


def _egress(estate: Estate, port: str) -> dict[str, Any]:
    owner = estate.owner_of(port)
    if owner is None:  # the system of somebody else, whose address a policy cannot name
        return {"ports": [{"protocol": "TCP", "port": number} for number in _outside_ports(estate, port)]}
    return {
        "to": [{"podSelector": {"matchLabels": estate.pods_of(owner.name)}}],
        "ports": [{"protocol": "TCP", "port": owner.ports[port]}],
    }


def _outside_ports(estate: Estate, port: str) -> list[int]:
    addresses = estate.endpoints[_SYSTEMS[port]].split(",")
    urls = [urlsplit(address if "://" in address else f"//{address}") for address in addresses]
    return sorted({url.port or _DEFAULT_PORTS[url.scheme] for url in urls})


def short(name: str, component: Component) -> str:
    """A port's name in its Service and pod, where it has 15 characters at most."""
    return name.removeprefix(f"{component.name}-")
