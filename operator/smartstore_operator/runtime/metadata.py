"""Lists and watches of objects' metadata, as the API server writes them, and of that only what an informer needs.

The rest is passed over while it is read. It is most: which fields who has written is kilobytes of each object.
"""

from typing import Literal

from msgspec import Struct, field


class Metadata(Struct, frozen=True):
    """`ObjectMeta` or `ListMeta`; each has only some of the fields."""

    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    version: str = field(name="resourceVersion", default="")
    token: str = field(name="continue", default="")
    """Of a page: what to ask the next one with; empty in the last one."""


class Item(Struct, frozen=True):
    """One object; after an error it is what went wrong."""

    metadata: Metadata = Metadata()
    message: str = ""


class Page(Struct, frozen=True):
    """A part of a list."""

    metadata: Metadata
    items: list[Item] | None
    """null where there is none."""


class Change(Struct, frozen=True):
    """A line of a watch."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
    object: Item
