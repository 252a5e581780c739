"""One pass over one SmartStore: level-triggered, it looks at what is there and does what is missing.

The steps, in order: read the spec; make the credentials; look at what is there; apply what differs, each component
after what it needs; delete what is no longer wanted; report.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from smartstore_operator.api.load import validate_smartstore
from smartstore_operator.api.problems import SpecError
from smartstore_operator.api.smartstore import API_VERSION, KIND, SmartStore
from smartstore_operator.reconcile import credentials
from smartstore_operator.reconcile.bringup import held_back
from smartstore_operator.reconcile.cluster import Cluster, Object
from smartstore_operator.reconcile.conditions import READY, choice_of, conditions, refused
from smartstore_operator.reconcile.drift import differences
from smartstore_operator.reconcile.health import Health, health_of
from smartstore_operator.render import secret_names
from smartstore_operator.render.component import Component
from smartstore_operator.render.kubernetes import Images, components_of, manifests, place
from smartstore_operator.render.kubernetes.metadata import COMPONENT_LABEL, MANAGED, selector
from smartstore_operator.render.platform import Platform

WORKLOADS = ("StatefulSet", "Deployment", "Job")
CHILDREN = ("ServiceAccount", "ConfigMap", "Secret", "Service", "NetworkPolicy", *WORKLOADS, "CronJob")
"""Kinds that render yields; what has our labels and is not wanted any more is deleted."""


@dataclass(frozen=True)
class Report:
    """What one pass did."""

    ready: bool
    applied: list[str] = field(default_factory=list)
    """`StatefulSet/demo-hot`, in order."""
    drifted: dict[str, list[str]] = field(default_factory=dict)
    """Objects that somebody had changed although the spec stayed the same, with the fields."""
    deleted: list[str] = field(default_factory=list)
    is_settled: bool = False
    """Whether nothing is left to do or to wait for."""
    objects: int = 0
    """How many the SmartStore has."""
    turned: Mapping[str, Any] | None = None
    """The condition `Ready`, if its status or reason is another one than before."""


class Reconciler:
    """Brings SmartStores to what their specs say.

    `images` run in the pods, `now` gives the time as RFC 3339, `served` the number of open stores, None if it is not
    known.
    """

    def __init__(
        self,
        cluster: Cluster,
        images: Images,
        now: Callable[[], str],
        served: Callable[[Platform], Awaitable[int | None]],
    ) -> None:
        self._cluster, self._images, self._now, self._served = cluster, images, now, served

    async def reconcile(self, live: Object) -> Report:
        """One pass; `live` is the SmartStore as the API server has it.

        Raises:
            Exception: whatever the cluster raises; the next pass begins anew.
        """
        if live["metadata"].get("deletionTimestamp"):
            return Report(ready=False)  # its objects belong to it and go with it
        try:
            smartstore = validate_smartstore(live)
        except SpecError as error:
            message = "; ".join(map(str, error.problems))
            status = refused("InvalidSpec", message, *self._known(live))
            last = live.get("status", {})
            await self._report(
                live, status, {name: last[name] for name in ("selector", "stores") if name in last}
            )
            return Report(ready=False, turned=_turned(status, live))
        platform, own = await self._place(smartstore, live)
        objects = manifests(smartstore, platform, live["metadata"]["namespace"], self._images)
        wanted = [*own, *(_owned(each, live) for each in objects)]
        components = components_of(smartstore, platform)
        found = await self._found(smartstore.name, live["metadata"]["namespace"])
        healths = self._healths(components, found)
        waiting = held_back(components, healths)
        applied: list[str] = []
        drifted: dict[str, list[str]] = {}
        deleted: list[str] = []
        if not smartstore.spec.paused:
            applied, changed = await self._apply(wanted, found, waiting)
            is_seen = live.get("status", {}).get("observedGeneration") == live["metadata"]["generation"]
            drifted = changed if is_seen else {}
            deleted = await self._prune(wanted, found)
        shown = {name: waiting.get(name, health) for name, health in healths.items()}
        status = conditions(shown, *self._known(live), choice_of(smartstore.spec))
        is_ready = status[0]["status"] == "True"
        facts = await self._facts(smartstore, live, platform, healths)
        await self._report(live, status, facts)
        return Report(
            is_ready,
            applied,
            drifted,
            deleted,
            is_settled=is_ready and facts["stores"] == smartstore.spec.stores,
            objects=len(wanted),
            turned=_turned(status, live),
        )

    async def _place(self, smartstore: SmartStore, live: Object) -> tuple[Platform, list[Object]]:
        """Where it runs, and the Secrets with its passwords, which are made before anything uses them."""
        namespace = live["metadata"]["namespace"]
        names = credentials.secret_names(smartstore.name)
        kept = [await self._cluster.get("Secret", namespace, name) for name in names]
        values = credentials.completed(credentials.read(kept), secret_names(smartstore))
        platform = place(smartstore, namespace, values, values[credentials.CLUSTER_ID])
        own = [credentials.manifest(smartstore.name, namespace, copy, values) for copy in credentials.COPIES]
        # They stay as long as the volumes.
        if smartstore.spec.deletion_policy == "Delete":
            own = [_owned(each, live) for each in own]
        for secret, there in zip(own, kept, strict=True):
            is_wrong = differences(secret, there or {}) or _owners(there) != _owners(secret)
            if is_wrong and not smartstore.spec.paused:
                await self._cluster.apply(secret, force=True)
        return platform, own

    async def _found(self, name: str, namespace: str) -> dict[tuple[str, str], Object]:
        kinds = (*CHILDREN, "Pod")
        lists = await asyncio.gather(*(self._cluster.list(kind, namespace, selector(name)) for kind in kinds))
        return {
            (kind, item["metadata"]["name"]): item
            for kind, items in zip(kinds, lists, strict=True)
            for item in items
        }

    def _healths(
        self, components: Sequence[Component], found: Mapping[tuple[str, str], Object]
    ) -> dict[str, Health]:
        return {
            component.name: health_of(
                next((item for item in _of(component, found) if item["kind"] in WORKLOADS), None),
                [item for item in _of(component, found) if item["kind"] == "Pod"],
            )
            for component in components
        }

    async def _apply(
        self,
        wanted: Sequence[Object],
        found: Mapping[tuple[str, str], Object],
        waiting: Mapping[str, Health],
    ) -> tuple[list[str], dict[str, list[str]]]:
        """What was written, and which fields of what was there before."""
        applied: list[str] = []
        changed: dict[str, list[str]] = {}
        for manifest in wanted:
            if manifest["kind"] in WORKLOADS and _component_of(manifest) in waiting:
                continue
            key = manifest["kind"], manifest["metadata"]["name"]
            fields = differences(manifest, found.get(key, {}))
            if not fields:
                continue
            # What somebody else changed is taken back; the caller says so.
            await self._cluster.apply(manifest, force=True)
            applied.append("/".join(key))
            if key in found:
                changed["/".join(key)] = fields
        return applied, changed

    async def _prune(self, wanted: Sequence[Object], found: Mapping[tuple[str, str], Object]) -> list[str]:
        keep = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in wanted}
        deleted = []
        for (kind, name), item in found.items():
            if kind in CHILDREN and (kind, name) not in keep and MANAGED.items() <= _labels(item).items():
                await self._cluster.delete(kind, item["metadata"]["namespace"], name)
                deleted.append(f"{kind}/{name}")
        return deleted

    def _known(self, live: Object) -> tuple[list[Object], int, str]:
        """The last conditions, the generation seen now, and the time."""
        return live.get("status", {}).get("conditions", []), live["metadata"]["generation"], self._now()

    async def _facts(
        self, smartstore: SmartStore, live: Object, platform: Platform, healths: Mapping[str, Health]
    ) -> dict[str, Any]:
        """What else the status says. While the source does not answer, the last number of stores stands."""
        labels = ",".join(f"{name}={value}" for name, value in selector(smartstore.name).items())
        last = live.get("status", {}).get("stores", 0)
        if smartstore.spec.suspend:
            return {"selector": labels, "stores": 0}
        told = await self._served(platform) if healths["world"].is_ready else None
        return {"selector": labels, "stores": last if told is None else told}

    async def _report(self, live: Object, status: list[dict[str, Any]], facts: Mapping[str, Any]) -> None:
        """Write the status if it changed."""
        new = {"observedGeneration": live["metadata"]["generation"], "conditions": status, **facts}
        if not differences(new, live.get("status", {})):
            return
        meta = {"name": live["metadata"]["name"], "namespace": live["metadata"]["namespace"]}
        await self._cluster.apply_status(
            {"apiVersion": API_VERSION, "kind": KIND, "metadata": meta, "status": new}
        )


def _owned(manifest: Mapping[str, Any], live: Object) -> Object:
    """As a child of the SmartStore: the garbage collector deletes it with its owner."""
    owner = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": live["metadata"]["name"],
        "uid": live["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [owner]}}


def _turned(status: Sequence[Mapping[str, Any]], live: Object) -> Mapping[str, Any] | None:
    """`Ready`, if it says something else than the last status did."""
    known = {item["type"]: item for item in live.get("status", {}).get("conditions", [])}
    new, old = status[0], known.get(READY, {})
    same = all(new[field] == old.get(field) for field in ("status", "reason"))
    return None if same else new


def _owners(item: Mapping[str, Any] | None) -> list[str]:
    references = (item or {}).get("metadata", {}).get("ownerReferences") or []
    return [reference["uid"] for reference in references]


def _of(component: Component, found: Mapping[tuple[str, str], Object]) -> list[Object]:
    return [item for item in found.values() if _component_of(item) == component.name]


def _component_of(item: Mapping[str, Any]) -> str:
    return str(_labels(item).get(COMPONENT_LABEL, ""))


def _labels(item: Mapping[str, Any]) -> Mapping[str, str]:
    return item["metadata"].get("labels") or {}
