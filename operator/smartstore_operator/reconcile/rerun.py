"""Which Jobs have to run again: what they prepared was on a volume that is no more. Pure.

A server whose volume was lost comes back empty. Its StatefulSet makes a new volume, but a Job that has finished stays
finished: topics would be missing, or the schema.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from smartstore_operator.render.component import Component
from smartstore_operator.render.kubernetes.metadata import child_name
from smartstore_operator.render.kubernetes.workload import STATE_VOLUME

Objects = Mapping[tuple[str, str], Mapping[str, Any]]


def outlived(
    smartstore: str, components: Sequence[Component], jobs: Mapping[str, str], found: Objects
) -> Iterator[str]:
    """Names of the Jobs that finished before a volume was made of what they need. `jobs`: their names by component."""
    for component in components:
        job = found.get(("Job", jobs.get(component.name, "")))
        finished = (job or {}).get("status", {}).get("completionTime")
        if job is None or finished is None:
            continue
        if any(made > finished for made in _volumes(smartstore, component, found)):
            yield str(job["metadata"]["name"])


def _volumes(smartstore: str, component: Component, found: Objects) -> Iterator[str]:
    """When the volumes of what it needs were made; RFC 3339 in UTC, so that texts compare as times do."""
    for need in component.needs:
        claim = found.get(("PersistentVolumeClaim", f"{STATE_VOLUME}-{child_name(smartstore, need)}-0"))
        if claim is not None:
            yield str(claim["metadata"]["creationTimestamp"])
