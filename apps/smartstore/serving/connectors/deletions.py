"""Makes sure that a deleted policy ends, whatever happened to the source in between.

Debezium reads the rows again when it has lost its place (a slot that Postgres dropped, a worker killed before its first
commit). That brings every change but one kind: a row deleted meanwhile is simply not there, and its last state would
hold in the stores for ever. So the topic is compared with the table, and such a row is deleted once more, in Postgres,
where the source sees it; the topic keeps its one writer.
"""

import json
import logging
import threading
from collections.abc import Callable

import psycopg2
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from smartstore.serving.connectors.metrics import Metrics

log = logging.getLogger("smartstore.connectors")

CHECK_SECONDS = 10.0
"""Between comparisons. A row must be missing in two of them: a deletion on its way needs a fraction of that."""


class PublishedPolicies:
    """Ids of the policies that hold by the topic; reads it from its beginning and then on."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._live: set[str] = set()
        # Partitions are assigned, so the group is a name only and nothing is committed.
        self._consumer = Consumer(
            {"bootstrap.servers": bootstrap, "group.id": f"{topic}-deletions", "enable.auto.commit": False}
        )
        self._assigned = False

    def current(self) -> set[str]:
        """Read up to the end of the topic; raises `KafkaException` while Kafka does not answer."""
        if not self._assigned:
            self._assign()
        while messages := self._consumer.consume(1000, timeout=0.5):
            for message in messages:
                key = message.key()
                if message.error() is None and key:
                    self._apply(key.decode(), message.value())
        return set(self._live)

    def _assign(self) -> None:
        partitions = self._consumer.list_topics(self._topic, timeout=10).topics[self._topic].partitions
        if not partitions:
            raise KafkaException(f"the topic {self._topic} does not exist yet")
        self._consumer.assign([TopicPartition(self._topic, p, OFFSET_BEGINNING) for p in partitions])
        self._assigned = True

    def _apply(self, policy_id: str, value: bytes | None) -> None:
        if value is None or json.loads(value).get("__deleted") == "true":
            self._live.discard(policy_id)
        else:
            self._live.add(policy_id)


def repeat_deletion(connection: "psycopg2.extensions.connection", policy_id: str) -> bool:
    """Insert and delete the row in one transaction; False when somebody has made it anew, so that it must stay."""
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO config.shelf_policies (policy_id, active, notes) VALUES (%s, false, 'deleted')"
            " ON CONFLICT (policy_id) DO NOTHING",
            (policy_id,),
        )
        if not cursor.rowcount:
            return False
        cursor.execute("DELETE FROM config.shelf_policies WHERE policy_id = %s", (policy_id,))
    return True


class DeletionWatch:
    """Compares topic and table, and repeats deletions that the topic has missed."""

    def __init__(self, published: PublishedPolicies, dsn: str, metrics: Metrics) -> None:
        self._published = published
        self._dsn = dsn
        self._metrics = metrics
        self._suspects: set[str] = set()

    def run(self, stop: threading.Event, is_ready: Callable[[], bool]) -> None:
        """Compare every few seconds while the connectors run; until `stop` is set."""
        while not stop.wait(CHECK_SECONDS):
            if not is_ready():
                self._suspects = set()  # what was deleted meanwhile is still to come
                continue
            try:
                self.compare()
            except (KafkaException, psycopg2.Error) as error:
                log.warning("policies cannot be compared with their topic: %s", " ".join(str(error).split()))

    def compare(self) -> None:
        """Once; raises `KafkaException` or `psycopg2.Error` when a side does not answer."""
        published = self._published.current()
        connection = psycopg2.connect(self._dsn)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT policy_id::text FROM config.shelf_policies")
                missing = published - {row[0] for row in cursor.fetchall()}
            for policy_id in sorted(missing & self._suspects):
                if repeat_deletion(connection, policy_id):
                    self._metrics.deletions_repeated.inc()
                    log.info("policy %s was deleted while the source was away: deleted once more", policy_id)
            self._suspects = missing - self._suspects
        finally:
            connection.close()
