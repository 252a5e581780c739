"""One pass over one SmartStore: level-triggered, it looks at what is there and does what is missing.

The steps, in order: read the spec; make the credentials; look at what is there; apply what differs, each component
after what it needs; delete what is no longer wanted, and Jobs that have to run again; report.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smartstore.contracts.applications import is_application
from smartstore_operator.api.load import validate_smartstore
from smartstore_operator.api.marks import COMPONENT_LABEL
from smartstore_operator.api.problems import SpecError
from smartstore_operator.api.reasons import Reason
from smartstore_operator.api.smartstore import API_VERSION, KIND, SmartStore
from smartstore_operator.reconcile import spark, strimzi
from smartstore_operator.reconcile.bringup import held_back, lacking
from smartstore_operator.reconcile.children import marked, owned, rendering_of, version_of
from smartstore_operator.reconcile.cluster import Cluster, Object, RequestRefused
from smartstore_operator.reconcile.conditions import READY, choice_of, conditions, refused
from smartstore_operator.reconcile.drift import Path, as_text, differences, differing
from smartstore_operator.reconcile.health import Health
from smartstore_operator.reconcile.judging import health
from smartstore_operator.reconcile.kinds import CHILDREN, HOLDING_DATA, STARTED
from smartstore_operator.reconcile.operators import not_installed
from smartstore_operator.reconcile.ownership import appliers
from smartstore_operator.reconcile.placing import placed
from smartstore_operator.reconcile.quota import demand, exceeded
from smartstore_operator.reconcile.rerun import outlived
from smartstore_operator.reconcile.rollback import Rollback, record_of, rolled_back
from smartstore_operator.reconcile.sight import Sight, is_due, repeated
from smartstore_operator.reconcile.windows import is_disruptive, next_opening
from smartstore_operator.render.component import Component
from smartstore_operator.render.kubernetes import Images, awake, manifests
from smartstore_operator.render.kubernetes.metadata import MANAGED, selector
from smartstore_operator.render.kubernetes.monitoring import OPTIONAL
from smartstore_operator.render.platform import Platform

_OF_APPLICATIONS = ("applications", "applicationsAt")
_KEPT = ("selector", "stores", "endpoints", *_OF_APPLICATIONS)
"""What a status still says when its spec cannot be followed."""
_PRUNED = frozenset(CHILDREN) - frozenset(HOLDING_DATA)
"""What has our labels and is not wanted any more is deleted."""


@dataclass(frozen=True)
class Report:
    """What one pass did."""

    ready: bool
    applied: list[str] = field(default_factory=list)
    """`StatefulSet/demo-hot`, in order."""
    drifted: dict[str, list[str]] = field(default_factory=dict)
    """Objects that somebody had changed although the spec stayed the same, with the fields."""
    taken: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """Objects with fields that other managers had applied with other values: the fields by manager."""
    deleted: list[str] = field(default_factory=list)
    is_settled: bool = False
    """Whether nothing is left to do or to wait for."""
    objects: int = 0
    """How many the SmartStore has."""
    seen: dict[tuple[str, str], str] = field(default_factory=dict)
    """Resource versions that the pass looked at, by kind and name; of what may be watched, so without pods."""
    turned: Mapping[str, Any] | None = None
    """The condition `Ready`, if its status or reason is another one than before."""
    opening: datetime | None = None
    """When the maintenance window opens that changes wait for."""


@dataclass
class _Changes:
    """What was done to the objects of one SmartStore, and what was not."""

    applied: list[str] = field(default_factory=list)
    drifted: dict[str, list[str]] = field(default_factory=dict)
    taken: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    refused: dict[str, Health] = field(default_factory=dict)
    """By component: what the API server did not take."""
    pending: dict[str, list[str]] = field(default_factory=dict)
    """By component: objects whose change waits for a maintenance window."""


class Reconciler:
    """Brings SmartStores to what their specs say.

    `images` run in the pods, `now` gives the time as RFC 3339, `look` what the source and these applications say.
    """

    def __init__(
        self,
        cluster: Cluster,
        images: Images,
        now: Callable[[], str],
        look: Callable[[Platform, Sequence[str]], Awaitable[Sight]],
    ) -> None:
        self._cluster, self._images, self._now, self._look = cluster, images, now, look

    async def reconcile(self, live: Object) -> Report:
        """One pass; `live` is the SmartStore as the API server has it.

        Raises:
            Exception: whatever the cluster raises; the next pass begins anew.
        """
        if live["metadata"].get("deletionTimestamp"):
            return Report(ready=False)  # its objects belong to it and go with it
        try:
            smartstore = validate_smartstore(live)
            platform, own = await placed(self._cluster, smartstore, live)
            objects = manifests(smartstore, platform, live["metadata"]["namespace"], self._images)
            served = [kind for kind in CHILDREN if await self._cluster.serves(kind)]
            objects = tuple(
                each for each in objects if each["kind"] in served or each["kind"] not in OPTIONAL
            )
            if problems := list(not_installed(platform.operators, served)):
                raise SpecError(problems)
            quotas = await self._cluster.list("ResourceQuota", live["metadata"]["namespace"], {})
            if problems := list(exceeded(quotas, demand(objects))):
                raise SpecError(problems)
        except SpecError as error:
            return await self._refuse(live, error)
        found = await self._found(smartstore.name, live["metadata"]["namespace"], served)
        wanted = [*own, *(_child(each, live, smartstore, found) for each in objects)]
        rendered = awake(smartstore, platform)
        components = rendered.components
        healths = {
            component.name: health(_of(component, wanted), _of(component, found.values()))
            for component in components
        }
        waiting = held_back(components, healths)
        opening = next_opening(smartstore.spec.maintenance.windows, datetime.fromisoformat(self._now()))
        done = _Changes()
        back = Rollback(wanted, None, {})
        if not (smartstore.spec.paused or smartstore.spec.suspend):
            blameless = {name for name, needs in lacking(components, healths).items() if needs}
            back = rolled_back(live, wanted, found, healths, blameless, self._now())
            wanted = [*back.wanted, *([owned(back.record, live)] if back.record else ())]
        if not smartstore.spec.paused:
            ready = [
                item
                for item in wanted
                if not _is_held_back(item, waiting) and not strimzi.waits(item, found.values())
            ]
            held = {_component_of(item) for item in ready if is_disruptive(item, found.get(_key(item)))}
            held -= back.healths.keys()  # what is put back does not run
            if (first := strimzi.first_status(found.values(), platform.cluster_id)) is not None:
                await self._cluster.apply_status(first)
            await self._apply(ready, found, held if opening else set(), done)
            await self._prune([*wanted, record_of(smartstore.name)], found, done)
            jobs = {_component_of(item): item["metadata"]["name"] for item in wanted if item["kind"] == "Job"}
            for name in outlived(smartstore.name, components, jobs, found):
                await self._delete(("Job", name), live["metadata"]["namespace"], done)
        shown = {**healths, **back.healths, **waiting, **done.refused}
        status = conditions(shown, *self._known(live), choice_of(smartstore.spec))
        is_ready = status[0]["status"] == "True"
        pods = [item for (kind, _), item in found.items() if kind == "Pod"]
        facts = await self._facts(smartstore, live, platform, healths, pods)
        pending = [
            {"component": component, "objects": objects, "until": _as_text(opening)}
            for component, objects in done.pending.items()
        ]
        patched = [f"{override.kind}/{override.name}" for override in smartstore.spec.overrides]
        told = {"endpoints": dict(rendered.endpoints), "overrides": patched, "pendingChanges": pending}
        await self._report(live, status, {**facts, **told})
        return Report(
            is_ready,
            done.applied,
            done.drifted,
            done.taken,
            done.deleted,
            is_settled=is_ready and facts["stores"] == smartstore.spec.stores and not pending,
            objects=len(wanted),
            seen={_key(live): version_of(live), **_watched(found)},
            turned=_turned(status, live),
            opening=opening if pending else None,
        )

    async def _refuse(self, live: Object, error: SpecError) -> Report:
        """A spec that cannot be followed changes nothing; what is known besides stands."""
        status = refused(Reason.INVALID_SPEC, "; ".join(map(str, error.problems)), *self._known(live))
        last = live.get("status", {})
        await self._report(live, status, {name: last[name] for name in _KEPT if name in last})
        return Report(ready=False, turned=_turned(status, live))

    async def _found(self, name: str, namespace: str, served: Sequence[str]) -> dict[tuple[str, str], Object]:
        kinds = (*served, "Pod")
        lists = await asyncio.gather(*(self._cluster.list(kind, namespace, selector(name)) for kind in kinds))
        return {
            (kind, item["metadata"]["name"]): item
            for kind, items in zip(kinds, lists, strict=True)
            for item in items
        }

    async def _apply(
        self,
        wanted: Sequence[Object],
        found: Mapping[tuple[str, str], Object],
        held: Collection[str],
        done: _Changes,
    ) -> None:
        """Write what differs. New renderings of components that are `held` wait; drift is taken back all the same."""
        for manifest in wanted:
            key, component = _key(manifest), _component_of(manifest)
            there = found.get(key)
            paths = differing(manifest, there or {})
            if not paths:
                continue
            is_drift = there is not None and rendering_of(there) == rendering_of(manifest)
            if component in held and not is_drift:
                done.pending.setdefault(component, []).append("/".join(key))
                continue
            try:
                written = await self._cluster.apply(manifest, force=True)
            except RequestRefused as refusal:  # the others go on
                if not component:
                    raise
                done.refused[component] = Health("Degraded", Reason.APPLY_REFUSED, str(refusal))
                continue
            if there is not None and version_of(written) == version_of(there):
                continue  # only another way to write the same, such as 0.5 for 500m in an override
            done.applied.append("/".join(key))
            _note(paths, there or {}, done, "/".join(key), is_drift=is_drift)

    async def _prune(
        self, wanted: Sequence[Object], found: Mapping[tuple[str, str], Object], done: _Changes
    ) -> None:
        """Delete what has our labels and is not wanted."""
        keep = {_key(manifest) for manifest in wanted}
        for (kind, name), item in found.items():
            if kind in _PRUNED and (kind, name) not in keep and MANAGED.items() <= _labels(item).items():
                await self._delete((kind, name), item["metadata"]["namespace"], done)

    async def _delete(self, key: tuple[str, str], namespace: str, done: _Changes) -> None:
        kind, name = key
        await self._cluster.delete(kind, namespace, name)
        done.deleted.append(f"{kind}/{name}")

    def _known(self, live: Object) -> tuple[list[Object], int, str]:
        """The last conditions, the generation seen now, and the time."""
        return live.get("status", {}).get("conditions", []), live["metadata"]["generation"], self._now()

    async def _facts(
        self,
        smartstore: SmartStore,
        live: Object,
        platform: Platform,
        healths: Mapping[str, Health],
        pods: Sequence[Object],
    ) -> dict[str, Any]:
        """What else the status says. While the source does not answer, the last number of stores stands."""
        labels = ",".join(f"{name}={value}" for name, value in selector(smartstore.name).items())
        last = live.get("status", {})
        if smartstore.spec.suspend:
            return {"selector": labels, "stores": 0}
        sight = Sight()
        if healths["world"].is_ready:
            sight = await self._look(platform, [name for name in healths if is_application(name)])
        said = {name: last[name] for name in _OF_APPLICATIONS if name in last}
        if sight.applications and is_due(last, self._now()):
            said = repeated(sight.applications, pods, self._now())
        stores = last.get("stores", 0) if sight.stores is None else sight.stores
        return {"selector": labels, "stores": stores, **said}

    async def _report(self, live: Object, status: list[dict[str, Any]], facts: Mapping[str, Any]) -> None:
        """Write the status if it changed."""
        new = {"observedGeneration": live["metadata"]["generation"], "conditions": status, **facts}
        if not differences(new, live.get("status", {})):
            return
        meta = {"name": live["metadata"]["name"], "namespace": live["metadata"]["namespace"]}
        await self._cluster.apply_status(
            {"apiVersion": API_VERSION, "kind": KIND, "metadata": meta, "status": new}
        )


def _child(
    manifest: Mapping[str, Any], live: Object, smartstore: SmartStore, found: Mapping[tuple[str, str], Object]
) -> Object:
    """A rendered object as it is applied."""
    final = spark.resubmitted(manifest, found.get(_key(manifest)))
    stays = smartstore.spec.deletion_policy == "Retain" and manifest["kind"] in HOLDING_DATA
    return marked(final) if stays else owned(final, live)


def _note(paths: Sequence[Path], there: Object, done: _Changes, name: str, *, is_drift: bool) -> None:
    """Whose the fields were that have been written."""
    for path in paths:
        owners = appliers(path, there)
        for owner in owners:
            done.taken.setdefault(name, {}).setdefault(owner, []).append(as_text(path))
        if is_drift and not owners:
            done.drifted.setdefault(name, []).append(as_text(path))


def _watched(found: Mapping[tuple[str, str], Object]) -> dict[tuple[str, str], str]:
    return {key: version_of(item) for key, item in found.items() if key[0] in CHILDREN}


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]


def _is_held_back(item: Mapping[str, Any], waiting: Mapping[str, Health]) -> bool:
    """Whether it is something that must not start yet."""
    return item["kind"] in STARTED and _component_of(item) in waiting


def _as_text(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def _turned(status: Sequence[Mapping[str, Any]], live: Object) -> Mapping[str, Any] | None:
    """`Ready`, if it says something else than the last status did."""
    known = {item["type"]: item for item in live.get("status", {}).get("conditions", [])}
    new, old = status[0], known.get(READY, {})
    same = all(new[field] == old.get(field) for field in ("status", "reason"))
    return None if same else new


def _of(component: Component, items: Iterable[Object]) -> list[Object]:
    return [item for item in items if _component_of(item) == component.name]


def _component_of(item: Mapping[str, Any]) -> str:
    return str(_labels(item).get(COMPONENT_LABEL, ""))


def _labels(item: Mapping[str, Any]) -> Mapping[str, str]:
    return item["metadata"].get("labels") or {}
