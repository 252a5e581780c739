"""`spec.overrides`: what a user changes in rendered objects."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from smartstore_operator.api.estate import Override
from smartstore_operator.api.problems import Problem, SpecError

_FIXED = ("apiVersion", "kind")
_FIXED_METADATA = ("name", "namespace", "labels", "ownerReferences")
"""By these the operator finds its objects again."""
_BLOCKS = ("metadata", "metadata.annotations", "spec", "spec.template")
"""What the operator reads of its objects itself; where it is, it stays a block of fields."""


def overridden(
    objects: Sequence[Mapping[str, Any]], overrides: Sequence[Override]
) -> list[Mapping[str, Any]]:
    """The objects with the patches merged in, in the order in which they stand.

    Raises:
        SpecError: a patch is for an object that there is not, or changes what must not change.
    """
    found = {(item["kind"], item["metadata"]["name"]): item for item in objects}
    problems = []
    for number, override in enumerate(overrides):
        key, place = (override.kind, override.name), f"spec.overrides[{number}]"
        if key not in found:
            problems.append(Problem(path=place, message=_unknown(override, found)))
            continue
        patched = merged(found[key], override.patch)
        complaint = _complaint(override.patch, patched)
        if complaint:
            problems.append(Problem(path=f"{place}.patch", message=complaint))
        else:
            found[key] = patched
    if problems:
        raise SpecError(problems)
    return list(found.values())


def merged(target: Any, patch: Any) -> Any:
    """A JSON merge patch: https://www.rfc-editor.org/rfc/rfc7386#section-2"""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _unknown(override: Override, known: Iterable[tuple[str, str]]) -> str:
    names = [name for kind, name in known if kind == override.kind]
    close = difflib.get_close_matches(override.name, names, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    return f"there is no {override.kind} {override.name}; {meant}`smartstore-operator plan` shows the objects"


def _complaint(patch: Mapping[str, Any], patched: Mapping[str, Any]) -> str:
    """What a patch must not do, with what to do instead; empty if it may."""
    metadata = patch.get("metadata")
    fixed = [name for name in _FIXED if name in patch]
    if isinstance(metadata, Mapping):
        fixed += [f"metadata.{name}" for name in _FIXED_METADATA if name in metadata]
    if fixed:
        return f"{', '.join(fixed)} cannot be changed: by them the operator finds the object; leave them out"
    broken = next((path for path in _BLOCKS if not _is_block(patched, patch, path)), None)
    return f"{broken} must stay a block of fields; name the fields in it that change" if broken else ""


def _is_block(patched: Any, patch: Any, path: str) -> bool:
    """Whether what a patch says about a path leaves a block there."""
    for name in path.split("."):
        if not isinstance(patch, Mapping) or name not in patch:
            return True
        patched, patch = patched.get(name), patch[name]
    return isinstance(patched, Mapping)
