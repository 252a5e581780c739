"""Delta table columns: Spark's types, with what the contract says of each column as its comment."""

from msgspec import Struct

from smartstore.contracts.derive.columns import columns_of
from smartstore.contracts.derive.spark import spark_type


def delta_columns(record: type[Struct]) -> str:
    """The column list of `CREATE TABLE … USING delta`; nullable, so that a later column can be added."""
    return ",\n".join(_definition(c.name, spark_type(c), c.description) for c in columns_of(record))


def _definition(name: str, type_name: str, description: str) -> str:
    escaped = description.replace("\\", "\\\\").replace("'", "\\'")
    return f"{name} {type_name}" + (f" COMMENT '{escaped}'" if description else "")
