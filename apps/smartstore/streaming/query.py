"""The one query of the hot application: source lines in, one result per store and micro-batch out."""

from msgspec import Struct
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.streaming.readwriter import DataStreamReader
from pyspark.sql.streaming.state import GroupStateTimeout

from smartstore.contracts.applications import HOT
from smartstore.contracts.brokers import Brokers
from smartstore.contracts.topics import HOT_LINES, POS_TRANSACTIONS, SHELF_EVENTS, Topic
from smartstore.contracts.wire import HEADER_JOB, HEADER_POSITION, POSITION_HEADER, TICK_KEY, encode
from smartstore.process.spark import kafka_options
from smartstore.streaming.group import StoreGroup
from smartstore.streaming.savepoint import Positions
from smartstore.streaming.shard import Shard

RESULT_SCHEMA = "result binary"
STATE_SCHEMA = "state binary"
_EARLIEST = -2
BULK_LINES = (SHELF_EVENTS, POS_TRANSACTIONS)
"""The lines whose volume follows the shoppers."""


class Reading(Struct, frozen=True):
    """What is read: the lines' partitions of one shard. A new checkpoint begins at `begin`, else at the beginning."""

    brokers: Brokers
    prefix: str
    shard: Shard
    begin: Positions


def results(spark: SparkSession, reading: Reading, max_records: int, group: StoreGroup) -> DataFrame:
    """A streaming frame with one column `result` (a `StoreResult` as bytes).

    `max_records` bounds the bulk lines' records of one micro-batch, so that catching up stays in steps. The other lines
    are read whole: they are small, and a bound in proportion would keep the opening counts behind the sales, with
    everything held in the state until then.
    """
    small_lines = tuple(line for line in HOT_LINES if line not in BULK_LINES)
    bulk = _source(spark, reading, BULK_LINES).option("maxOffsetsPerTrigger", max_records).load()
    small = _source(spark, reading, small_lines).load()
    rows = (
        bulk.unionByName(small)
        .where(~_is_own())
        .select(
            f.explode(_stores()).alias("store_id"),
            f.expr(f"substring(topic, {len(reading.prefix) + 1})").alias("topic"),
            "offset",
            "value",
            _position().alias("position"),
            _is_tick().alias("is_tick"),
        )
    )
    return rows.groupBy("store_id").applyInPandasWithState(
        group, RESULT_SCHEMA, STATE_SCHEMA, "append", GroupStateTimeout.NoTimeout
    )


def _source(spark: SparkSession, reading: Reading, lines: tuple[Topic, ...]) -> DataStreamReader:
    names = {reading.prefix + line.name: line.name for line in lines}
    partitions = reading.shard.own_partitions
    begin = {
        topic: {str(number): reading.begin.get(line, {}).get(number, _EARLIEST) for number in partitions}
        for topic, line in names.items()
    }
    return (
        spark.readStream.format("kafka")
        .options(**kafka_options(reading.brokers, HOT))
        .option("assign", encode(dict.fromkeys(names, partitions)).decode())
        .option("startingOffsets", encode(begin).decode())
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
