"""Pydantic's validation errors as problems that a user understands: path, what is wrong, what is allowed."""

import difflib
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from smartstore_operator.api.problems import FieldError, Problem
from smartstore_operator.api.scalars import FORMS

_WANTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a string",
    "model_type": "a block of fields",
    "model_attributes_type": "a block of fields",
    "dict_type": "a block of fields",
    "list_type": "a list",
    "tuple_type": "a list",
}

_LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}

_NAMES = {
    "str": "string",
    "int": "number",
    "float": "number",
    "bool": "boolean",
    "list": "list",
    "dict": "block",
}


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """One problem per validation error of `model`, in the order of the fields."""
    return [Problem(path=_place(detail), message=_message(detail, model)) for detail in error.errors()]


def _place(detail: ErrorDetails) -> str:
    error = detail.get("ctx", {}).get("error")
    return _path((*detail["loc"], error.field) if isinstance(error, FieldError) else detail["loc"])


def _path(location: Iterable[int | str]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, value, facts = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_field(detail["loc"], model)
    if kind == "missing":
        return "is missing; it has no default"
    if kind == "literal_error":
        return _not_a_choice(value, _choices(detail["loc"], model))
    if kind in _WANTED:
        return f"must be {_WANTED[kind]}, not {_shown(value)}"
    if kind in _LIMITS:
        return f"{value} is out of range; {_allowed(detail['loc'], model)} is allowed"
    if kind == "value_error":
        return str(facts["error"])
    if kind == "string_pattern_mismatch":
        return f"{value!r} is not allowed; write {FORMS[facts['pattern']]}"
    if kind == "string_too_long":
        return f"{value!r} is too long; at most {facts['max_length']} characters are allowed"
    if kind == "string_too_short":
        return f"{value!r} is too short; at least {facts['min_length']} characters are needed"
    return f"{detail['msg'].lower()}, got {_shown(value)}"


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    name = _NAMES.get(type(value).__name__, type(value).__name__)
    return f"a {name}" if isinstance(value, (dict, list)) else f"the {name} {value!r}"


def _unknown_field(location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    parent = _model_at(location[:-1], model)
    known = [field.alias or name for name, field in parent.model_fields.items()] if parent else []
    close = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.6)
    if close:
        return f"unknown field; did you mean {close[0]}?"
    return f"unknown field; allowed here: {', '.join(known) or 'nothing'}"


def _not_a_choice(value: object, choices: list[str]) -> str:
    close = difflib.get_close_matches(str(value), choices, n=1, cutoff=0.6)
    hint = f"; did you mean {close[0]}?" if close else ""
    one_of = choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"
    return f"must be {one_of}, not {_shown(value)}{hint}"


def _allowed(location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    """The limits of a field in words, such as `1 to 512`."""
    bounds = {name: bound for name, bound in _bounds(location, model) if bound is not None}
    if "ge" in bounds and "le" in bounds:
        return f"{bounds['ge']} to {bounds['le']}"
    return " and ".join(f"{words} {bounds[name]}" for name, words in _LIMITS.values() if name in bounds)


def _bounds(location: tuple[int | str, ...], model: type[BaseModel]) -> Iterable[tuple[str, Any]]:
    field = _field_at(location, model)
    metadata = list(field.metadata) if field else []
    for part in get_args(field.annotation) if field else ():  # X of `X | None`
        for extra in getattr(part, "__metadata__", ()):
            metadata += getattr(extra, "metadata", [extra])
    for limit in metadata:
        for name in ("ge", "gt", "le", "lt"):
            yield name, getattr(limit, name, None)


def _choices(location: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    field = _field_at(location, model)
    return [str(choice) for choice in _literals(field.annotation)] if field else []


def _literals(annotation: Any) -> Iterable[Any]:
    for argument in get_args(annotation):
        if get_args(argument):
            yield from _literals(argument)
        elif argument is not type(None):
            yield argument


def _field_at(location: tuple[int | str, ...], model: type[BaseModel]) -> Any:
    parent = _model_at(location[:-1], model)
    return _fields(parent).get(str(location[-1])) if parent and location else None


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_at(location: tuple[int | str, ...], model: type[BaseModel]) -> type[BaseModel] | None:
    """The block at a path of field names and list indices; None if there is none."""
    current: type[BaseModel] | None = model
    for step in location:
        if isinstance(step, int):
            continue  # the step before led to the type of the list's items
        field = _fields(current).get(step) if current else None
        current = _block_in(field.annotation) if field else None
    return current


def _block_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((block for block in map(_block_in, get_args(annotation)) if block), None)
