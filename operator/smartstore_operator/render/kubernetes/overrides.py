"""`spec.overrides`: what a user changes in rendered objects."""

from collections.abc import Mapping, Sequence
from typing import Any

from smartstore_operator.api.estate import Override
from smartstore_operator.api.problems import Problem, SpecError

_FIXED = ("apiVersion", "kind")
_FIXED_METADATA = ("name", "namespace", "labels", "ownerReferences")
"""By these the operator finds its objects again."""


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
        key = override.kind, override.name
        complaint = _complaint(override, known=key in found)
        if complaint:
            problems.append(Problem(path=f"spec.overrides[{number}]", message=complaint))
        else:
            found[key] = merged(found[key], override.patch)
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


def _complaint(override: Override, *, known: bool) -> str:
    if not known:
        return f"there is no {override.kind} {override.name}: `smartstore-operator plan` shows the objects"
    metadata = override.patch.get("metadata") or {}
    fixed = [name for name in _FIXED if name in override.patch]
    fixed += [f"metadata.{name}" for name in _FIXED_METADATA if name in metadata]
    return f"{', '.join(fixed)} cannot be changed" if fixed else ""
