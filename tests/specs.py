"""Specs that tests start from."""

from collections.abc import Mapping
from typing import Any

from smartstore_operator.reconcile import kinds
from smartstore_operator.render.kubernetes import Images
from smartstore_operator.render.kubernetes.monitoring import OPTIONAL

IMAGES = Images(
    services="example/services:1",
    kafka="example/kafka:1",
    spark="example/spark:1",
    connect="example/connect:1",
)
_OF_OTHERS = {*OPTIONAL, *(kind for others in kinds.OF_OPERATORS.values() for kind in others)}
CHILDREN = tuple(kind for kind in kinds.CHILDREN if kind not in _OF_OTHERS)
"""Kinds of children that every API server has."""
PLAIN: Mapping[str, Any] = {"kafka": {"type": "SingleNode"}, "streaming": {"backend": "Local"}}
"""What needs no other operator."""


def plain(**spec: Any) -> dict[str, Any]:
    """A spec on top of `PLAIN`, block by block."""
    return {**spec, **{name: {**block, **spec.get(name, {})} for name, block in PLAIN.items()}}
