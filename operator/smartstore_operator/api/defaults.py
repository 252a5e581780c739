"""Defaults that the profile chooses: those of `Development` stand in the models, `Production` changes some."""

from collections.abc import Mapping
from typing import Any

PROFILE_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "Development": {},
    "Production": {
        "kafka": {"partitions": 12, "heap": "2Gi", "replicas": 3, "secured": True},
        "redis": {"memory": "2Gi"},
        "postgres": {"memory": "512Mi", "instances": 3, "backups": {"enabled": True}},
        "connect": {"heap": "1Gi"},
        "streaming": {
            "hot": {"driverMemory": "4Gi", "shufflePartitions": 12},
            "lake": {"driverMemory": "4Gi"},
        },
    },
}


def with_profile_defaults(spec: Any) -> Any:
    """The spec with what its profile sets and the user did not; anything malformed is left for validation to name."""
    if not isinstance(spec, dict):
        return spec
    profile = spec.get("profile", "Development")
    defaults = PROFILE_DEFAULTS.get(profile) if isinstance(profile, str) else None
    return _overlay(defaults or {}, spec)


def _overlay(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(given)
    for name, default in defaults.items():
        if name not in result:
            result[name] = default
        elif isinstance(default, Mapping) and isinstance(result[name], dict):
            result[name] = _overlay(default, result[name])
    return result
