"""`kubectl smartstore status`: the conditions and pods of a SmartStore, in words."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from smartstore_operator.api.marks import COMPONENT_LABEL
from smartstore_operator.cli import exits
from smartstore_operator.cli.plugin.kubectl import Kubectl, Object
from smartstore_operator.render.kubernetes.metadata import selector


def status(kubectl: Kubectl, name: str, *, as_json: bool) -> int:
    """Print it; exit code 0 when ready, else 1."""
    live = kubectl.smartstore(name)
    pods = kubectl.list(["pods"], selector(name))
    described = describe(live, pods)
    print(json.dumps(described, indent=2) if as_json else as_text(described))
    return exits.OK if described["ready"] else exits.FAILED


def describe(live: Object, pods: Sequence[Object]) -> dict[str, Any]:
    """What `status` shows, for machines."""
    found = live.get("status", {})
    conditions = {condition["type"]: condition for condition in found.get("conditions", [])}
    ready = conditions.pop("Ready", None)
    seen = found.get("observedGeneration") == live["metadata"]["generation"]
    return {
        "name": live["metadata"]["name"],
        "namespace": live["metadata"]["namespace"],
        "ready": seen and ready is not None and ready["status"] == "True",
        "message": _why(ready, seen=seen),
        "stores": live["spec"].get("stores"),
        "served": found.get("stores", 0),
        "components": [
            {
                "name": kind.removesuffix("Ready"),
                "ready": condition["status"] == "True",
                "reason": condition["reason"],
                "message": condition.get("message", ""),
                "since": condition["lastTransitionTime"],
            }
            for kind, condition in conditions.items()
        ],
        "pods": [_pod(pod) for pod in pods if pod["status"].get("phase") != "Succeeded"],
    }


def _why(ready: Mapping[str, Any] | None, *, seen: bool) -> str:
    if ready is None or not seen:
        return "the operator has not seen the last change yet"
    return str(ready.get("message") or ready["reason"])


def _pod(pod: Object) -> dict[str, Any]:
    containers = pod["status"].get("containerStatuses", [])
    return {
        "name": pod["metadata"]["name"],
        "component": pod["metadata"]["labels"].get(COMPONENT_LABEL, ""),
        "phase": pod["status"].get("phase", ""),
        "ready": bool(containers) and all(container["ready"] for container in containers),
        "restarts": sum(container["restartCount"] for container in containers),
        "node": pod["spec"].get("nodeName", ""),
    }


def as_text(described: Mapping[str, Any]) -> str:
    """The same for people."""
    state = "ready" if described["ready"] else "not ready"
    head = f"{described['namespace']}/{described['name']} is {state}: {described['message']}"
    counts = f"stores: {described['stores']} wanted, {described['served']} served"
    components = [
        (row["name"], "ready" if row["ready"] else row["reason"], row["since"], row["message"])
        for row in described["components"]
    ]
    pods = [
        (
            row["name"],
            row["phase"] + ("" if row["ready"] else ", not ready"),
            str(row["restarts"]),
            row["node"],
        )
        for row in described["pods"]
    ]
    return "\n".join(
        (
            *(head, counts, ""),
            *table(("COMPONENT", "STATE", "SINCE", "MESSAGE"), components),
            *("", *table(("POD", "STATE", "RESTARTS", "NODE"), pods)),
        )
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines with aligned columns."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
