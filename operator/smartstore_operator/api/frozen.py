"""Fields that cannot change once a SmartStore exists, as rules that the API server checks.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#transition-rules
"""

from collections.abc import Mapping
from typing import Any

FROZEN: Mapping[str, str] = {
    "source.type": "a run has one source from its first event on; make another SmartStore",
    "kafka.type": "what is in the topics would stay behind; make another SmartStore",
    "kafka.partitions": "each store has its place in one partition; keep the number, or make another SmartStore",
    "redis.type": "what is in the buffer would stay behind; make another SmartStore",
    "postgres.type": "what is in the tables would stay behind; make another SmartStore",
    "lake.size": "a volume keeps its size; enlarge the PersistentVolumeClaim state-NAME-lake-0 itself",
    "streaming.hot.shards": "each shard has a checkpoint of its own; keep the number, or make another SmartStore",
    "streaming.hot.shufflePartitions": "the checkpoint is cut so; keep the number, or make another SmartStore",
}
"""Why, and what to do instead, by the path in the spec."""

_ONLY_WHILE: Mapping[str, str] = {"lake.size": "lake.enabled"}
"""Fields that are fixed while another one is true: without a lake there is no volume."""


def rules(defaults: Mapping[str, Any], production: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rules of the spec. `defaults` as the models have them, `production` what that profile changes."""
    found = []
    for path, why in FROZEN.items():
        values = [_value(scope, path, defaults, production) for scope in ("self", "oldSelf")]
        rule = " == ".join(f"({value})" for value in values)
        if path in _ONLY_WHILE:
            rule = f"!({_value('oldSelf', _ONLY_WHILE[path], defaults, production)}) || {rule}"
        found.append({"rule": rule, "message": f"{path} cannot change: {why}", "fieldPath": f".{path}"})
    return found


def _value(scope: str, path: str, defaults: Mapping[str, Any], production: Mapping[str, Any]) -> str:
    """The field's value, or what it is by default: the rules see only what the user wrote."""
    parts = path.split(".")
    is_given = " && ".join(f"has({scope}.{'.'.join(parts[: end + 1])})" for end in range(len(parts)))
    default = _literal(_at(defaults, parts))
    special = _at(production, parts)
    if special is not None:
        is_production = f"has({scope}.profile) && {scope}.profile == 'Production'"
        default = f"({is_production} ? {_literal(special)} : {default})"
    return f"{is_given} ? {scope}.{path} : {default}"


def _at(document: Mapping[str, Any], parts: list[str]) -> Any:
    found: Any = document
    for part in parts:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else str(value)
