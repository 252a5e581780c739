"""The passwords of a SmartStore, made once and kept in a Secret of its own."""

import base64
import secrets
import string
from collections.abc import Iterable, Mapping
from typing import Any

from smartstore_operator.render.kubernetes.metadata import child_name, metadata

COMPONENT = "credentials"
CLUSTER_ID = "cluster-id"
_LETTERS = string.ascii_letters + string.digits
_LENGTH = 32


def read(secret: Mapping[str, Any] | None) -> dict[str, str]:
    """Its values; none if there is no Secret yet."""
    data = (secret or {}).get("data") or {}
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


def completed(known: Mapping[str, str], wanted: Iterable[str]) -> dict[str, str]:
    """The known values, and new ones for what is wanted beside them: one never changes by itself."""
    made = {name: _password() for name in wanted if name not in known}
    cluster_id = {} if CLUSTER_ID in known else {CLUSTER_ID: _cluster_id()}
    return {**known, **made, **cluster_id}


def manifest(estate: str, namespace: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The Secret."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(estate, namespace, COMPONENT),
        "type": "Opaque",
        "data": {name: base64.b64encode(value.encode()).decode() for name, value in sorted(values.items())},
    }


def secret_name(estate: str) -> str:
    """The Secret's name."""
    return child_name(estate, COMPONENT)


def _password() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def _cluster_id() -> str:
    """16 random bytes, URL-safe base64 without padding; no leading dash, which a command line takes for an option."""
    while True:
        text = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        if not text.startswith("-"):
            return text
