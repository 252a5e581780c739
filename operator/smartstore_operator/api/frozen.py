"""Fields that cannot change once a SmartStore exists, as rules that the API server checks.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#transition-rules
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from smartstore_operator.api.scalars import format_duration
from smartstore_operator.api.services import Bucket
from smartstore_operator.api.source import TICK_GRID, TICK_WHEN_UNBOUNDED

FROZEN: Mapping[str, str] = {
    "source.type": "a run has one source from its first event on; make another SmartStore",
    "source.tick": "all times are cut into ticks from the first event on, and without it source.speed decides; keep "
    "it, or make another SmartStore",
    "kafka.type": "what is in the topics would stay behind; make another SmartStore",
    "kafka.partitions": "each store has its place in one partition; keep the number, or make another SmartStore",
    "redis.type": "what is in the buffer would stay behind; make another SmartStore",
    "postgres.type": "what is in the tables would stay behind; make another SmartStore",
    "kafka.storage": "a volume keeps its size; enlarge the PersistentVolumeClaim state-NAME-kafka-0 itself",
    "postgres.storage": "a volume keeps its size; enlarge the PersistentVolumeClaim state-NAME-postgres-0 itself",
    "lake.type": "the tables would stay behind; make another SmartStore",
    "lake.bucket.name": "the tables would stay behind; make another SmartStore",
    "lake.bucket.prefix": "the tables would stay behind; make another SmartStore",
    "lake.size": "a volume keeps its size; enlarge the PersistentVolumeClaim state-NAME-lake-0 itself",
    "streaming.hot.shards": "each shard has a checkpoint of its own; keep the number, or make another SmartStore",
    "streaming.hot.shufflePartitions": "the checkpoint is cut so; keep the number, or make another SmartStore",
}
"""Why, and what to do instead, by the path in the spec."""

FROZEN_OF_A_WORLD = (
    *("source.seed", "source.startHour", "source.execution"),
    *("source.simulation", "source.replay", "source.faults", "planning"),
)
"""Fields, and blocks with all that is in them, that source type Simulation or Replay makes its world from: it makes the
same one again after a restart, and its books are checked by them."""

_WHY_OF_A_WORLD = (
    "with source type Simulation or Replay all that happens follows from it; keep the value, or make another "
    "SmartStore"
)
_ONLY_WHILE: Mapping[str, tuple[str, Any]] = {
    "kafka.storage": ("kafka.type", "SingleNode"),
    "postgres.storage": ("postgres.type", "Managed"),
    "lake.size": ("lake.enabled", True),
}
"""Fields that are fixed while another one has a value: other operators enlarge volumes, no lake has none."""
_DEFAULTS: Mapping[str, Any] = {
    "source.execution": "Assumed",
    "lake.bucket.name": "",
    "lake.bucket.prefix": Bucket.model_fields["prefix"].default,
}
"""Defaults that the spec as a whole does not show."""


def rules(defaults: Mapping[str, Any], production: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rules of the spec. `defaults` as the models have them, `production` what that profile changes."""
    documents = defaults, production
    found = [_rule(path, _same(path, *documents), why) for path, why in FROZEN.items()]
    is_external = "has(self.source) && has(self.source.type) && self.source.type == 'External'"
    of_a_world = [path for path in _leaves(defaults) if path.startswith(FROZEN_OF_A_WORLD)]
    return found + [
        _rule(path, f"({is_external}) || {_same(path, *documents)}", _WHY_OF_A_WORLD) for path in of_a_world
    ]


def _rule(path: str, rule: str, why: str) -> dict[str, str]:
    return {"rule": rule, "message": f"{path} cannot change: {why}", "fieldPath": f".{path}"}


def _leaves(document: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, value in document.items():
        place = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            yield from _leaves(value, place)
        else:
            yield place


def _same(path: str, defaults: Mapping[str, Any], production: Mapping[str, Any]) -> str:
    """Whether a field has the value that it had."""
    if path == "source.tick":
        return " == ".join(f"({_tick(scope, defaults, production)})" for scope in ("self", "oldSelf"))
    same = " == ".join(f"({_value(scope, path, defaults, production)})" for scope in ("self", "oldSelf"))
    if path in _ONLY_WHILE:
        other, value = _ONLY_WHILE[path]
        return f"({_value('oldSelf', other, defaults, production)}) != {_literal(value)} || {same}"
    return same


def _tick(scope: str, defaults: Mapping[str, Any], production: Mapping[str, Any]) -> str:
    """What `Source.effective_tick` gives."""
    is_external = f"({_value(scope, 'source.type', defaults, production)}) == 'External'"
    speed = f"{is_external} ? 1.0 : ({_value(scope, 'source.speed', defaults, production)})"
    *shorter, longest = TICK_GRID
    choice = f"s == 0.0 ? {_duration(TICK_WHEN_UNBOUNDED)} : "
    for tick in shorter:
        choice += f"s <= {2 * tick.total_seconds()} ? {_duration(tick)} : "
    default = f"[{speed}].map(s, {choice}{_duration(longest)})[0]"
    return f"has({scope}.source) && has({scope}.source.tick) ? duration({scope}.source.tick) : {default}"


def _duration(value: timedelta) -> str:
    return f"duration('{format_duration(value)}')"


def _value(scope: str, path: str, defaults: Mapping[str, Any], production: Mapping[str, Any]) -> str:
    """The field's value, or what it is by default: the rules see only what the user wrote."""
    parts = path.split(".")
    is_given = " && ".join(f"has({scope}.{'.'.join(parts[: end + 1])})" for end in range(len(parts)))
    default = _literal(_DEFAULTS.get(path, _at(defaults, parts)))
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
    """As CEL writes it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else str(value)
