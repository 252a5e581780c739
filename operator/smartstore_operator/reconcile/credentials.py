"""The passwords of a SmartStore, made once and kept in two Secrets.

Volumes can only be opened with the passwords they were made with, so one Secret that somebody deletes is made again
from the other.
"""

import base64
import secrets
import string
from collections.abc import Iterable, Mapping
from typing import Any

from smartstore_operator.render.kubernetes.metadata import child_name, metadata

COPIES = ("credentials", "credentials-copy")
CLUSTER_ID = "cluster-id"
_LETTERS = string.ascii_letters + string.digits
_LENGTH = 32


def read(secrets: Iterable[Mapping[str, Any] | None]) -> dict[str, str]:
    """The values of the copies that there are, an earlier copy's before a later one's."""
    data: dict[str, str] = {}
    for secret in secrets:
        data = {**((secret or {}).get("data") or {}), **data}
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


def value_of(secret: Mapping[str, Any] | None, key: str) -> str | None:
    """One text in a Secret of somebody else, who may keep anything beside it; None if it is not there."""
    data = (secret or {}).get("data") or {}
    try:
        return base64.b64decode(data[key]).decode() or None
    except (KeyError, UnicodeDecodeError):
        return None


def completed(known: Mapping[str, str], wanted: Iterable[str]) -> dict[str, str]:
    """The known values, and new ones for what is wanted beside them: one never changes by itself."""
    made = {name: _password() for name in wanted if name not in known}
    cluster_id = {} if CLUSTER_ID in known else {CLUSTER_ID: _cluster_id()}
    return {**known, **made, **cluster_id}


def manifest(estate: str, namespace: str, copy: str, values: Mapping[str, str]) -> dict[str, Any]:
    """One of the copies."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(estate, namespace, copy),
        "type": "Opaque",
        "data": {name: base64.b64encode(value.encode()).decode() for name, value in sorted(values.items())},
    }


def secret_names(estate: str) -> tuple[str, ...]:
    """The Secrets' names."""
    return tuple(child_name(estate, copy) for copy in COPIES)


def _password() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def _cluster_id() -> str:
    """16 random bytes, URL-safe base64 without padding; no leading dash, which a command line takes for an option."""
    while True:
        text = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        if not text.startswith("-"):
            return text
