"""The journal: source lines in the ledger's form, tick by tick, without the bridge's repeats."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from smartstore.contracts.settings import RunSettings, SourceSettings
from smartstore.verify.journal import Journal
from smartstore.verify.ledger import EventLine, LedgerError, RunLine, TickLine
from smartstore.verify.topics import Range

pytestmark = pytest.mark.unit

SETTINGS = RunSettings(name="t", stores=2, source=SourceSettings(type="External", tick_ms=1000))


@dataclass
class Delivered:
    """A record as it would be read from a topic."""

    content: Any
    redis_id: int
    tick: bool = False
    place: int = 0

    def key(self) -> bytes:
        return b"tick" if self.tick else b"s0001/x"

    def value(self) -> bytes:
        return json.dumps(self.content).encode()

    def partition(self) -> int:
        return self.place

    def offset(self) -> int:
        return 0

    def headers(self) -> list[tuple[str, bytes]]:
        return [("redis_id", b"%d-0" % self.redis_id)]


class FakeTopics:
    """Topics with given records; all others are empty."""

    def __init__(self, low: int = 0, **records: list[Delivered]) -> None:
        self._low, self._records = low, records

    def ranges(self, topic: Any) -> dict[int, Range]:
        return {0: Range(self._low, 1)}

    def read(self, topic: Any) -> Iterator[list[Delivered]]:
        yield self._records.get(topic.name, [])


def tick(second: int, redis_id: int, place: int = 0, stores: tuple[str, ...] = ("s0001",)) -> Delivered:
    moment = datetime(2026, 5, 4, 9, 0, second, tzinfo=UTC).isoformat()
    return Delivered({"event_type": "tick", "tick": moment, "stores": list(stores)}, redis_id, True, place)


def lines_of(topics: FakeTopics, directory: Path) -> list[Any]:
    journal = Journal(topics, SETTINGS, directory)  # type: ignore[arg-type]
    journal.prepare(lambda _: None)
    found: list[Any] = []
    for number, (_, line) in enumerate(journal.lines()):
        assert line.seq == number
        if isinstance(line, RunLine):
            found.append(("run", tuple(line.stores)))
        elif isinstance(line, EventLine):
            found.append((line.line, json.loads(bytes(line.data))))
        elif isinstance(line, TickLine):
            found.append(("tick", line.tick.second, tuple(line.stores)))
    return found


def test_events_stand_before_the_tick_that_closed_them_on_their_line(tmp_path: Path) -> None:
    quiet = [tick(1, 1), tick(2, 2)]
    topics = FakeTopics(
        shelf_events=[Delivered("a", 1), tick(1, 2), Delivered("b", 3), tick(2, 4), Delivered("open", 5)],
        pos_transactions=[tick(1, 1), Delivered("c", 2), tick(2, 3)],
        stock_counts=quiet,
        store_config=quiet,
        commands=quiet,
    )
    assert lines_of(topics, tmp_path) == [
        ("run", ("s0001", "s0002")),
        ("shelf_events", "a"),
        ("tick", 1, ("s0001",)),
        ("shelf_events", "b"),
        ("pos_transactions", "c"),
        ("tick", 2, ("s0001",)),
        ("shelf_events", "open"),
    ]


def test_what_the_bridge_sent_twice_counts_once_and_partitions_are_joined(tmp_path: Path) -> None:
    both = [tick(1, 1), tick(1, 1, 1, ("s0002",))]
    topics = FakeTopics(
        shelf_events=[
            Delivered("a", 1),
            tick(1, 2),
            Delivered("a", 1),
            tick(1, 2),
            tick(1, 2, 1, ("s0002",)),
        ],
        pos_transactions=both,
        stock_counts=both,
        store_config=both,
        commands=both,
    )
    assert lines_of(topics, tmp_path)[1:] == [("shelf_events", "a"), ("tick", 1, ("s0001", "s0002"))]


def test_a_tick_that_a_line_does_not_have_yet_is_not_closed(tmp_path: Path) -> None:
    behind = [tick(1, 1)]
    topics = FakeTopics(
        shelf_events=[tick(1, 1), Delivered("later", 2), tick(2, 3)],
        pos_transactions=behind,
        stock_counts=behind,
        store_config=behind,
        commands=behind,
    )
    assert lines_of(topics, tmp_path)[1:] == [("tick", 1, ("s0001",)), ("shelf_events", "later")]


def test_a_line_that_kafka_has_shortened_cannot_be_the_truth(tmp_path: Path) -> None:
    journal = Journal(FakeTopics(low=5), SETTINGS, tmp_path)  # type: ignore[arg-type]
    with pytest.raises(LedgerError, match="no longer has the beginning of"):
        journal.prepare(lambda _: None)
