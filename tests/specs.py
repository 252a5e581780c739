"""Specs that tests start from."""

from collections.abc import Mapping
from typing import Any

from smartstore_operator.render.kubernetes import Images

IMAGES = Images(
    services="example/services:1",
    kafka="example/kafka:1",
    spark="example/spark:1",
    connect="example/connect:1",
)
PLAIN: Mapping[str, Any] = {"kafka": {"type": "SingleNode"}, "streaming": {"backend": "Local"}}
"""What needs no other operator."""


def plain(**spec: Any) -> dict[str, Any]:
    """A spec on top of `PLAIN`, block by block."""
    return {**spec, **{name: {**block, **spec.get(name, {})} for name, block in PLAIN.items()}}
