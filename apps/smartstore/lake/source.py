"""Where the query begins to read: right after what the tables cover, within what Kafka still has."""

import logging
from collections.abc import Mapping, Sequence

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition
from msgspec import Struct
from pyspark.sql import DataFrame, SparkSession

from smartstore.contracts.brokers import Brokers, group_id
from smartstore.process.kafka_errors import KafkaErrors
from smartstore.process.spark import kafka_options

log = logging.getLogger("smartstore.lake.source")

_SECONDS = 10.0
_GROUP = "lake"


class SourceMismatch(SystemExit):
    """Kafka and the lake contradict each other; exits with one line that names topic and partition."""


class Extent(Struct, frozen=True):
    """What Kafka has of one partition: offsets `low` to `high` - 1."""

    low: int
    high: int


Extents = Mapping[str, Mapping[int, Extent]]
"""By topic (without prefix) and partition."""


def extents(brokers: Brokers, prefix: str, topics: Sequence[str]) -> Extents:
    """What Kafka has now.

    Raises:
        SourceMismatch: a topic does not exist.
        KafkaException: the brokers do not answer.
    """
    errors = KafkaErrors()
    consumer = Consumer(
        {
            **brokers.librdkafka(),
            "group.id": group_id(_GROUP),
            "enable.auto.commit": False,
            "error_cb": errors,
            "log_level": 2,
        }
    )
    try:
        known = consumer.list_topics(timeout=_SECONDS).topics
        found: dict[str, dict[int, Extent]] = {}
        for topic in topics:
            if prefix + topic not in known:
                raise SourceMismatch(
                    f"topic {prefix}{topic} does not exist on {brokers.bootstrap}; run smartstore.ingest.topics first"
                )
            found[topic] = {
                partition: _extent(consumer, prefix + topic, partition)
                for partition in sorted(known[prefix + topic].partitions)
            }
        return found
    except KafkaException as error:
        raise KafkaException(errors.why(consumer, error)) from None
    finally:
        consumer.close()


def _extent(consumer: Consumer, topic: str, partition: int) -> Extent:
    marks = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_SECONDS, cached=False)
    if marks is None:
        raise KafkaException(f"no answer about {topic}, partition {partition}")
    return Extent(*marks)


class Start(Struct, frozen=True):
    """Where to begin, and what is lost for good."""

    offsets: Mapping[str, Mapping[int, int]]
    """First offset to read, by topic and partition."""
    missed: Mapping[str, int]
    """Records per topic that Kafka deleted before the lake read them; topics without any are left out."""


def start_of(covered: Mapping[str, Mapping[int, int]], available: Extents) -> Start:
    """Where to begin when the tables cover so much and Kafka has so much.

    A compacted topic loses records from its middle on purpose: that is no loss, and its first offset stays.

    Raises:
        SourceMismatch: a table covers more than the topic ever had: the topic was made anew.
    """
    offsets: dict[str, dict[int, int]] = {}
    missed: dict[str, int] = {}
    for topic, partitions in available.items():
        offsets[topic] = {}
        for partition, extent in partitions.items():
            wanted = covered.get(topic, {}).get(partition, -1) + 1
            if wanted > extent.high:
                raise SourceMismatch(
                    f"the lake covers {topic}, partition {partition} up to offset {wanted - 1}, but the topic ends "
                    f"before {extent.high}: it was made anew. Move the lake's directory away to begin a new one"
                )
            if 0 < wanted < extent.low:
                missed[topic] = missed.get(topic, 0) + extent.low - wanted
            offsets[topic][partition] = max(wanted, extent.low)
    return Start(offsets, missed)


def read_stream(
    spark: SparkSession, brokers: Brokers, prefix: str, start: Start, max_records: int
) -> DataFrame:
    """All topics as one streaming frame of Kafka's columns. `max_records` bounds one micro-batch."""
    offsets = {prefix + topic: partitions for topic, partitions in start.offsets.items()}
    return (
        spark.readStream.format("kafka")
        .options(**kafka_options(brokers, _GROUP))
        .option("subscribe", ",".join(offsets))
        .option("startingOffsets", msgspec.json.encode(offsets).decode())
        .option("maxOffsetsPerTrigger", max_records)
        .option("includeHeaders", "true")
        .option("failOnDataLoss", "true")
        .load()
    )
