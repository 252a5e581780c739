"""The one walk over a record type: its fields as columns, independent of any system."""

from typing import Any, Literal

import msgspec
from msgspec import Struct, inspect

from smartstore.contracts.derive.descriptions import describe

Scalar = Literal["text", "integer", "double", "boolean", "date", "timestamp"]

_LIMITS = ("min_length", "max_length", "pattern", "gt", "ge", "lt", "le", "multiple_of")


class ListOf(Struct, frozen=True, kw_only=True, tag="list"):
    """Values of one shape, in order."""

    item: "Column"


class StructOf(Struct, frozen=True, kw_only=True, tag="struct"):
    """A nested record."""

    columns: "tuple[Column, ...]"


class Column(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field of a record.

    `nullable` says whether the value may be null, `required` whether a record may leave the field out; `default` is
    what it then means. `choices` are the allowed words of an enumeration, `limits` the bounds (`ge`, `max_length`, …).
    """

    name: str
    type: Scalar | ListOf | StructOf
    nullable: bool = False
    required: bool = True
    default: Any = None
    choices: tuple[str, ...] = ()
    limits: dict[str, Any] = {}
    description: str = ""


def columns_of(record: type[Struct]) -> tuple[Column, ...]:
    """The record's fields in their order on the wire.

    Raises:
        TypeError: a field has a type that no contract may use; names record and field.
    """
    information = inspect.type_info(record)
    assert isinstance(information, inspect.StructType)
    return _columns(information)


def _columns(record: inspect.StructType) -> tuple[Column, ...]:
    descriptions = describe(record.cls)
    return tuple(
        _column(
            field.encode_name,
            field.type,
            f"{record.cls.__name__}.{field.name}",
            required=field.required,
            default=_default(field),
            description=descriptions.get(field.name, ""),
        )
        for field in record.fields
    )


def _default(field: inspect.Field) -> Any:
    if field.default is msgspec.NODEFAULT:
        return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else None
    return msgspec.to_builtins(field.default)


def _column(name: str, kind: inspect.Type, where: str, **facts: Any) -> Column:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        others = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
        if len(others) != 1 or len(others) == len(kind.types):
            raise TypeError(f"{where}: a field may be one type, or that type or None")
        return _column(name, others[0], where, nullable=True, **facts)
    if isinstance(kind, inspect.LiteralType):
        if not all(isinstance(value, str) for value in kind.values):
            raise TypeError(f"{where}: an enumeration may hold words only")
        return Column(name=name, type="text", choices=tuple(map(str, kind.values)), **facts)
    return Column(name=name, type=_type(kind, where), limits=_limits(kind), **facts)


def _type(kind: inspect.Type, where: str) -> Scalar | ListOf | StructOf:
    match kind:
        case inspect.StrType():
            return "text"
        case inspect.IntType():
            return "integer"
        case inspect.FloatType():
            return "double"
        case inspect.BoolType():
            return "boolean"
        case inspect.DateType():
            return "date"
        case inspect.DateTimeType():
            return "timestamp"
        case inspect.ListType():
            return ListOf(item=_column("item", kind.item_type, f"{where}[]"))
        case inspect.StructType():
            return StructOf(columns=_columns(kind))
    raise TypeError(f"{where}: contracts use str, int, float, bool, date, datetime, lists and structs only")


def _limits(kind: inspect.Type) -> dict[str, Any]:
    found = {name: getattr(kind, name, None) for name in _LIMITS}
    return {name: value for name, value in found.items() if value is not None}
