"""The base of every block of the spec, and fields that take default and limits from the data plane's settings."""

from datetime import timedelta
from typing import Any

import msgspec
from msgspec import Struct
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from smartstore_operator.api.scalars import format_duration


class Block(BaseModel):
    """A block of the spec: camelCase in YAML, immutable, no unknown field, no silent conversion of types."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=False,
    )


def setting(struct: type[Struct], name: str, description: str) -> Any:
    """A pydantic field with the default and the limits that the data plane's settings declare for `name`.

    Raises `LookupError` when the struct has no such field.
    """
    for field in msgspec.inspect.type_info(struct).fields:  # type: ignore[attr-defined]
        if field.name == name:
            bounds = {bound: getattr(field.type, bound, None) for bound in ("ge", "gt", "le", "lt")}
            return Field(default=field.default, description=description, **bounds)
    raise LookupError(f"{struct.__name__} has no field {name}")


def between(low: timedelta, high: timedelta) -> AfterValidator:
    """A validator for durations from `low` to `high`, both included."""

    def check(value: timedelta) -> timedelta:
        if not low <= value <= high:
            raise ValueError(
                f"{format_duration(value)} is out of range; {format_duration(low)} to {format_duration(high)} is allowed"
            )
        return value

    return AfterValidator(check)
