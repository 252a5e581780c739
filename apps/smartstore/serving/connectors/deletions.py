"""Makes sure that a deleted row of configuration ends, whatever happened to the source in between.

Debezium reads the rows again when it has lost its place (a slot that Postgres dropped, a worker killed before its first
commit). That brings every change but one kind: a row deleted meanwhile is simply not there, and its last state would
hold in the stores for ever. So each topic is compared with its table, and such a row is deleted once more, in Postgres,
where the source sees it; the topic keeps its one writer.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence

import psycopg2
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from psycopg2 import sql

from smartstore.contracts.brokers import Brokers, group_id
from smartstore.contracts.topics import BY_NAME, Topic
from smartstore.serving.connectors.metrics import Metrics

log = logging.getLogger("smartstore.connectors")

CHECK_SECONDS = 10.0
"""Between comparisons. A row must be missing in two of them: a deletion on its way needs a fraction of that."""


class PublishedRows:
    """The rows that hold by the topics of configuration; reads them from their beginning and then on."""

    def __init__(self, brokers: Brokers, prefix: str, topics: Sequence[Topic]) -> None:
        self._prefix = prefix
        self._live: dict[Topic, dict[str, bytes]] = {topic: {} for topic in topics}
        # Partitions are assigned, so the group is a name only and nothing is committed.
        self._consumer = Consumer(
            {**brokers.librdkafka(), "group.id": group_id(f"{prefix}deletions"), "enable.auto.commit": False}
        )
        self._assigned = False

    def current(self) -> Mapping[Topic, Mapping[str, bytes]]:
        """Read up to the end of the topics: by topic, key → row; raises `KafkaException` while Kafka is silent."""
        if not self._assigned:
            self._assign()
        while messages := self._consumer.consume(1000, timeout=0.5):
            for message in messages:
                key = message.key()
                if message.error() is None and key:
                    topic = BY_NAME[str(message.topic()).removeprefix(self._prefix)]
                    _apply(self._live[topic], key.decode(), message.value())
        return self._live

    def _assign(self) -> None:
        known = self._consumer.list_topics(timeout=10).topics
        names = [self._prefix + topic.name for topic in self._live]
        missing = [name for name in names if name not in known or not known[name].partitions]
        if missing:
            raise KafkaException(f"the topic {missing[0]} does not exist yet")
        self._consumer.assign(
            [TopicPartition(name, p, OFFSET_BEGINNING) for name in names for p in known[name].partitions]
        )
        self._assigned = True


def _apply(live: dict[str, bytes], key: str, value: bytes | None) -> None:
    if value is None or json.loads(value).get("__deleted") == "true":
        live.pop(key, None)
    else:
        live[key] = value


def repeat_deletion(connection: "psycopg2.extensions.connection", topic: Topic, key: str, row: bytes) -> bool:
    """Insert the row as the topic has it and delete it, in one transaction.

    False when somebody has made it anew, so that it must stay.
    """
    table, column = _identifiers(topic)
    insert = sql.SQL(
        "INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, %s) ON CONFLICT ({column}) DO NOTHING"
    ).format(table=table, column=column)
    with connection, connection.cursor() as cursor:
        cursor.execute(insert, (row.decode(),))
        if not cursor.rowcount:
            return False
        cursor.execute(sql.SQL("DELETE FROM {} WHERE {} = %s").format(table, column), (key,))
    return True


def _identifiers(topic: Topic) -> tuple[sql.Identifier, sql.Identifier]:
    """The topic's table and the column of its key."""
    return sql.Identifier(*topic.config_table.split(".")), sql.Identifier(topic.key[0])


class DeletionWatch:
    """Compares topics and tables, and repeats deletions that a topic has missed."""

    def __init__(self, published: PublishedRows, dsn: str, metrics: Metrics) -> None:
        self._published = published
        self._dsn = dsn
        self._metrics = metrics
        self._suspects: dict[Topic, set[str]] = {}

    def run(self, stop: threading.Event, is_ready: Callable[[], bool]) -> None:
        """Compare every few seconds while the connectors run; until `stop` is set."""
        while not stop.wait(CHECK_SECONDS):
            if not is_ready():
                self._suspects = {}  # what was deleted meanwhile is still to come
                continue
            try:
                self.compare()
            except (KafkaException, psycopg2.Error) as error:
                log.warning(
                    "configuration cannot be compared with its topics: %s", " ".join(str(error).split())
                )

    def compare(self) -> None:
        """Once; raises `KafkaException` or `psycopg2.Error` when a side does not answer."""
        published = self._published.current()
        connection = psycopg2.connect(self._dsn)
        try:
            for topic, rows in published.items():
                self._compare(connection, topic, rows)
        finally:
            connection.close()

    def _compare(
        self, connection: "psycopg2.extensions.connection", topic: Topic, published: Mapping[str, bytes]
    ) -> None:
        with connection, connection.cursor() as cursor:
            table, column = _identifiers(topic)
            cursor.execute(sql.SQL("SELECT {}::text FROM {}").format(column, table))
            missing = published.keys() - {row[0] for row in cursor.fetchall()}
        suspects = self._suspects.get(topic, set())
        for key in sorted(missing & suspects):
            self._delete_again(connection, topic, key, published[key])
        self._suspects[topic] = missing - suspects

    def _delete_again(
        self, connection: "psycopg2.extensions.connection", topic: Topic, key: str, row: bytes
    ) -> None:
        try:
            repeated = repeat_deletion(connection, topic, key, row)
        except (psycopg2.DataError, psycopg2.IntegrityError) as error:
            reason = " ".join(str(error).split())
            log.warning("row %s of %s cannot be deleted once more: %s", key, topic.name, reason)
            return
        if repeated:
            self._metrics.deletions_repeated.labels(topic.name).inc()
            log.info("row %s of %s was deleted while the source was away: deleted once more", key, topic.name)
