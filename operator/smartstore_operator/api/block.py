"""The base of every block of the spec, and fields that take default and limits from the data plane's settings."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from smartstore_operator.api.scalars import format_duration

RULES = "x-kubernetes-validations"
"""Key of a schema: what the API server checks beyond it."""
RANGE = "x-range"
"""Key of a schema of pydantic: what a duration may be, in words."""


class Block(BaseModel):
    """A block of the spec: camelCase in YAML, immutable, no unknown field, no silent conversion of types."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
    )


def setting(struct: type[Struct], name: str, description: str) -> Any:
    """A pydantic field with the default and the limits that the data plane's settings declare for `name`.

    Raises `LookupError` when the struct has no such field.
    """
    for field in msgspec.inspect.type_info(struct).fields:  # type: ignore[attr-defined]
        if field.name == name:
            bounds: Any = {bound: getattr(field.type, bound, None) for bound in ("ge", "gt", "le", "lt")}
            return Field(default=field.default, description=description, **bounds)
    raise LookupError(f"{struct.__name__} has no field {name}")


@dataclass(frozen=True)
class Between:
    """Limits of a duration, both included; for `Annotated[Duration, Between(...)]`. The CRD gets them as a rule."""

    low: timedelta
    high: timedelta

    def _check(self, value: timedelta) -> timedelta:
        if not self.low <= value <= self.high:
            raise ValueError(f"{format_duration(value)} is out of range; {self._allowed()} is allowed")
        return value

    def _allowed(self) -> str:
        return f"{format_duration(self.low)} to {format_duration(self.high)}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(schema)
        low, high = format_duration(self.low), format_duration(self.high)
        bounds = f"duration(self) >= duration('{low}') && duration(self) <= duration('{high}')"
        # What is no duration gets the message of its pattern and not this one too.
        rule = f"!self.matches(r'{found['pattern']}') || ({bounds})"
        rules = [{"rule": rule, "message": f"out of range; {self._allowed()} is allowed"}]
        return {**found, RANGE: self._allowed(), RULES: rules}


@dataclass(frozen=True)
class Distinct:
    """No value twice; for `Annotated[list[...], Distinct()]`. The CRD gets it as a rule."""

    def _check(self, values: list[Any]) -> list[Any]:
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice} stands there twice; leave one out")
        return values

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        rule = "self.all(one, self.exists_one(other, one == other))"
        rules = [{"rule": rule, "message": "something stands there twice; leave one out"}]
        return {**handler(schema), RULES: rules}
