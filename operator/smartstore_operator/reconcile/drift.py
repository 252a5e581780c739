"""Whether an object in the API server still is what was asked for. Pure.

Manifests are rendered in the form in which the API server writes them, so no memory of what was applied is needed:
after a restart of the operator an unchanged object is recognised without a write.
"""

from collections.abc import Mapping, Sequence
from typing import Any


def differences(wanted: Any, found: Any, path: str = "") -> list[str]:
    """Paths of the fields of `wanted` that `found` does not have so, without values, which may be secrets.

    What `found` has beside them belongs to others: defaults of the API server, and fields of other managers. Items
    of a list are recognised by their `name`, else by their place.
    """
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            return [path]
        return [
            line
            for key, value in wanted.items()
            for line in differences(value, found.get(key), _join(path, key))
        ]
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        if not isinstance(found, Sequence) or isinstance(found, str):
            return [path]
        return _of_lists(wanted, found, path)
    return [] if wanted == found else [path]


def _of_lists(wanted: Sequence[Any], found: Sequence[Any], path: str) -> list[str]:
    named = all(isinstance(item, Mapping) and "name" in item for item in wanted)
    if not named:
        if len(wanted) != len(found):
            return [path]
        pairs = zip(wanted, found, strict=True)
        return [line for n, (a, b) in enumerate(pairs) for line in differences(a, b, f"{path}[{n}]")]
    by_name = {item.get("name"): item for item in found if isinstance(item, Mapping)}
    return [
        line
        for item in wanted
        for line in differences(item, by_name.get(item["name"]), f"{path}[{item['name']}]")
    ]


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
