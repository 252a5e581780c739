"""Whatever dies, Kafka holds each entry, in order, and repeats only as a reader recognises them."""

import os
import random
import signal
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Message
from ingest_lab import Feed, HasDataDir, Process, header, position_of, server_pid, without_repeats  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration

STORES = tuple(f"s{n:04d}" for n in range(1, 8))
EVENTS = 50_000
Start = Callable[[], Process]
Read = Callable[[str], list[Message]]


def assert_complete(feed: Feed, messages: list[Message], values: dict[bytes, bytes]) -> None:
    """First occurrences are the stream, in order; what remains are repeats of earlier positions, byte for byte."""
    kept = without_repeats(messages)
    records = [m for m in kept if header(m, "tick") is None]
    assert len(records) == len(values)
    assert {header(m, "redis_id"): m.value() for m in records} == values
    for partition in {m.partition() for m in kept}:
        positions = [position_of(m) for m in kept if m.partition() == partition]
        assert positions == sorted(positions)
    for message in messages:
        if header(message, "tick") is None:
            assert message.value() == values[header(message, "redis_id") or b""]
    assert feed.counts("shelf_events")["forwarded"] == len(values)
    assert feed.counts("shelf_events").get("duplicate", 0) == 0


def test_killed_bridge(feed: Feed, start_bridge: Start, read_topic: Read) -> None:
    """kill -9 at random moments of its work."""
    values = feed.shelf_events(EVENTS, STORES, per_tick=2000)
    rng = random.Random(7)
    bridge = start_bridge()
    for _ in range(6):
        before = feed.client.xlen(feed.prefix + "shelf_events")
        while feed.client.xlen(feed.prefix + "shelf_events") == before > 0 and bridge.process.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.random() * 0.2)
        bridge.kill()
        bridge = start_bridge()
    feed.wait_until_drained(bridges=[bridge])
    bridge.stop()
    assert_complete(feed, read_topic("shelf_events"), values)


@pytest.mark.parametrize("component", ["kafka", "valkey"])
def test_killed_server(
    feed: Feed, start_bridge: Start, read_topic: Read, servers: HasDataDir, component: str
) -> None:
    """kill -9 of Kafka and of Valkey in the middle; the bridge itself goes on."""
    values = feed.shelf_events(EVENTS, STORES, per_tick=2000)
    bridge = start_bridge()
    for _ in range(2):
        before = feed.client.xlen(feed.prefix + "shelf_events")
        while feed.client.xlen(feed.prefix + "shelf_events") == before > 0:
            time.sleep(0.01)
        os.kill(server_pid(servers, component), signal.SIGKILL)
        time.sleep(1.0)
        values |= feed.shelf_events(5000, STORES, per_tick=2000, first=EVENTS + len(values))
    feed.wait_until_drained(120, bridges=[bridge])
    bridge.stop()
    assert_complete(feed, read_topic("shelf_events"), values)


def test_two_bridges_work_one_at_a_time(feed: Feed, start_bridge: Start, read_topic: Read) -> None:
    """The second waits; it takes over at once from a dead one, and after the lock's expiry from a frozen one."""
    first = start_bridge()
    feed.wait_until_drained()
    second = start_bridge()
    give_up = time.monotonic() + 20
    while "waiting" not in second.log.read_text():
        assert time.monotonic() < give_up
        time.sleep(0.05)
    values = feed.shelf_events(5000, STORES)
    feed.wait_until_drained(bridges=[first, second])
    assert "at work:" not in second.log.read_text()
    first.kill()
    values |= feed.shelf_events(5000, STORES, first=5000)
    feed.wait_until_drained(10, bridges=[second])
    assert "at work:" in second.log.read_text()
    third = start_bridge()
    second.process.send_signal(signal.SIGSTOP)
    values |= feed.shelf_events(5000, STORES, first=10_000)
    feed.wait_until_drained(40, bridges=[third])
    second.process.send_signal(signal.SIGCONT)
    values |= feed.shelf_events(5000, STORES, first=15_000)
    feed.wait_until_drained(bridges=[second, third])
    assert (second.stop(), third.stop()) == (0, 0)
    assert "beginning again" in second.log.read_text()
    assert_complete(feed, read_topic("shelf_events"), values)
