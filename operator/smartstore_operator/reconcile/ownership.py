"""Whose the fields are that differ: changed by somebody, or applied by somebody else who means to keep them. Pure.

The API server notes in `metadata.managedFields` who set which field, and how. Whoever writes by `Apply` says what a
field has to be, and will say so again: an owner, such as Flux or `kubectl apply --server-side`. `Update` is everything
else, `kubectl edit`, `patch` and `scale` and the writes of controllers: a change, which says nothing of the future.
https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from smartstore_operator.reconcile.cluster import MANAGER
from smartstore_operator.reconcile.drift import Item, Path


def appliers(path: Path, found: Mapping[str, Any]) -> list[str]:
    """The managers beside us that have applied this field of the object."""
    return [entry["manager"] for entry in _foreign(found) if _has(entry.get("fieldsV1") or {}, path)]


def _foreign(found: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    entries = found.get("metadata", {}).get("managedFields") or []
    return (entry for entry in entries if entry["operation"] == "Apply" and entry["manager"] != MANAGER)


def _has(fields: Mapping[str, Any], path: Path) -> bool:
    """Whether a set of fields has the one at `path`, or has something above it as a whole."""
    for step in path:
        if not fields:
            return True
        key = _key(fields, step)
        if key is None:
            return False
        fields = fields[key]
    return True


def _key(fields: Mapping[str, Any], step: str | Item) -> str | None:
    """What leads one step down: `f:` and a key, or `k:` and what tells the item of a list."""
    if isinstance(step, str):
        return f"f:{step}" if f"f:{step}" in fields else None
    if not isinstance(step.value, Mapping):
        return None
    for key in fields:
        if key.startswith("k:") and json.loads(key[2:]).items() <= step.value.items():
            return key
    return None
