"""Whether an object in the API server still is what was asked for. Pure.

Manifests are rendered in the form in which the API server writes them, so no memory of what was applied is needed:
after a restart of the operator an unchanged object is recognised without a write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Item:
    """A step into a list: to the item of this name, or with this number if the items have no names."""

    place: str
    value: Any
    """The item as it is wanted."""


Path = tuple[str | Item, ...]
"""From an object to one of its fields: keys, and items of lists."""


def differences(wanted: Any, found: Any) -> list[str]:
    """Paths of the fields of `wanted` that `found` does not have so, without values, which may be secrets."""
    return [as_text(path) for path in differing(wanted, found)]


def differing(wanted: Any, found: Any) -> list[Path]:
    """The fields of `wanted` that `found` does not have so.

    What `found` has beside them belongs to others: defaults of the API server, and fields of other managers. Items
    of a list are recognised by their `name`, else by their place.
    """
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            return [()]
        return [(key, *rest) for key, value in wanted.items() for rest in differing(value, found.get(key))]
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        if not isinstance(found, Sequence) or isinstance(found, str):
            return [()]
        return _of_lists(wanted, found)
    return [] if wanted == found else [()]


def as_text(path: Path) -> str:
    """`spec.template.spec.containers[kafka].image`."""
    text = "".join(f"[{step.place}]" if isinstance(step, Item) else f".{step}" for step in path)
    return text.removeprefix(".")


def _of_lists(wanted: Sequence[Any], found: Sequence[Any]) -> list[Path]:
    named = all(isinstance(item, Mapping) and "name" in item for item in wanted)
    if not named:
        if len(wanted) != len(found):
            return [()]
        pairs = enumerate(zip(wanted, found, strict=True))
        return [(Item(str(n), a), *rest) for n, (a, b) in pairs for rest in differing(a, b)]
    by_name = {item.get("name"): item for item in found if isinstance(item, Mapping)}
    return [
        (Item(str(item["name"]), item), *rest)
        for item in wanted
        for rest in differing(item, by_name.get(item["name"]))
    ]
