"""Which tables the lake has, and how each is fed: one table per topic that has a lake path, and its quarantine."""

from typing import Any, Literal

from msgspec import Struct

from smartstore.contracts.topics import TOPICS, Topic
from smartstore.lake.schema import list_of, struct_of

_HEADERS = list_of(struct_of({"key": "string", "value": "binary"}))

Mode = Literal["mirror", "insert", "state"]
"""`mirror`: every record as it came, append only. `insert`: each key once. `state`: one row per key, the newest."""

Columns = dict[str, tuple[Any, str]]
"""Columns that no contract declares: Delta's type in JSON form and a description, by name."""

KAFKA_COLUMNS: Columns = {
    "kafka_topic": ("string", "Topic the record came from."),
    "kafka_partition": ("integer", "Its partition there."),
    "kafka_offset": ("long", "Its offset in the partition."),
    "kafka_timestamp": ("timestamp", "When Kafka took it in."),
}
"""Where a row comes from; columns of every table of a topic."""
INGEST_DATE = "ingest_date"
VERBATIM_COLUMNS: Columns = {
    INGEST_DATE: ("date", "Day (UTC) of kafka_timestamp; the partition of the table."),
    "kafka_key": ("binary", "The record's key, verbatim."),
    "kafka_headers": (_HEADERS, "Its headers, in their order."),
    "kafka_value": ("binary", "Its value, verbatim."),
}
"""What else a verbatim copy keeps."""
REASON_COLUMN: Columns = {
    "reason": ("string", "Why the value could not be taken into the topic's own table.")
}


class Table(Struct, frozen=True, kw_only=True):
    """The table of one topic."""

    topic: Topic
    path: str
    """`level/table`, below the lake's root."""

    @property
    def mode(self) -> Mode:
        """How records become rows; follows from what the topic is."""
        if self.topic.line:
            return "mirror"
        return "state" if self.topic.cleanup == "compact" else "insert"

    @property
    def quarantine(self) -> str:
        """Path of the table that keeps what cannot be decoded."""
        return f"quarantine/{self.topic.name}"

    @property
    def extra_columns(self) -> Columns:
        """Columns beside those of the contract: Delta type and description by name."""
        return KAFKA_COLUMNS | (VERBATIM_COLUMNS if self.mode == "mirror" else {})


def lake_tables(topics: tuple[Topic, ...] = TOPICS) -> tuple[Table, ...]:
    """The tables of all topics that have one, in the order of the topics."""
    return tuple(Table(topic=topic, path=topic.lake) for topic in topics if topic.lake is not None)
