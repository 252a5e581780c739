"""What the tests of the lake write to Kafka."""

from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.cimpl import NewTopic

from smartstore.contracts import outputs, topics
from smartstore.contracts.events import PosItem, PosTransaction, ShelfEvent, Tick
from smartstore.contracts.wire import TICK_KEY, encode, key_of, partition_of
from tests.integration.streaming.lines_on_kafka import read
from tests.kafka_topics import create_topics

PARTITIONS = 2
STORES = ("s0001", "s0002", "s0003")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HEADERS: list[tuple[str, str | bytes | None]] = [("stream", b"shelf_events"), ("redis_id", b"1-1")]


class Records:
    """What is written to Kafka; `rounds` of it differ."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap, self.prefix = bootstrap, prefix
        create_topics(bootstrap, [NewTopic(prefix + topic.name, PARTITIONS, 1) for topic in topics.TOPICS])
        self._producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})

    def write_round(self, number: int) -> None:
        for store in STORES:
            for n in range(1000):
                self.write(topics.SHELF_EVENTS, _pickup(store, number, n))
            for n in range(30):
                self.write(topics.POS_TRANSACTIONS, _receipt(store, number, n))
                line = _line(store, number, n)
                self.write(topics.POS_TRANSACTION_LINES, line)
                if n % 3 == 0:
                    self.write(topics.POS_TRANSACTION_LINES, line)  # as a repeated micro-batch gives it
                self.write(topics.SHELF_STATE, _state(store, n, version=10 * number + 1, stock=number))
                self.write(topics.SHELF_STATE, _state(store, n, version=10 * number + 2, stock=100 + number))
                self.write(
                    topics.SHELF_STATE, _state(store, n, version=10 * number, stock=0)
                )  # late and older
            self.raw(topics.SHELF_EVENTS, store, b"no json")
            self.raw(topics.SHELF_EVENTS, store, b'{"event_id": "e", "store_id": 7, "quantity": "three"}')
            self.raw(topics.SHELF_EVENTS, store, b'{"event_id": "e", "timestamp": "2026-01-01T12:00:00Z"}')
        for store in STORES:
            # on their way: none of round 1, some of the others until the next round delivers them
            self.write(topics.SHELF_RESTOCK_PLAN, _plan(store, number, issued=7, delivered=0))
            self.write(topics.SHELF_RESTOCK_PLAN, _plan(store, number - 1, issued=7, delivered=7, later=True))
            self.write(topics.SHELF_RESTOCK_PLAN, _plan(store, 100 + number, issued=0, delivered=0))
        for line_topic in topics.LINES:
            for partition in range(PARTITIONS):
                tick = encode(Tick(tick=NOON + timedelta(minutes=number), stores=list(STORES)))
                self._producer.produce(self.prefix + line_topic.name, tick, TICK_KEY, partition)
        self._producer.flush()

    def write(self, topic: topics.Topic, record: Any) -> None:
        self._produce(topic, record.store_id, key_of(topic.key, record).encode(), encode(record))

    def raw(self, topic: topics.Topic, store: str, value: bytes) -> None:
        self._produce(topic, store, f"{store}/A0".encode(), value)

    def _produce(self, topic: topics.Topic, store: str, key: bytes, value: bytes) -> None:
        place = partition_of(store, PARTITIONS)
        self._producer.produce(self.prefix + topic.name, value, key, place, headers=HEADERS)
        self._producer.poll(0)

    def values(self, topic: topics.Topic) -> list[tuple[bytes, bytes]]:
        """Key and value of all records of a topic, ticks left out."""
        found = read(self.bootstrap, self.prefix + topic.name)
        return sorted((key, value) for key, value, _ in found if key != TICK_KEY)

    def ends(self, topic: topics.Topic) -> int:
        """How many records a topic has, ticks too."""
        return sum(1 for _ in read(self.bootstrap, self.prefix + topic.name))


def _pickup(store: str, number: int, n: int) -> ShelfEvent:
    return ShelfEvent(
        event_id=f"{store}-{number}-{n}",
        store_id=store,
        timestamp=NOON + timedelta(minutes=number, milliseconds=n),
        event_type="pickup",
        shelf_id=f"A{n % 30}",
        quantity=1 + n % 3,
    )


def _receipt(store: str, number: int, n: int) -> PosTransaction:
    return PosTransaction(
        event_id=f"{store}-{number}-{n}",
        store_id=store,
        timestamp=NOON,
        transaction_id=f"{store}-{number}-{n}",
        items=[PosItem(line_no=1, shelf_id="A1", quantity=2, unit_price_cents=50, total_cents=100)],
    )


def _line(store: str, number: int, n: int) -> outputs.PosTransactionLine:
    return outputs.PosTransactionLine(
        store_id=store,
        transaction_id=f"{store}-{number}-{n}",
        line_no=1,
        shelf_id="A1",
        batch_code=None,
        expiry_date=None,
        customer_id=None,
        sold_at=NOON,
        quantity=2,
        unit_price_cents=50,
        discount_cents=0,
        total_cents=100,
        updated_at=NOON,
        version=1000 + number,
    )


def _plan(
    store: str, number: int, *, issued: int, delivered: int, later: bool = False
) -> outputs.ShelfRestockPlan:
    return outputs.ShelfRestockPlan(
        plan_id=f"plan-{number}",
        store_id=store,
        shelf_id="A1",
        status="completed" if later else "issued",
        suggested_qty=9,
        issued_qty=issued,
        delivered_qty=delivered,
        current_stock=0,
        created_at=NOON,
        approved_at=None,
        closed_at=None,
        updated_at=NOON + timedelta(minutes=number),
        version=10 * number + 10 + later,
    )


def _state(store: str, n: int, version: int, stock: int) -> outputs.ShelfState:
    return outputs.ShelfState(
        store_id=store,
        shelf_id=f"A{n}",
        item_category="c",
        item_subcategory="s",
        current_stock=stock,
        deficit=0,
        capacity=30,
        shelf_weight_g=0,
        last_event_at=None,
        updated_at=NOON + timedelta(seconds=version),
        version=version,
    )
