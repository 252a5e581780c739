"""From Kafka's bytes to the columns of a table, in Spark expressions: no Python process sees a record."""

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from smartstore.contracts.derive import columns as contract
from smartstore.contracts.derive.columns import ListOf, StructOf, columns_of
from smartstore.contracts.derive.spark import spark_ddl
from smartstore.contracts.topics import Topic
from smartstore.contracts.wire import TICK_KEY
from smartstore.lake.tables import KAFKA_COLUMNS, REASON_COLUMN, VERBATIM_COLUMNS, Table

PARSED = "parsed"
"""The column with the parsed value, a struct of the contract's fields."""
_CORRUPT = "_corrupt"


def is_tick() -> Column:
    """Whether a record only marks the time."""
    return f.coalesce(f.col("key") == f.lit(TICK_KEY), f.lit(False))


def beyond(covered: Mapping[int, int]) -> Column:
    """Whether a record's offset lies beyond what its partition has covered."""
    if not covered:
        return f.lit(True)
    pairs = ", ".join(f"{partition}, {offset}L" for partition, offset in sorted(covered.items()))
    return f.expr(f"offset > coalesce(try_element_at(map({pairs}), partition), -1L)")


def parsed(rows: DataFrame, topic: Topic) -> DataFrame:
    """Kafka's columns and the parsed value, for the functions below.

    The value is parsed once: Spark pushes no filter through `explode`; through a plain column it would, parsing twice.
    """
    schema = f"{spark_ddl(topic.value)}, {_CORRUPT} STRING"
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _CORRUPT}
    value = f.from_json(f.col("value").cast("string"), schema, options)
    return rows.select("*", f.explode(f.array(value)).alias(PARSED))


def reason(topic: Topic) -> Column:
    """Why a parsed record cannot become a row; null for one that can."""
    name = topic.value.__name__
    found = f.when(f.col("value").isNull(), "the record has no value").when(
        f.col(PARSED).isNull() | f.col(f"{PARSED}.{_CORRUPT}").isNotNull(),
        f"not JSON, or a field has another type than {name} says",
    )
    for column in columns_of(topic.value):
        if column.required and not column.nullable:
            missing = f.col(f"{PARSED}.{column.name}").isNull()
            found = found.when(missing, f"{name} needs `{column.name}`, which is missing or null")
    return found


def rows_of(frame: DataFrame, table: Table) -> DataFrame:
    """The table's columns of parsed records."""
    typed = [
        f.expr(_expression(column, f"{PARSED}.{column.name}")).alias(column.name, **_comment(column))
        for column in columns_of(table.topic.value)
    ]
    return frame.select(*typed, *_extra(table.extra_columns))


def quarantined(frame: DataFrame, topic: Topic) -> DataFrame:
    """The rows of the quarantine that bad records become."""
    return frame.select(
        *_extra(KAFKA_COLUMNS | VERBATIM_COLUMNS), reason(topic).alias(next(iter(REASON_COLUMN)))
    )


def _extra(columns: Mapping[str, Any]) -> list[Column]:
    made = {
        "kafka_topic": f.col("topic"),
        "kafka_partition": f.col("partition"),
        "kafka_offset": f.col("offset"),
        "kafka_timestamp": f.col("timestamp"),
        "ingest_date": f.to_date("timestamp"),
        "kafka_key": f.col("key"),
        "kafka_headers": f.col("headers"),
        "kafka_value": f.col("value"),
    }
    return [made[name].alias(name) for name in columns]


def _comment(column: contract.Column) -> dict[str, Any]:
    """A column that a table does not have yet is added with its description."""
    return {"metadata": {"comment": column.description}} if column.description else {}


def _expression(column: contract.Column, source: str) -> str:
    """The value of one column, with the contract's defaults for what a record left out, nested ones included."""
    match column.type:
        case ListOf(item=item) if _has_defaults(item):
            return f"transform({source}, {item.name} -> {_expression(item, item.name)})"
        case StructOf(columns=columns) if _has_defaults(column):
            fields = ", ".join(f"'{c.name}', {_expression(c, f'{source}.{c.name}')}" for c in columns)
            return f"if({source} is null, null, named_struct({fields}))"
    if isinstance(column.type, str) and column.default is not None and not column.nullable:
        return f"coalesce({source}, {_literal(column.default)})"
    return source


def _has_defaults(column: contract.Column) -> bool:
    match column.type:
        case ListOf(item=item):
            return _has_defaults(item)
        case StructOf(columns=columns):
            return any(_has_defaults(field) for field in columns)
    return column.default is not None and not column.nullable


def _literal(value: bool | int | float | str) -> str:
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value).lower()
