"""The live source against the real Valkey and Kafka: ticks in real time, each once, whatever is killed."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from ingest_lab import HasDataDir, Process, server_pid  # type: ignore[import-not-found]

from smartstore.contracts.settings import RunSettings, SourceSettings
from smartstore.contracts.topics import LINES, SHELF_POLICIES
from smartstore.contracts.wire import encode, epoch_ms
from smartstore.ingest.topics import ensure_topics

pytestmark = pytest.mark.integration

TICK_MS = 200


@pytest.fixture
def start_source(
    bootstrap: str, redis_url: str, redis_client: redis.Redis, topic_prefix: str, tmp_path: Path
) -> Iterator[Callable[..., Process]]:
    """Starts the world process of an External source of two stores; killed, and all of it removed, at the end."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    ensure_topics(admin, topic_prefix, 4, 1)
    started: list[Process] = []

    def start(tick_ms: int = TICK_MS, stores: int = 2) -> Process:
        settings = RunSettings(
            name="t", stores=stores, source=SourceSettings(type="External", tick_ms=tick_ms)
        )
        (tmp_path / "run.json").write_bytes(encode(settings))
        environment = {
            "SMARTSTORE_KAFKA_BOOTSTRAP": bootstrap,
            "SMARTSTORE_REDIS_URL": redis_url,
            "SMARTSTORE_TOPIC_PREFIX": topic_prefix,
            "SMARTSTORE_DATA_DIR": str(tmp_path),
            "SMARTSTORE_RUN_FILE": str(tmp_path / "run.json"),
        }
        started.append(Process("smartstore.world", environment, tmp_path / f"world{len(started)}.log"))
        return started[-1]

    yield start
    for process in started:
        if process.process.poll() is None:
            process.kill()
    for key in redis_client.scan_iter(f"{topic_prefix}*"):
        redis_client.delete(key)
    for future in admin.delete_topics(
        [name for name in admin.list_topics(timeout=10).topics if name.startswith(topic_prefix)]
    ).values():
        future.result()


class Streams:
    """What the source has written."""

    def __init__(self, client: Any, prefix: str) -> None:
        self._client, self._prefix = client, prefix

    def entries(self, line: str) -> list[tuple[bytes, Any]]:
        """Field and decoded value of each entry."""
        found = self._client.xrange(self._prefix + line)
        return [(field, json.loads(value)) for _, fields in found for field, value in fields.items()]

    def ticks(self, line: str) -> list[int]:
        """The ticks of a line."""
        return [epoch_ms(datetime.fromisoformat(v["tick"])) for f, v in self.entries(line) if f == b"tick"]

    def wait_for(self, ticks: int, process: Process) -> None:
        """Until so many ticks are written."""
        give_up = time.monotonic() + 30
        while len(self.ticks("commands")) < ticks:
            assert process.process.poll() is None, process.log.read_text()
            assert time.monotonic() < give_up, process.log.read_text()
            time.sleep(0.05)

    def wait_for_configs(self, count: int, process: Process) -> list[dict[str, Any]]:
        """All relayed configuration, once there is so much of it."""
        give_up = time.monotonic() + 30
        while True:
            found = [value for field, value in self.entries("store_config") if field == b"data"]
            if len(found) >= count:
                return found
            assert process.process.poll() is None, process.log.read_text()
            assert time.monotonic() < give_up, process.log.read_text()
            time.sleep(0.05)


@pytest.fixture
def streams(redis_client: redis.Redis, topic_prefix: str) -> Streams:
    """The streams of this test."""
    return Streams(redis_client, topic_prefix)


def test_every_tick_is_written_once_whatever_is_killed(
    start_source: Callable[..., Process], streams: Streams, servers: HasDataDir
) -> None:
    process = start_source()
    streams.wait_for(5, process)
    for _ in range(2):
        process.kill()
        time.sleep(1)
        process = start_source()
        streams.wait_for(len(streams.ticks("commands")) + 8, process)
    os.kill(server_pid(servers, "valkey"), signal.SIGKILL)
    time.sleep(1)
    streams.wait_for(len(streams.ticks("commands")) + 8, process)
    assert process.stop() == 0
    ticks = streams.ticks("commands")
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks) * TICK_MS, TICK_MS))
    assert ticks[0] % TICK_MS == 0
    for line in LINES:
        assert streams.ticks(line.name) == ticks
    assert {tuple(v["stores"]) for _, v in streams.entries("commands")} == {("s0001", "s0002")}
    assert abs(ticks[-1] - time.time() * 1000) < 5000


def test_a_policy_is_relayed_once_and_again_when_there_are_more_stores(
    start_source: Callable[..., Process], streams: Streams, bootstrap: str, topic_prefix: str
) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})

    def edit(policy_id: str, threshold: int) -> None:
        row = {"policy_id": policy_id, "threshold_pct": threshold, "__deleted": "false"}
        producer.produce(topic_prefix + SHELF_POLICIES.name, json.dumps(row).encode(), policy_id.encode(), 0)
        assert producer.flush(10) == 0

    edit("p1", 40)
    process = start_source()
    streams.wait_for_configs(2, process)
    process.kill()
    edit("p2", 50)
    process = start_source()
    configs = streams.wait_for_configs(4, process)
    assert [(c["store_id"], c["policy"]["threshold_pct"]) for c in configs] == [
        ("s0001", 40),
        ("s0002", 40),
        ("s0001", 50),
        ("s0002", 50),
    ]
    moments = [epoch_ms(datetime.fromisoformat(c["timestamp"])) for c in configs]
    assert [moment % TICK_MS for moment in moments[:2]] == [1, 1]
    assert moments[1] < moments[2]
    process.stop()
    added = streams.wait_for_configs(10, start_source(stores=3))[4:]
    assert [c["store_id"] for c in added] == ["s0001", "s0002", "s0003"] * 2
    assert {c["event_id"] for c in configs} <= {c["event_id"] for c in added}


def test_another_grid_is_refused(start_source: Callable[..., Process], streams: Streams) -> None:
    process = start_source()
    streams.wait_for(2, process)
    process.stop()
    other = start_source(500)
    assert other.process.wait(timeout=30) != 0
    assert "begun with source.tick = 200 ms, not 500 ms" in other.log.read_text()
