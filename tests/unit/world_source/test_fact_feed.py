"""Facts of the jobs as they arrive from Kafka: known by their numbers, none lost, none taken twice."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartstore.contracts.brokers import Brokers
from smartstore.world import fact_feed
from smartstore.world.fact_feed import FactFeed

pytestmark = pytest.mark.unit

WH, SHELF, CONFIG = "wh_events", "shelf_events", "store_config"


class FakeMessage:
    """A message of Kafka; without a number it is no fact."""

    def __init__(
        self, offset: int, number: int = 0, *, store: str = "a", partition: int = 0, headers: Any = None
    ) -> None:
        self._place = partition, offset
        self._store = store
        self._headers = headers
        self._number = number
        if number:
            self._headers = [("job", b"a-job"), ("fact", str(number).encode())]

    def partition(self) -> int:
        return self._place[0]

    def offset(self) -> int:
        return self._place[1]

    def key(self) -> bytes:
        return f"{self._store}/shelf".encode()

    def value(self) -> bytes:
        return f"{self._store}{self._number}".encode()

    def headers(self) -> Any:
        return self._headers


class FakeFollower:
    """Stands in for the thread that reads a topic."""

    def __init__(
        self,
        brokers: Brokers,
        topics: Sequence[str],
        deliver: Callable[[Sequence[Any]], None],
        *,
        start: Mapping[str, Mapping[int, int]],
    ) -> None:
        (self.topic,) = topics
        self.deliver, self.start_at = deliver, dict(start[self.topic])
        self.running = False

    def start(self) -> None:
        self.running = True

    def close(self) -> None:
        self.running = False


class Bell(threading.Condition):
    """Counts how often it rang."""

    rung = 0

    def notify_all(self) -> None:
        self.rung += 1
        super().notify_all()


@pytest.fixture(autouse=True)
def _without_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fact_feed, "TopicFollower", FakeFollower)


def feed_of(
    positions: Mapping[str, Mapping[int, int]] | None = None, taken: Mapping[str, int] | None = None
) -> FactFeed:
    feed = FactFeed(Brokers("kafka:9092"), "", Bell())
    feed.follow(positions or {}, taken or {})
    return feed


def follower(feed: FactFeed, line: str) -> Any:
    return next(one for one in feed._followers if getattr(one, "topic", "") == line)


def arrive(feed: FactFeed, line: str, *messages: FakeMessage) -> None:
    follower(feed, line).deliver(messages)


def taken(feed: FactFeed, **upto: int) -> list[tuple[str, int]]:
    return [(fact.store_id, fact.number) for fact in feed.take(upto)]


def test_facts_come_by_store_and_number_whatever_line_they_stand_on() -> None:
    feed = feed_of()
    arrive(feed, SHELF, FakeMessage(0, 2), FakeMessage(1, 1, store="b"))
    arrive(feed, WH, FakeMessage(0, 1), FakeMessage(1, 3))
    assert taken(feed, b=1, a=3) == [("a", 1), ("a", 2), ("a", 3), ("b", 1)]


def test_a_fact_is_its_record_on_its_line() -> None:
    feed = feed_of()
    arrive(feed, SHELF, FakeMessage(7, 1))
    (fact,) = feed.take({"a": 1})
    assert (fact.line, fact.data) == (SHELF, b"a1")


def test_each_fact_is_taken_once() -> None:
    feed = feed_of()
    arrive(feed, WH, FakeMessage(0, 1), FakeMessage(1, 2), FakeMessage(2, 3))
    assert taken(feed, a=2) == [("a", 1), ("a", 2)]
    assert taken(feed, a=2) == []
    assert feed.taken == {"a": 2}
    assert taken(feed, a=3) == [("a", 3)]


def test_repeats_are_known_whether_waiting_or_taken() -> None:
    feed = feed_of()
    arrive(feed, WH, FakeMessage(0, 1), FakeMessage(1, 1), FakeMessage(2, 2))
    assert taken(feed, a=1) == [("a", 1)]
    arrive(feed, WH, FakeMessage(3, 1), FakeMessage(4, 2))
    assert feed.received("a") == 2
    assert taken(feed, a=2) == [("a", 2)]


def test_a_gap_holds_what_counts_as_received() -> None:
    feed = feed_of()
    assert feed.received("a") == 0
    arrive(feed, WH, FakeMessage(0, 1), FakeMessage(1, 2), FakeMessage(2, 4))
    assert feed.received("a") == 2
    assert feed.received("b") == 0
    arrive(feed, SHELF, FakeMessage(0, 3))
    assert feed.received("a") == 4


def test_what_is_taken_counts_as_received() -> None:
    feed = feed_of(taken={"a": 5})
    assert feed.received("a") == 5
    arrive(feed, WH, FakeMessage(0, 6))
    assert feed.received("a") == 6


@pytest.mark.parametrize(
    "headers",
    [
        None,
        [],
        [("stream", b"wh_events"), ("redis_id", b"1-1")],
        [("job", b"a-job"), ("tick", b"1")],
        [("job", b"a-job")],
    ],
)
def test_records_of_others_only_move_the_position(headers: Any) -> None:
    feed = feed_of()
    arrive(feed, WH, FakeMessage(4, headers=headers))
    assert feed.received("a") == 0
    assert feed.positions() == {WH: {0: 5}, SHELF: {}, CONFIG: {}}


def test_positions_never_skip_what_waits() -> None:
    feed = feed_of()
    arrive(feed, WH, FakeMessage(3, 1), FakeMessage(4), FakeMessage(5, 3), FakeMessage(8, 1, partition=1))
    arrive(feed, SHELF, FakeMessage(9, 2), FakeMessage(10))
    assert feed.positions() == {WH: {0: 3, 1: 9}, SHELF: {0: 9}, CONFIG: {}}
    feed.take({"a": 1})
    assert feed.positions() == {WH: {0: 5, 1: 9}, SHELF: {0: 9}, CONFIG: {}}
    feed.take({"a": 3})
    assert feed.positions() == {WH: {0: 6, 1: 9}, SHELF: {0: 11}, CONFIG: {}}


def test_positions_read_nothing_of_yet_stay() -> None:
    start = {WH: {0: 7, 1: 2}, SHELF: {0: 3}}
    feed = feed_of(start)
    assert {line: follower(feed, line).start_at for line in (WH, SHELF)} == start
    arrive(feed, WH, FakeMessage(7))
    assert feed.positions() == {WH: {0: 8, 1: 2}, SHELF: {0: 3}, CONFIG: {}}


def test_who_waits_is_told_of_facts_only() -> None:
    bell = Bell()
    feed = FactFeed(Brokers("kafka:9092"), "", bell)
    feed.follow({}, {})
    arrive(feed, WH, FakeMessage(0))
    assert bell.rung == 0
    arrive(feed, WH, FakeMessage(1, 1), FakeMessage(2, 2))
    assert bell.rung == 1


def test_lines_have_the_prefix_of_topics_and_are_left_at_the_end() -> None:
    feed = FactFeed(Brokers("kafka:9092"), "x.", Bell())
    feed.follow({}, {})
    followers: list[Any] = feed._followers
    assert {one.topic for one in followers} == {"x.wh_events", "x.shelf_events", "x.store_config"}
    assert all(one.running for one in followers)
    feed.close()
    assert not any(one.running for one in followers)


@given(
    lines=st.lists(st.sampled_from([WH, SHELF]), min_size=1, max_size=20),
    steps=st.lists(st.sampled_from([WH, SHELF, "take", "restart"]), max_size=60),
)
def test_every_fact_is_taken_once_and_in_order_over_restarts(lines: list[str], steps: list[str]) -> None:
    """Fact n stands on `lines[n - 1]`; a restart reads on from the positions of the last take."""
    logs: dict[str, list[FakeMessage]] = {WH: [], SHELF: []}
    for number, line in enumerate(lines, 1):
        logs[line].append(FakeMessage(len(logs[line]), number))
    feed, told = feed_of(), []
    read = {WH: 0, SHELF: 0}
    kept: tuple[Any, dict[str, int]] = {}, {}
    for step in [*steps, *[WH] * 20, *[SHELF] * 20, "take"]:
        if step == "take":
            told += [number for _, number in taken(feed, a=feed.received("a"))]
            kept = feed.positions(), dict(feed.taken)
        elif step == "restart":
            feed = feed_of(*kept)
            read = {line: follower(feed, line).start_at.get(0, 0) for line in logs}
        elif read[step] < len(logs[step]):
            arrive(feed, step, logs[step][read[step]])
            read[step] += 1
    assert told == list(range(1, len(lines) + 1))
