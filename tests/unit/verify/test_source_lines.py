"""Source topics against the ledger."""

from dataclasses import dataclass

import msgspec
import pytest

from smartstore.verify.differences import Check
from smartstore.verify.facts import FactCollection
from smartstore.verify.ledger import EventLine
from smartstore.verify.source_lines import LineComparison, event_reader


@dataclass
class Delivered:
    """A record as it would be read from the topic."""

    data: bytes
    store: bytes = b"s1/f1"
    redis_id: int = 1
    place: int = 0

    def key(self):
        return self.store

    def value(self):
        return self.data

    def partition(self):
        return 0

    def offset(self):
        return self.place

    def headers(self):
        return [("redis_id", b"%d-0" % self.redis_id)]


@pytest.fixture
def line(small, shelf_topic):
    """Five pickups in the ledger; (comparison, their records, the check)."""

    def make(cut=False):
        small.open()
        for minute in range(6, 11):
            small.move(minute, "pickup", 1)
        small.tick(15)
        index, ledger, check = small.index(), small.write(), Check("source")
        emitted = {"s1": index.emitted["shelf_events", "s1"]}
        comparison = LineComparison(
            check, shelf_topic, emitted, 300_000, event_reader(ledger), lambda _: cut, FactCollection()
        )
        values = [bytes(entry.data) for _, entry in ledger.lines() if isinstance(entry, EventLine)]
        return comparison, [Delivered(v, redis_id=n) for n, v in enumerate(values[2:])], check

    return make


def deliver(comparison, records):
    for record in records:
        comparison.record(record)
    return comparison.finish()


def test_all_in_order_is_clean(line):
    comparison, records, check = line()
    assert deliver(comparison, records) == 5
    assert (check.total, check.compared) == (0, 5)


def test_repeats_by_position_are_clean_but_a_second_entry_is_not(line):
    comparison, records, check = line()
    assert deliver(comparison, records + records[1:3]) == 5
    assert check.total == 0
    comparison.record(Delivered(records[0].data, redis_id=99))
    assert check.kinds() == {"repeat was let through": 1}


def test_a_missing_event(line):
    comparison, records, check = line()
    assert deliver(comparison, records[:2] + records[3:]) == 4
    assert check.kinds() == {"is missing": 1}


def test_missing_at_the_end(line):
    comparison, records, check = line()
    assert deliver(comparison, records[:3]) == 3
    assert check.kinds() == {"is missing": 2}


def test_swapped_events(line):
    comparison, records, check = line()
    records[1], records[2] = records[2], records[1]
    assert deliver(comparison, records) == 5
    assert check.kinds() == {"out of order": 1}


def test_changed_content_but_not_changed_spelling(line):
    comparison, records, check = line()
    fields = msgspec.json.decode(records[0].data)
    records[0] = Delivered(msgspec.json.encode(fields | {"customer_id": None}))
    records[1] = Delivered(records[1].data.replace(b'"quantity": 1', b'"quantity": 2'))
    assert deliver(comparison, records) == 5
    assert check.kinds() == {"content differs": 1}


def test_what_kafka_no_longer_keeps_is_no_difference(line):
    comparison, records, check = line(cut=True)
    deliver(comparison, records[3:])
    assert check.total == 0
    assert comparison.cut_events == 3


def test_a_stranger_gets_its_effective_tick_from_its_place(line, small, minute):
    comparison, records, _ = line()
    stranger = msgspec.json.encode(msgspec.json.decode(records[0].data) | {"event_id": "by-hand"})
    tick = msgspec.json.encode({"event_type": "tick", "tick": small.iso(15), "stores": ["s1"]})
    deliver(comparison, [*records, Delivered(tick, store=b"tick"), Delivered(stranger), Delivered(stranger)])
    assert [(s.record.event_id, s.tick) for s in comparison.strangers.values()] == [("by-hand", minute(20))]


def test_what_is_no_event_is_a_difference(line):
    comparison, records, check = line()
    deliver(comparison, [*records, Delivered(b"{}")])
    assert check.kinds() == {"is no event": 1}


def test_a_stranger_counts_in_the_replay(line, small):
    comparison, records, _ = line()
    stranger = msgspec.json.encode(
        msgspec.json.decode(records[0].data) | {"event_id": "by-hand", "quantity": 2}
    )
    comparison.record(Delivered(stranger))
    truth = small.replay(*comparison.strangers.values())
    assert truth.shelves.find(("s1", "f1")).balance_at(small.last_tick) == 8 - 5 - 2
