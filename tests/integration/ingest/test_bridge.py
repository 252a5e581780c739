"""What the bridge makes of good, bad, repeated and old records."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from confluent_kafka import Message
from ingest_lab import PARTITIONS, START, Feed, Process, header, position_of, shelf_event  # type: ignore[import-not-found]

from smartstore.contracts.topics import LINES
from smartstore.contracts.wire import HEADER_POSITION, POSITION_HEADER, partition_of

pytestmark = pytest.mark.integration

STORES = tuple(f"s{n:04d}" for n in range(1, 8))


def test_order_headers_keys_and_ticks(
    feed: Feed, start_bridge: Callable[[], Process], read_topic: Callable[[str], list[Message]]
) -> None:
    """Each partition holds its stores' entries in the order of the stream, with ticks of its own stores only."""
    values = feed.shelf_events(3000, STORES, per_tick=500)
    bridge = start_bridge()
    feed.wait_until_drained(bridges=[bridge])
    assert bridge.stop() == 0
    messages = read_topic("shelf_events")
    records = [message for message in messages if header(message, "tick") is None]
    assert len(records) == len(values)
    for message in records:
        assert header(message, "stream") == b"shelf_events"
        names = list(dict(message.headers() or []))
        assert names[POSITION_HEADER] == HEADER_POSITION  # the hot application looks only there
        value = values[header(message, "redis_id") or b""]
        assert message.value() == value
        event = json.loads(value)
        assert message.key() == f"{event['store_id']}/{event['shelf_id']}".encode()
        assert message.partition() == partition_of(event["store_id"], PARTITIONS)
    for partition in range(PARTITIONS):
        own = [message for message in messages if message.partition() == partition]
        assert [position_of(m) for m in own] == sorted(position_of(m) for m in own)
        stores = {store for store in STORES if partition_of(store, PARTITIONS) == partition}
        ticks = [message for message in own if header(message, "tick")]
        assert len(ticks) == (6 if stores else 0)
        for message in ticks:
            assert message.key() == b"tick"
            assert set(json.loads(message.value() or b"")["stores"]) == stores
    assert feed.counts("shelf_events") == {"in": 3000, "forwarded": 3000, "tick": 6}
    # Trimmed by whole nodes of the stream: a few acknowledged entries may stay.
    assert feed.client.xlen(feed.prefix + "shelf_events") < 200


def test_what_a_bridge_of_another_name_left_comes_first(
    feed: Feed, start_bridge: Callable[[], Process], read_topic: Callable[[str], list[Message]]
) -> None:
    """It had read and never acknowledged; what came after it waits its turn."""
    stream, values = feed.prefix + "shelf_events", feed.shelf_events(300, STORES[:1], per_tick=1000)
    feed.client.xgroup_create(stream, "bridge", "0")
    feed.client.xreadgroup("bridge", "a host of long ago", {stream: ">"}, count=200)
    bridge = start_bridge()
    feed.wait_until_drained(bridges=[bridge])
    assert bridge.stop() == 0
    found = [message.value() for message in read_topic("shelf_events") if header(message, "tick") is None]
    assert found == list(values.values())


def test_bad_records_go_to_dead_letters_with_their_field(
    feed: Feed, start_bridge: Callable[[], Process], read_topic: Callable[[str], list[Message]]
) -> None:
    """Every refused record is kept with its reason, its field and its place; the good ones around it pass."""
    good = shelf_event(1, "s0001", START)
    bad = {
        "quantity": shelf_event(2, "s0001", START, quantity=-3),
        "event_type": shelf_event(3, "s0001", START, event_type="teleport"),
        "shelf_id": shelf_event(4, "s0001", START, shelf_id=None),
        "timestamp": shelf_event(5, "s0001", START, timestamp="2026-01-05T08:00:00"),
    }
    unreadable = [b"ERR sensor", good[:40], b"\xff\x00\xfe", shelf_event(6, "s0001", START, reason="a\0b")]
    ids = feed.data("shelf_events", good, *bad.values(), *unreadable)
    feed.client.xadd(feed.prefix + "shelf_events", {"payload": b"x"})
    receipt_item = {"line_no": 1, "shelf_id": "a", "quantity": 2, "unit_price_cents": 5, "total_cents": 9}
    receipt = {"event_id": "r", "store_id": "s1", "timestamp": "2026-01-05T08:00:00Z", "transaction_id": "t"}
    feed.data("pos_transactions", json.dumps(receipt | {"items": [receipt_item]}).encode())
    bridge = start_bridge()
    feed.wait_until_drained(bridges=[bridge])
    bridge.stop()
    letters = {
        (letter["source"], letter["position"]): letter  # two streams may use the same id in one millisecond
        for m in read_topic("dead_letters")
        for letter in [json.loads(m.value() or b"")]
    }
    assert len(letters) == len(bad) + len(unreadable) + 2
    for field, redis_id in zip(bad, ids[1:], strict=False):
        letter = letters["shelf_events", redis_id.decode()]
        assert (letter["field"], letter["source"], letter["store_id"]) == (field, "shelf_events", "s0001")
        assert letter["value"].encode() == bad[field]
        assert letter["reason"].startswith("malformed: ")
    assert [m.value() for m in read_topic("shelf_events")] == [good]
    assert "items[0].total_cents" in {letter["field"] for letter in letters.values()}
    assert feed.counts("shelf_events") == {"in": 10, "forwarded": 1, "dead": 9}


def test_repeats_near_and_far_are_dropped_once_and_old_events_refused(
    feed: Feed, start_bridge: Callable[[], Process], read_topic: Callable[[str], list[Message]]
) -> None:
    """In one read, across reads, hours apart, with another payload, after a restart; but no longer after 24 hours."""
    first = [shelf_event(n, "s0001", START) for n in range(10)]
    feed.data("shelf_events", *first, first[3])
    feed.tick(START + timedelta(minutes=5), ["s0001"])
    bridge = start_bridge()
    feed.wait_until_drained(bridges=[bridge])
    feed.data("shelf_events", first[4], shelf_event(5, "s0001", START + timedelta(hours=13), quantity=9))
    feed.wait_until_drained(bridges=[bridge])
    assert bridge.stop() == 0
    for hours in range(1, 24):
        feed.tick(START + timedelta(hours=hours), ["s0001"])
    feed.data("shelf_events", first[6])
    bridge = start_bridge()
    feed.wait_until_drained(bridges=[bridge])
    feed.tick(START + timedelta(hours=24, minutes=5), ["s0001"])
    feed.data("shelf_events", first[7])
    feed.wait_until_drained(bridges=[bridge])
    feed.tick(START + timedelta(hours=60), ["s0001"])
    feed.wait_until_drained(bridges=[bridge])
    bridge.stop()
    records = [m.value() for m in read_topic("shelf_events") if header(m, "tick") is None]
    assert records == first
    assert feed.counts("shelf_events")["duplicate"] == 4
    letters = [json.loads(m.value() or b"") for m in read_topic("dead_letters")]
    assert [(x["event_id"], x["reason"][:7], x["field"]) for x in letters] == [
        ("e-7", "too_old", "timestamp")
    ]
    assert not list(feed.client.scan_iter(f"{feed.prefix}dedup:*"))


def test_lines_without_events_still_carry_ticks(
    feed: Feed, start_bridge: Callable[[], Process], read_topic: Callable[[str], list[Message]]
) -> None:
    """A tick reaches every partition that has stores, on every source line."""
    feed.tick(START, STORES)
    bridge = start_bridge()
    feed.wait_until_drained(bridges=[bridge])
    bridge.stop()
    partitions = {partition_of(store, PARTITIONS) for store in STORES}
    for line in LINES:
        assert {message.partition() for message in read_topic(line.name)} == partitions
