"""The one query of the hot application: source lines in, one result per store and micro-batch out."""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.streaming.readwriter import DataStreamReader
from pyspark.sql.streaming.state import GroupStateTimeout

from smartstore.contracts.topics import HOT_LINES, POS_TRANSACTIONS, SHELF_EVENTS, Topic
from smartstore.contracts.wire import HEADER_JOB, HEADER_POSITION, POSITION_HEADER, TICK_KEY
from smartstore.domain.engine import Parameters
from smartstore.streaming.group import StoreGroup

RESULT_SCHEMA = "result binary"
STATE_SCHEMA = "state binary"
BULK_LINES = (SHELF_EVENTS, POS_TRANSACTIONS)
"""The lines whose volume follows the shoppers."""


def results(
    spark: SparkSession, bootstrap: str, prefix: str, max_records: int, parameters: Parameters
) -> DataFrame:
    """A streaming frame with one column `result` (a `StoreResult` as bytes).

    `max_records` bounds the bulk lines' records of one micro-batch, so that catching up stays in steps. The other lines
    are read whole: they are small, and a bound in proportion would keep the opening counts behind the sales, with
    everything held in the state until then.
    """
    bulk = _source(spark, bootstrap, prefix, BULK_LINES).option("maxOffsetsPerTrigger", max_records).load()
    small = _source(
        spark, bootstrap, prefix, tuple(line for line in HOT_LINES if line not in BULK_LINES)
    ).load()
    rows = (
        bulk.unionByName(small)
        .where(~_is_own())
        .select(
            f.explode(_stores()).alias("store_id"),
            f.expr(f"substring(topic, {len(prefix) + 1})").alias("topic"),
            "offset",
            "value",
            _position().alias("position"),
            _is_tick().alias("is_tick"),
        )
    )
    return rows.groupBy("store_id").applyInPandasWithState(
        StoreGroup(parameters), RESULT_SCHEMA, STATE_SCHEMA, "append", GroupStateTimeout.NoTimeout
    )


def _source(spark: SparkSession, bootstrap: str, prefix: str, lines: tuple[Topic, ...]) -> DataStreamReader:
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap)
        .option("subscribe", ",".join(prefix + line.name for line in lines))
        .option("startingOffsets", "earliest")
        .option("includeHeaders", "true")
        .option("failOnDataLoss", "true")
        .option("kafka.fetch.max.wait.ms", 10)  # a longer poll on a quiet line holds up every batch
    )


def _is_own() -> Column:
    """Whether one of our jobs wrote the record: the store's state has it already, through its inbox."""
    return f.expr(f"coalesce(get(headers, 0).key = '{HEADER_JOB}', false)")


def _is_tick() -> Column:
    return f.coalesce(f.col("key") == f.lit(TICK_KEY), f.lit(False))


def _stores() -> Column:
    """The stores a record concerns: a tick names them, any other record has its store before the key's first `/`.

    `from_json` would be shorter, but keeps Spark from compiling the whole stage.
    """
    listed = f.get_json_object(f.col("value").cast("string"), "$.stores")
    named = f.split(f.translate(listed, '[]" ', ""), ",")
    own = f.array(f.substring_index(f.col("key").cast("string"), "/", 1))
    return f.when(_is_tick(), named).otherwise(own)


def _position() -> Column:
    """The record's place in its Redis stream as milliseconds × 2^20 + sequence; −1 without the header."""
    place = f"get(headers, {POSITION_HEADER})"
    header = f"if({place}.key = '{HEADER_POSITION}', cast({place}.value as string), null)"
    milliseconds, sequence = (f"cast(substring_index({header}, '-', {side}) as bigint)" for side in (1, -1))
    return f.expr(f"coalesce({milliseconds} * 1048576 + {sequence}, -1L)")
