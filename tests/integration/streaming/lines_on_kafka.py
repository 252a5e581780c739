"""Source lines of several stores on a real Kafka, written and read back as the bridge would have written them."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Literal

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.cimpl import NewTopic
from msgspec import Struct

from smartstore.contracts import topics
from smartstore.contracts.events import (
    LotQuantity,
    PosItem,
    PosTransaction,
    ShelfEvent,
    ShelfProfile,
    StockCount,
    StoreConfig,
    Tick,
)
from smartstore.contracts.wire import (
    HEADER_JOB,
    HEADER_POSITION,
    HEADER_STREAM,
    TICK_DECODER,
    TICK_KEY,
    encode,
    epoch_ms,
    from_epoch_ms,
    key_of,
    partition_of,
)
from smartstore.domain.engine import Parameters, StoreState, advance
from smartstore.domain.memory import arrivals_of
from tests.kafka_topics import create_topics

PARTITIONS = 2
STEP_MS = 60_000
START_MS = epoch_ms(datetime(2026, 1, 1, 7, tzinfo=UTC))
OUTPUTS = tuple(
    topic
    for topic in topics.TOPICS
    if topic.table is not None and not topic.line and topic is not topics.STORES
)


class Lines:
    """Writes the hot lines; `prefix` keeps tests apart."""

    def __init__(self, bootstrap: str, prefix: str, stores: tuple[str, ...], shelves: int) -> None:
        self.stores, self._prefix, self._shelves, self._position = stores, prefix, shelves, 0
        self._random = random.Random(7)
        create_topics(bootstrap, [NewTopic(prefix + topic.name, PARTITIONS, 1) for topic in topics.TOPICS])
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5}
        )

    def open_stores(self) -> None:
        """Profiles and opening counts of every shelf, closed by the first tick."""
        for store in self.stores:
            for n in range(self._shelves):
                self._write(topics.STORE_CONFIG, _profile(store, n))
                self._write(topics.STOCK_COUNTS, _opening(store, n, "store"))
                self._write(topics.STOCK_COUNTS, _opening(store, n, "warehouse"))
        self.tick(1)

    def minutes(self, first: int, last: int, events: int) -> None:
        """So many events per store in each simulated minute, each minute closed by its tick."""
        for minute in range(first, last + 1):
            for store in self.stores:
                for n in range(events):
                    self._write(topics.SHELF_EVENTS, self._move(store, minute, n))
                self._write(topics.POS_TRANSACTIONS, self._receipt(store, minute))
            self.tick(minute + 1)

    def tick(self, minute: int) -> None:
        """Close everything before so many minutes after the start."""
        for line in topics.HOT_LINES:
            for partition in range(PARTITIONS):
                stores = [store for store in self.stores if partition_of(store, PARTITIONS) == partition]
                if stores:
                    value = encode(Tick(tick=from_epoch_ms(START_MS + minute * STEP_MS), stores=stores))
                    self._produce(line, TICK_KEY, value, partition)
        self._producer.flush()

    def _move(self, store: str, minute: int, n: int) -> ShelfEvent:
        late = 3 * STEP_MS if self._random.random() < 0.05 and minute > 4 else 0
        return ShelfEvent(
            event_id=f"{store}-{minute}-{n}",
            store_id=store,
            timestamp=from_epoch_ms(START_MS + minute * STEP_MS + self._random.randrange(STEP_MS) - late),
            event_type=self._random.choice(["pickup", "pickup", "putback"]),
            shelf_id=f"A{self._random.randrange(self._shelves)}",
            quantity=self._random.randint(1, 3),
        )

    def _receipt(self, store: str, minute: int) -> PosTransaction:
        chosen = self._random.sample(range(self._shelves), 3)
        return PosTransaction(
            event_id=f"{store}-{minute}-receipt",
            store_id=store,
            timestamp=from_epoch_ms(START_MS + minute * STEP_MS + self._random.randrange(STEP_MS)),
            transaction_id=f"{store}-{minute}",
            items=[
                PosItem(
                    line_no=line,
                    shelf_id=f"A{n}",
                    batch_code=f"B{n}",
                    quantity=1,
                    unit_price_cents=99,
                    total_cents=99,
                )
                for line, n in enumerate(chosen, start=1)
            ],
        )

    def _write(self, line: topics.Topic, record: Struct) -> None:
        store: str = record.store_id  # type: ignore[attr-defined]
        self._produce(
            line, key_of(line.key, record).encode(), encode(record), partition_of(store, PARTITIONS)
        )

    def _produce(self, line: topics.Topic, key: bytes, value: bytes, partition: int) -> None:
        self._position += 1
        headers: list[tuple[str, str | bytes | None]] = [
            (HEADER_STREAM, line.name.encode()),
            (HEADER_POSITION, f"1767250800000-{self._position}".encode()),
        ]
        self._producer.produce(self._prefix + line.name, value, key, partition, headers=headers)
        self._producer.poll(0)


def _profile(store: str, n: int) -> StoreConfig:
    row = ShelfProfile(
        shelf_id=f"A{n}",
        sku=f"sku{n}",
        item_category=f"category {n % 5}",
        item_subcategory=f"subcategory {n % 11}",
        capacity=30,
        item_weight_g=250,
        item_price_cents=99,
    )
    opened = from_epoch_ms(START_MS)
    return StoreConfig(
        event_id=f"{store}-profile-{n}", store_id=store, timestamp=opened, kind="profile", profile=row
    )


def _opening(store: str, n: int, location: Literal["store", "warehouse"]) -> StockCount:
    code = f"B{n}" if location == "store" else f"W{n}"
    lots = [LotQuantity(batch_code=code, quantity=12, expiry_date=date(2026, 1, 1 + n % 28))]
    return StockCount(
        event_id=f"{store}-opening-{location}-{n}",
        store_id=store,
        timestamp=from_epoch_ms(START_MS),
        count_type="opening",
        location=location,
        shelf_id=f"A{n}",
        quantity=12,
        lots=lots,
    )


def read(bootstrap: str, topic: str) -> Iterator[tuple[bytes, bytes, dict[str, bytes]]]:
    """Key, value and headers of every record that the topic holds now, partition by partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.auto.commit": False})
    try:
        for partition in range(PARTITIONS):
            place = TopicPartition(topic, partition, 0)
            _, end = consumer.get_watermark_offsets(place)
            consumer.assign([place])
            next_offset = 0
            while next_offset < end:
                for message in consumer.consume(min(5000, end - next_offset), timeout=5.0):
                    key, value, offset = message.key(), message.value(), message.offset()
                    assert message.error() is None
                    assert key is not None
                    assert value is not None
                    assert offset is not None
                    next_offset = offset + 1
                    yield key, value, dict(message.headers() or [])  # type: ignore[arg-type]
    finally:
        consumer.close()


def outputs_of_the_memory_runner(
    bootstrap: str, prefix: str, parameters: Parameters
) -> Counter[tuple[str, str, bytes]]:
    """What the in-memory runner makes of the lines as they stand on Kafka."""
    rows: dict[str, dict[str, list[tuple[bytes, int, bool]]]] = {}
    for line in topics.HOT_LINES:
        for key, value, headers in read(bootstrap, prefix + line.name):
            if HEADER_JOB in headers:
                continue
            milliseconds, _, sequence = headers[HEADER_POSITION].decode().partition("-")
            position = (int(milliseconds) << 20) + int(sequence)
            is_tick = key == TICK_KEY
            stores = TICK_DECODER.decode(value).stores if is_tick else [key.decode().partition("/")[0]]
            for store in stores:
                rows.setdefault(store, {}).setdefault(line.name, []).append((value, position, is_tick))
    expected: Counter[tuple[str, str, bytes]] = Counter()
    for store, lines in rows.items():
        arrived = {name: arrivals_of(entries) for name, entries in lines.items()}
        for output in advance(store, StoreState(), arrived, parameters).outputs:
            expected[output.topic, output.key, output.value] += 1
    return expected


def published(bootstrap: str, prefix: str) -> Counter[tuple[str, str, bytes]]:
    """All outputs on Kafka, with how often each stands there."""
    found: Counter[tuple[str, str, bytes]] = Counter()
    for line in topics.HOT_LINES:
        for key, value, headers in read(bootstrap, prefix + line.name):
            if HEADER_JOB in headers:
                found[line.name, key.decode(), value] += 1
    for topic in OUTPUTS:
        for key, value, _ in read(bootstrap, prefix + topic.name):
            found[topic.name, key.decode(), value] += 1
    return found
