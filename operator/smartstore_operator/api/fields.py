"""Every field of the spec in words: path, type, default, what it is, and whether it is fixed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from smartstore_operator.api.block import RANGE
from smartstore_operator.api.crd import in_words, resolved
from smartstore_operator.api.defaults import PROFILE_DEFAULTS
from smartstore_operator.api.frozen import FROZEN, FROZEN_OF_A_WORLD
from smartstore_operator.api.scalars import DATE_PATTERN, DURATION_PATTERN, FORMS, SIZE_PATTERN
from smartstore_operator.api.smartstore import Spec

SCALARS: Mapping[str, str] = {DURATION_PATTERN: "duration", SIZE_PATTERN: "size", DATE_PATTERN: "date"}
"""What a string of each pattern is called."""

_TYPES = {"boolean": "true or false", "integer": "whole number", "number": "number", "string": "text"}
_Schema = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of the spec."""

    path: str
    """From the spec on: `kafka.heap`, `maintenance.windows[].schedule`."""
    type: str
    default: str
    """Empty if there is none."""
    production: str
    """The default of that profile, empty where it is the same."""
    is_required: bool
    description: str
    fixed: str
    """Why it cannot change once the object exists, and what to do instead; empty if it can."""
    is_of_a_world: bool
    """Whether it cannot change with source type Simulation or Replay."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A block of the spec with its own fields."""

    path: str
    """Empty for the spec itself."""
    description: str
    fields: tuple[Field, ...]
    is_of_a_world: bool
    """Whether all its fields are."""


def sections() -> Iterator[Section]:
    """The spec and its blocks, each before those in it."""
    document = Spec.model_json_schema(by_alias=True)
    defaults = Spec().model_dump(by_alias=True, mode="json")
    return _sections("", document, document["$defs"], defaults, PROFILE_DEFAULTS["Production"])


def _sections(
    path: str,
    schema: _Schema,
    blocks: Mapping[str, Any],
    defaults: Mapping[str, Any],
    production: Mapping[str, Any],
) -> Iterator[Section]:
    """A block and those in it. `defaults` are its values, `production` what that profile changes of them."""
    block = resolved(dict(schema), blocks)
    fields: list[Field] = []
    inner: list[Section] = []
    for name, field in block["properties"].items():
        place = f"{path}.{name}" if path else name
        found = resolved(field, blocks)
        values = defaults.get(name, field.get("default")), production.get(name)
        if found.get("properties"):
            inner += _sections(place, field, blocks, values[0] or {}, values[1] or {})
            continue
        is_required = name in block.get("required", ())
        fields.append(_field(place, field, blocks, *values, is_required=is_required))
        if found["type"] == "array" and resolved(found["items"], blocks).get("properties"):
            inner += _sections(f"{place}[]", found["items"], blocks, {}, {})
    yield Section(
        path=path,
        description=_description(schema, block),
        fields=tuple(fields),
        is_of_a_world=path.startswith(FROZEN_OF_A_WORLD),
    )
    yield from inner


def _field(
    path: str,
    schema: _Schema,
    blocks: Mapping[str, Any],
    default: Any,
    production: Any,
    *,
    is_required: bool,
) -> Field:
    found = resolved(dict(schema), blocks)
    return Field(
        path=path,
        type=_type(found, blocks),
        default=in_words(default) if default not in (None, {}) else "",
        production=in_words(production) if production is not None else "",
        is_required=is_required,
        description=_description(schema, found),
        fixed=FROZEN.get(path, ""),
        is_of_a_world=path.startswith(FROZEN_OF_A_WORLD),
    )


def _description(schema: _Schema, block: _Schema) -> str:
    """What stands at the field, else at its block."""
    return str(schema.get("description") or block.get("description", ""))


def _type(schema: _Schema, blocks: Mapping[str, Any]) -> str:
    """The type with its limits, for people."""
    kind, pattern = schema["type"], schema.get("pattern", "")
    if kind == "array":
        items = resolved(schema["items"], blocks)
        what = "blocks" if items.get("properties") else _type(items, blocks)
        return f"list of {what}{_limits(schema, 'Items', ' of them')}"
    if kind == "object":
        return "block of any fields" if schema.get("additionalProperties") else "block without fields"
    if "enum" in schema:
        *others, last = (f"`{value}`" for value in schema["enum"])
        return f"{', '.join(others)} or {last}" if others else last
    if pattern in SCALARS:
        return SCALARS[pattern] + (f", {schema[RANGE]}" if RANGE in schema else "")
    if pattern:
        return FORMS[pattern]
    if kind == "string":
        return _TYPES[kind] + _limits(schema, "Length", " characters")
    return _TYPES[kind] + _limits(schema, "imum", "")


def _limits(schema: _Schema, of: str, unit: str) -> str:
    """The limits in words: `, 1 to 512`, `, at least 1`; `of` is what the schema calls them: minLength, maxItems."""
    low, high = schema.get(f"min{of}"), schema.get(f"max{of}")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f", {in_words(low)} to {in_words(high)}{unit}"
    bounds = (("at least", low), ("more than", above), ("at most", high), ("less than", below))
    found = [f"{words} {in_words(bound)}{unit}" for words, bound in bounds if bound is not None]
    return f", {' and '.join(found)}" if found else ""
