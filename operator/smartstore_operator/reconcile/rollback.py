"""Going back to what an application ran as before, when a change of it does not run. Pure.

What each application was when it was last ready is kept in a ConfigMap, with what was tried after it and did not run.
A change gets some minutes by its own clock, from the moment it was applied, and only while all that it needs is there:
a broker that is away is no fault of a change. Another change is a new try.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from smartstore.contracts.applications import is_application
from smartstore_operator.api.marks import COMPONENT_LABEL
from smartstore_operator.api.reasons import Reason
from smartstore_operator.reconcile.children import owned, rendering_of, unmarked
from smartstore_operator.reconcile.cluster import MANAGER, Object
from smartstore_operator.reconcile.health import Health, shortened
from smartstore_operator.render.kubernetes.metadata import child_name, metadata

AFTER = timedelta(minutes=10)
"""Time that a change has to begin to run; three restarts of a container that fails at once, five minutes apart."""
_WORKLOADS = ("StatefulSet", "SparkApplication")
_REFUSED, _WHY = "refused", "why"


@dataclass(frozen=True)
class Rollback:
    """What applies instead of what is wanted."""

    wanted: list[Object]
    record: Object | None
    """The ConfigMap to keep; None while there is nothing to remember."""
    healths: dict[str, Health]
    """Of the applications that were taken back."""


def record_of(smartstore: str) -> Object:
    """Kind and name of the ConfigMap."""
    return {"kind": "ConfigMap", "metadata": {"name": child_name(smartstore, "ran")}}


def rolled_back(
    live: Object,
    wanted: Sequence[Object],
    found: Mapping[tuple[str, str], Object],
    healths: Mapping[str, Health],
    blameless: Collection[str],
    now: str,
) -> Rollback:
    """What is applied. `wanted`: as rendered; `blameless`: components that lack something that they need."""
    name, namespace = live["metadata"]["name"], live["metadata"]["namespace"]
    record = found.get(("ConfigMap", record_of(name)["metadata"]["name"]), {})
    before: Mapping[str, str] = record.get("data") or {}
    data: dict[str, str] = {}  # of the applications that there are: one that is gone is not remembered
    applied, taken_back = [], {}
    for manifest in wanted:
        component = manifest["metadata"].get("labels", {}).get(COMPONENT_LABEL, "")
        if manifest["kind"] not in _WORKLOADS or not is_application(component):
            applied.append(manifest)
            continue
        there = found.get((manifest["kind"], manifest["metadata"]["name"]))
        entry = _judged(
            json.loads(before.get(component, "{}")),
            manifest,
            there,
            healths[component],
            is_blameless=component in blameless,
            now=now,
        )
        if entry:
            data[component] = json.dumps(entry, sort_keys=True)
        if entry.get(_REFUSED) == rendering_of(manifest):
            applied.append(owned(entry["ran"], live))
            text = f"the last change did not run, so what ran before it was put back; change it again: {entry[_WHY]}"
            taken_back[component] = Health("Degraded", Reason.ROLLED_BACK, shortened(text))
        else:
            applied.append(manifest)
    return Rollback(applied, _record(name, namespace, data) if data else None, taken_back)


def _judged(
    entry: dict[str, Any],
    manifest: Object,
    there: Object | None,
    health: Health,
    *,
    is_blameless: bool,
    now: str,
) -> dict[str, Any]:
    """What is remembered of one application: `ran`, and the rendering that was `refused` with the reason."""
    if there is None or rendering_of(there) != rendering_of(manifest):
        return entry
    if health.is_ready:
        return {"ran": unmarked(manifest)}
    ran = entry.get("ran")
    is_new = ran is not None and ran != unmarked(manifest)
    if is_new and health.state == "Degraded" and not is_blameless and _age(there, now) >= AFTER:
        return {"ran": ran, _REFUSED: rendering_of(manifest), _WHY: health.message}
    return entry


def _age(there: Object, now: str) -> timedelta:
    """Since we wrote the object last."""
    entries = there["metadata"].get("managedFields") or []
    moments = [
        datetime.fromisoformat(entry["time"])
        for entry in entries
        if entry["manager"] == MANAGER and entry["operation"] == "Apply" and "time" in entry
    ]
    return datetime.fromisoformat(now) - max(moments) if moments else timedelta(0)


def _record(name: str, namespace: str, data: Mapping[str, str]) -> Object:
    meta = metadata(name, namespace, name=record_of(name)["metadata"]["name"])
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": dict(data)}
