"""One shot: bring Kafka's topics to what the contracts say (`python -m smartstore.ingest.topics`).

Missing topics are created, configurations that differ are altered, nothing is ever deleted or shrunk. Another number of
partitions would move stores to other partitions and is an error.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from smartstore.contracts.derive.kafka import topic_config
from smartstore.contracts.topics import TOPICS, Topic
from smartstore.process.env import Environment
from smartstore.process.kafka_errors import KafkaErrors
from smartstore.process.logs import configure_logs

REPLICATION = "SMARTSTORE_KAFKA_REPLICATION"
_CALL_SECONDS = 15
_GREETING_SECONDS = 5
"""So soon it is known whether the brokers let us in."""
_PATIENCE_SECONDS = 120
_LOOKS = 5
_PASSING = (
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.INVALID_REPLICATION_FACTOR,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)
log = logging.getLogger("smartstore.ingest.topics")


class TopicsError(SystemExit):
    """The topics cannot be brought to what they should be; exits with one line."""


def ensure_topics(
    admin: AdminClient,
    prefix: str,
    partitions: int,
    replication: int,
    topics: Sequence[Topic] = TOPICS,
) -> tuple[list[str], list[str]]:
    """Create what is missing and alter what differs; returns the names created and altered.

    Raises:
        TopicsError: a topic exists with another number of partitions.
        KafkaException: Kafka refused or did not answer.
    """
    wanted = {prefix + topic.name: topic_config(topic) for topic in topics}
    existing = admin.list_topics(timeout=_CALL_SECONDS).topics
    for name in wanted:
        if name in existing and len(existing[name].partitions) != partitions:
            raise TopicsError(
                f"topic {name} has {len(existing[name].partitions)} partitions, {partitions} are wanted: a store's "
                "partition cannot change; set SMARTSTORE_KAFKA_PARTITIONS back or use new topics"
            )
    missing = [name for name in wanted if name not in existing]
    _create(admin, [NewTopic(name, partitions, replication, config=wanted[name]) for name in missing])
    altered = _alter(admin, {name: wanted[name] for name in wanted if name in existing})
    return missing, altered


def _create(admin: AdminClient, topics: list[NewTopic]) -> None:
    if not topics:
        return
    for future in admin.create_topics(topics, operation_timeout=_CALL_SECONDS).values():
        try:
            future.result()
        except KafkaException as error:
            # Somebody else was faster.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    _wait_for_leaders(admin, [topic.topic for topic in topics])


def _wait_for_leaders(admin: AdminClient, names: Sequence[str]) -> None:
    """Until all partitions have a leader in several looks in a row.

    A producer that meets a topic while its metadata still comes and goes can lose its first records.
    """
    settled = 0
    for _ in range(100):
        known = admin.list_topics(timeout=_CALL_SECONDS).topics
        led = all(
            name in known and all(p.leader >= 0 for p in known[name].partitions.values()) for name in names
        )
        settled = settled + 1 if led else 0
        if settled == _LOOKS:
            return
        time.sleep(0.1)
    raise TopicsError("Kafka gives the new topics no leaders: look at the broker's log")


def _alter(admin: AdminClient, wanted: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Set the configuration entries that differ; returns the topics concerned."""
    if not wanted:
        return []
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in wanted]
    changes: list[ConfigResource] = []
    for resource, future in admin.describe_configs(resources, request_timeout=_CALL_SECONDS).items():
        now = {name: entry.value for name, entry in future.result().items()}
        different = {
            name: value for name, value in wanted[resource.name].items() if not _same(now.get(name), value)
        }
        if different:
            entries = [
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in different.items()
            ]
            changes.append(ConfigResource(ResourceType.TOPIC, resource.name, incremental_configs=entries))
    if changes:
        for future in admin.incremental_alter_configs(changes, request_timeout=_CALL_SECONDS).values():
            future.result()
    return [change.name for change in changes]


def _same(now: str | None, wanted: str) -> bool:
    """Whether two configuration values mean the same: Kafka may write a number in another form."""
    if now == wanted:
        return True
    try:
        return now is not None and float(now) == float(wanted)
    except ValueError:
        return False


def main() -> None:
    """Wait for Kafka, then bring all topics to what the contracts say."""
    configure_logs()
    environment = Environment.from_os()
    replication = int(environment.variables.get(REPLICATION, "") or 1)
    brokers, errors = environment.brokers, KafkaErrors()
    settings: dict[str, Any] = {**brokers.librdkafka(), "error_cb": errors, "log_level": 2}
    admin = AdminClient(settings)
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            admin.list_topics(timeout=_GREETING_SECONDS)
            created, altered = ensure_topics(admin, environment.prefix, environment.partitions, replication)
            break
        except KafkaException as error:
            why = errors.why(admin, error)
            if time.monotonic() > give_up or errors.refusal or not _passing(error.args[0]):
                raise TopicsError(f"Kafka at {brokers.bootstrap}: {why}") from None
            log.warning("Kafka at %s: %s; trying again", brokers.bootstrap, why)
            time.sleep(1)
    log.info("topics: %d created, %d altered, %d in all", len(created), len(altered), len(TOPICS))


def _passing(error: KafkaError) -> bool:
    """Whether an error may go away by itself: no broker yet, or too few of them."""
    client_side = error.code() < 0
    return client_side or error.retriable() or error.code() in _PASSING


if __name__ == "__main__":
    main()
