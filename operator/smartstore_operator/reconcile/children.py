"""What the operator writes on every object that it makes: whose it is, and what it was rendered to. Pure."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from smartstore_operator.api.marks import RENDERING
from smartstore_operator.api.smartstore import API_VERSION, KIND
from smartstore_operator.reconcile.cluster import Object


def owned(manifest: Mapping[str, Any], live: Object) -> Object:
    """As a child of the SmartStore, with the mark of its rendering."""
    return marked(belonging(manifest, live))


def belonging(manifest: Mapping[str, Any], live: Object) -> Object:
    """The garbage collector deletes it with its owner."""
    owner = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": live["metadata"]["name"],
        "uid": live["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [owner]}}


def marked(manifest: Mapping[str, Any]) -> Object:
    """With a digest of the rendering, and of whose it is.

    A field that is rendered no more is seen by it, and goes with the next apply; and what differs although the digest
    is the same was changed by somebody else.
    """
    meta = manifest["metadata"]
    owners = [owner["name"] for owner in meta.get("ownerReferences", [])]
    content = {**manifest, "metadata": {**meta, "ownerReferences": owners}}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    annotations = {**meta.get("annotations", {}), RENDERING: digest}
    return {**manifest, "metadata": {**meta, "annotations": annotations}}


def unmarked(manifest: Mapping[str, Any]) -> Object:
    """As it was rendered, before `owned` or `marked`."""
    meta = {name: value for name, value in manifest["metadata"].items() if name != "ownerReferences"}
    annotations = {name: value for name, value in meta.pop("annotations", {}).items() if name != RENDERING}
    return {**manifest, "metadata": {**meta, **({"annotations": annotations} if annotations else {})}}


def version_of(item: Mapping[str, Any]) -> str:
    """Its resource version."""
    return str(item["metadata"]["resourceVersion"])


def rendering_of(item: Mapping[str, Any]) -> str | None:
    """The digest that it bears."""
    annotations = item.get("metadata", {}).get("annotations") or {}
    return annotations.get(RENDERING)


def owners_of(item: Mapping[str, Any] | None) -> list[str]:
    """The uids of those that it belongs to."""
    references = (item or {}).get("metadata", {}).get("ownerReferences") or []
    return [reference["uid"] for reference in references]
