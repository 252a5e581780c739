"""Whether a namespace's quotas leave room for a SmartStore at all. Pure.

What a quota has no room for the API server refuses pod by pod, by Events of controllers that nobody reads. So the whole
is added up before anything is made: workloads that stay, and volumes. Jobs come and go, and what other operators add is
theirs to know, so this is the least that it needs; others in the namespace may need the rest.
https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from smartstore_operator.api.problems import Problem

Demand = Mapping[str, Decimal]
"""By name as quotas have them: requests.memory, pods, …"""
_SHORT = {"cpu": "requests.cpu", "memory": "requests.memory"}
_WORKLOADS = ("StatefulSet", "Deployment")


def demand(objects: Iterable[Mapping[str, Any]]) -> Demand:
    """What rendered objects ask of a quota."""
    total: defaultdict[str, Decimal] = defaultdict(Decimal)
    for item in objects:
        if item["kind"] in _WORKLOADS:
            replicas = item["spec"]["replicas"]
            for name, amount in _of_pod(item["spec"]["template"]["spec"]):
                total[name] += amount * replicas
        for claim in _claims(item):
            total["persistentvolumeclaims"] += Decimal(1)
            total["requests.storage"] += parse_quantity(claim["spec"]["resources"]["requests"]["storage"])
    return dict(total)


def exceeded(quotas: Iterable[Mapping[str, Any]], asked: Demand) -> Iterator[Problem]:
    """A problem for each limit of a quota that is below what is asked. Quotas with scopes are about some pods only."""
    for quota in quotas:
        spec = quota.get("spec", {})
        if spec.get("scopes") or spec.get("scopeSelector"):
            continue
        for name, allowed in spec.get("hard", {}).items():
            wanted = asked.get(_SHORT.get(name, name), Decimal(0))
            if wanted > parse_quantity(allowed):
                yield Problem(
                    path="spec",
                    message=f"the quota {quota['metadata']['name']} of the namespace allows {name} {allowed}, this "
                    f"SmartStore needs {_shown(name, wanted)}: raise the quota, use another namespace, or make the "
                    "SmartStore smaller",
                )


def _of_pod(pod: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
    yield "pods", Decimal(1)
    for container in pod["containers"]:
        for kind, amounts in container.get("resources", {}).items():
            for name, amount in amounts.items():
                yield f"{kind}.{name}", parse_quantity(amount)


def _claims(item: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    if item["kind"] == "PersistentVolumeClaim":
        return [item]
    return item.get("spec", {}).get("volumeClaimTemplates", [])


def _shown(name: str, amount: Decimal) -> str:
    if name.endswith(("memory", "storage")):
        return f"{-(-amount // (1 << 20))}Mi"
    return f"{amount.normalize():f}"
