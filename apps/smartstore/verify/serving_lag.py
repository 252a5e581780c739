"""Waiting until Postgres has what Kafka had when the acknowledged tick was read.

A sink writes a partition in order, so a table has caught up when it has each partition's newest record. That needs no
knowledge of the connectors, and does not depend on how seldom they commit their offsets.
"""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from smartstore.contracts.topics import TOPICS, Topic
from smartstore.contracts.wire import TICK_KEY
from smartstore.verify.differences import Check
from smartstore.verify.postgres import Postgres
from smartstore.verify.topics import Record, Topics

SERVED = tuple(topic for topic in TOPICS if topic.table is not None)
PAUSE_SECONDS = 0.25


def wait_until_served(
    topics: Topics, postgres: Postgres, timeout: float, progress: Callable[[str], None]
) -> Check:
    """Wait up to `timeout` seconds; what is then still missing is a difference."""
    check = Check("serving")
    awaited = _newest(topics)
    check.compared = len(awaited)
    deadline = time.monotonic() + timeout
    announced = False
    while True:
        awaited = [entry for entry in awaited if not postgres.has(entry[0], entry[2])]
        if not awaited or time.monotonic() >= deadline:
            break
        if not announced:
            progress(
                f"waiting for Postgres to catch up: {', '.join(sorted({t.name for t, _, _ in awaited}))}"
            )
            announced = True
        time.sleep(PAUSE_SECONDS)
    for topic, partition, record in awaited:
        key = "/".join(str(record[name]) for name in topic.row_key)
        version = f" version {record['version']}" if "version" in record else ""
        check.differs(
            "Postgres is behind",
            f"{topic.table}, partition {partition}",
            key + version,
            "an older row or none",
        )
    return check


def _newest(topics: Topics) -> list[tuple[Topic, int, dict[str, Any]]]:
    newest = []
    for topic in SERVED:
        for message in _last_events(topics, topic) if topic.line else topics.last_records(topic):
            record = _fields(message.value())
            if record is not None and all(name in record for name in topic.row_key):
                newest.append((topic, message.partition(), record))
    return newest


def _last_events(topics: Topics, topic: Topic) -> list[Record]:
    """The newest record of each partition of a line that is no tick."""
    newest: dict[int, Record] = {}
    for batch in topics.read(topic):
        newest |= {message.partition(): message for message in batch if message.key() != TICK_KEY}
    return list(newest.values())


def _fields(value: bytes | None) -> dict[str, Any] | None:
    """The record's fields; None for what is no JSON object (the sink sends it to its own dead letters)."""
    try:
        record = msgspec.json.decode(value or b"null")
    except msgspec.DecodeError:
        return None
    return record if isinstance(record, dict) else None
