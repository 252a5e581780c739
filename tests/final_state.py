"""What is left when all is done, in a form in which two runs can be compared."""

import itertools
import json
from collections.abc import Mapping
from typing import Any

from smartstore_operator.api.marks import ESTATE_LABEL
from smartstore_operator.reconcile.cluster import Cluster, Object
from smartstore_operator.reconcile.reconciler import Reconciler
from smartstore_operator.reconcile.sight import Sight
from smartstore_operator.render.kubernetes.metadata import MANAGED
from smartstore_operator.runtime.api_server import ApiServer
from smartstore_operator.runtime.health import CANARY
from tests.controllers import garbage
from tests.specs import CHILDREN, IMAGES, plain

IMAGE_SETTINGS = {
    "IMAGE_SERVICES": IMAGES.services,
    "IMAGE_KAFKA": IMAGES.kafka,
    "IMAGE_SPARK": IMAGES.spark,
    "IMAGE_CONNECT": IMAGES.connect,
}
"""The same for an operator's process."""
KINDS = ("SmartStore", *CHILDREN)
Specs = Mapping[str, Mapping[str, Any]]
"""Specs of SmartStores by name."""

_MOST_PASSES = 20


async def apply(server: ApiServer, namespace: str, name: str, spec: Mapping[str, Any]) -> None:
    """What a user does."""
    document = {"apiVersion": "smartstore.io/v1alpha1", "kind": "SmartStore", "spec": plain(**spec)}
    await server.apply({**document, "metadata": {"name": name, "namespace": namespace}})


async def are_ready(server: ApiServer, namespace: str, specs: Specs) -> bool:
    """Whether these SmartStores, and no others, are there and ready as they are asked for now."""
    found = {item["metadata"]["name"]: item for item in await server.list("SmartStore", namespace, {})}
    return found.keys() == specs.keys() and all(_is_ready(item) for item in found.values())


async def is_done(server: ApiServer, namespace: str, specs: Specs) -> bool:
    """Whether they are ready, another look would change nothing, and what belonged to others is collected."""
    if not await are_ready(server, namespace, specs) or await garbage(server, namespace):
        return False
    return not await left_to_do(server, namespace)


async def left_to_do(server: ApiServer, namespace: str) -> list[str]:
    """What another look at every SmartStore would write or delete; nothing is."""
    return await _looks(_Unchanged(server), namespace)


async def undisturbed(server: ApiServer, namespace: str, specs: Specs) -> dict[str, Any]:
    """Take all away but the Secrets with the passwords, bring these SmartStores up, and say what is there then.

    Somebody must play controllers.
    """
    for kind in KINDS:
        for item in await server.list(kind, namespace, {}):
            if "-credentials" not in item["metadata"]["name"]:
                await server.delete(kind, namespace, item["metadata"]["name"])
    for name, spec in specs.items():
        await apply(server, namespace, name, spec)
    for _ in range(_MOST_PASSES):
        if not await _looks(server, namespace) and await are_ready(server, namespace, specs):
            return await state(server, namespace)
    raise AssertionError("the undisturbed run did not come to its end")


async def state(server: ApiServer, namespace: str) -> dict[str, Any]:
    """All SmartStores and their objects by kind and name, without what two equal runs differ in.

    What has lost its labels by somebody's hand when it was not wanted any more is not ours.
    """
    return {
        f"{kind}/{item['metadata']['name']}": _bare(item)
        for kind in KINDS
        for item in await server.list(kind, namespace, {})
        if kind == "SmartStore" or _is_ours(item["metadata"])
    }


def differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, str]:
    """What differs between two states, by object: the places in it with what is found and what is wanted."""
    keys = sorted(found.keys() | wanted.keys())
    told = {key: "; ".join(_places("", found.get(key), wanted.get(key))) for key in keys}
    return {key: places for key, places in told.items() if places}


def _places(path: str, found: Any, wanted: Any) -> list[str]:
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = sorted(found.keys() | wanted.keys())
        return [one for key in keys for one in _places(f"{path}.{key}", found.get(key), wanted.get(key))]
    return [] if found == wanted else [f"{path or 'object'}: {found!r} instead of {wanted!r}"]


def _is_ours(metadata: Mapping[str, Any]) -> bool:
    labels = metadata.get("labels", {})
    return MANAGED.items() <= labels.items() and ESTATE_LABEL in labels and metadata["name"] != CANARY


class _Unchanged:
    """A cluster that is only read."""

    def __init__(self, server: ApiServer) -> None:
        self.get, self.list, self.serves = server.get, server.list, server.serves

    async def apply(self, manifest: Mapping[str, Any], *, force: bool = False) -> Object:
        return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": "another"}}

    async def create(self, manifest: Mapping[str, Any]) -> Object:
        return await self.apply(manifest)

    async def apply_status(self, manifest: Mapping[str, Any]) -> None:
        pass

    async def delete(self, kind: str, namespace: str | None, name: str) -> None:
        pass


async def _looks(cluster: Cluster, namespace: str) -> list[str]:
    """Look at every SmartStore; what was written and deleted."""

    async def unknown(*_: Any) -> Sight:
        return Sight()

    seconds = itertools.count()
    reconciler = Reconciler(cluster, IMAGES, lambda: f"2026-01-01T00:00:{next(seconds) % 60:02}Z", unknown)
    reports = [await reconciler.reconcile(live) for live in await cluster.list("SmartStore", namespace, {})]
    return [name for report in reports for name in (*report.applied, *report.deleted)]


def _is_ready(item: Mapping[str, Any]) -> bool:
    status = item.get("status", {})
    ready = [one["status"] for one in status.get("conditions", []) if one["type"] == "Ready"]
    return status.get("observedGeneration") == item["metadata"]["generation"] and ready == ["True"]


def _bare(item: dict[str, Any]) -> dict[str, Any]:
    """Without identities, times, counters, and addresses that the API server gave."""
    text = json.dumps(item).replace(item["metadata"]["uid"], "UID")  # a Job's pods are told by it
    bare: dict[str, Any] = _without(
        json.loads(text),
        ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"),
        ("observedGeneration", "lastTransitionTime"),
    )
    if item["kind"] == "Service" and item["spec"].get("clusterIP") != "None":
        bare["spec"] = _without(bare["spec"], ("clusterIP", "clusterIPs"))
    return bare


def _without(value: Any, *names: tuple[str, ...]) -> Any:
    gone = frozenset(itertools.chain(*names))
    if isinstance(value, dict):
        return {key: _without(item, *names) for key, item in value.items() if key not in gone}
    if isinstance(value, list):
        return [_without(item, *names) for item in value]
    return value
