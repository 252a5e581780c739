"""Files and variables of a component: a ConfigMap for what all may read, a Secret for the rest."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from smartstore_operator.render.component import Component
from smartstore_operator.render.dataplane import RUN_FILE
from smartstore_operator.render.kubernetes.estate import Estate
from smartstore_operator.render.kubernetes.metadata import child_name, metadata

_FOLLOWED_SETTING = "stores"
"""The part of the run's settings that processes follow while they run."""


def secret_variables(estate: Estate, component: Component) -> dict[str, str]:
    """Variables of a component whose values hold a secret."""
    return {name: value for name, value in component.environment.items() if estate.is_secret(value)}


def variables(estate: Estate, component: Component) -> list[dict[str, Any]]:
    """A component's variables as a container has them: those with secrets by reference."""
    secret = secret_variables(estate, component)
    name = child_name(estate.name, component.name)
    return [
        {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": variable}}}
        if variable in secret
        else {"name": variable, "value": value}
        for variable, value in sorted(component.environment.items())
    ]


def configuration(estate: Estate, component: Component) -> dict[str, Any] | None:
    """The ConfigMap with a component's files, if it has any."""
    if not component.files:
        return None
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(estate.name, estate.namespace, component.name),
        "data": dict(component.files),
    }


def secret_configuration(estate: Estate, component: Component) -> dict[str, Any] | None:
    """The Secret with a component's secret files and variables, if it has any."""
    content = {**component.secret_files, **secret_variables(estate, component)}
    if not content:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(estate.name, estate.namespace, component.name),
        "type": "Opaque",
        "data": {name: base64.b64encode(value.encode()).decode() for name, value in content.items()},
    }


def files_volume(estate: Estate, component: Component, volume: str) -> dict[str, Any] | None:
    """One volume with all files of a component, secret ones and others."""
    name = child_name(estate.name, component.name)
    sources: list[dict[str, Any]] = []
    if component.files:
        sources.append({"configMap": {"name": name, "items": _items(component.files)}})
    if component.secret_files:
        sources.append({"secret": {"name": name, "items": _items(component.secret_files)}})
    return {"name": volume, "projected": {"sources": sources, "defaultMode": 0o440}} if sources else None


def checksum(component: Component) -> str:
    """Changes when a component must start again to see its configuration; not with the number of stores."""
    files = {name: _fixed(name, text) for name, text in component.files.items()}
    content = [files, dict(component.secret_files), dict(component.environment)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _fixed(name: str, text: str) -> str:
    if name != RUN_FILE:
        return text
    settings = json.loads(text)
    settings.pop(_FOLLOWED_SETTING)
    return json.dumps(settings, sort_keys=True)


def _items(files: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "path": name} for name in sorted(files)]
