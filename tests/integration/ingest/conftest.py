"""The bridge and the source as processes against the shared Kafka and Valkey."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from smartstore.ingest.topics import ensure_topics

sys.path.insert(0, str(Path(__file__).parent))

from ingest_lab import PARTITIONS, Feed, Process  # type: ignore[import-not-found]

Start = Callable[[], Process]
Read = Callable[[str], list[Message]]


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client that outlives a restart of the server."""
    with redis.Redis.from_url(redis_url, protocol=2, retry=Retry(ConstantBackoff(0.2), 50)) as client:
        yield client


@pytest.fixture
def feed(redis_client: redis.Redis, topic_prefix: str) -> Iterator[Feed]:
    """The streams of this test; removed at the end."""
    yield Feed(redis_client, topic_prefix)
    keys = list(redis_client.scan_iter(f"{topic_prefix}*"))
    if keys:
        redis_client.delete(*keys)


@pytest.fixture
def topics(bootstrap: str, topic_prefix: str) -> Iterator[None]:
    """All topics of this test; removed at the end."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    ensure_topics(admin, topic_prefix, PARTITIONS, 1)
    yield
    names = [name for name in admin.list_topics(timeout=10).topics if name.startswith(topic_prefix)]
    for future in admin.delete_topics(names).values():
        future.result()


@pytest.fixture
def start_bridge(
    bootstrap: str, redis_url: str, topic_prefix: str, topics: None, tmp_path: Path
) -> Iterator[Start]:
    """Starts bridges; those that still run are killed at the end."""
    started: list[Process] = []
    environment = {
        "SMARTSTORE_KAFKA_BOOTSTRAP": bootstrap,
        "SMARTSTORE_KAFKA_PARTITIONS": str(PARTITIONS),
        "SMARTSTORE_TOPIC_PREFIX": topic_prefix,
        "SMARTSTORE_REDIS_URL": redis_url,
    }

    def start() -> Process:
        bridge = Process("smartstore.ingest.bridge", environment, tmp_path / f"bridge{len(started)}.log")
        started.append(bridge)
        return bridge

    yield start
    for bridge in started:
        if bridge.process.poll() is None:
            bridge.kill()


@pytest.fixture
def read_topic(bootstrap: str, topic_prefix: str) -> Read:
    """Reads all of a topic: its messages, partition by partition, in order."""

    def read(topic: str) -> list[Message]:
        consumer = Consumer(
            {"bootstrap.servers": bootstrap, "group.id": "tests", "enable.auto.commit": False}
        )
        messages: list[Message] = []
        try:
            places = [TopicPartition(topic_prefix + topic, partition, 0) for partition in range(PARTITIONS)]
            ends = {p.partition: consumer.get_watermark_offsets(p, timeout=10)[1] for p in places}
            consumer.assign(places)
            missing = sum(ends.values())
            while len(messages) < missing:
                got = consumer.consume(min(5000, missing - len(messages)), 5.0)
                assert got, f"{missing - len(messages)} messages of {topic} do not come"
                assert all(message.error() is None for message in got)
                messages.extend(got)
        finally:
            consumer.close()
        return sorted(messages, key=lambda message: message.partition() or 0)

    return read
