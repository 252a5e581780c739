"""Acknowledged ticks: all stores, all facts."""

import threading

import pytest

from smartstore.contracts.wire import encode, from_epoch_ms
from smartstore.world.progress import Progress

pytestmark = pytest.mark.unit

TICK = 300_000


def status(store: str, tick: int, facts: int = 0, application: str = "hot") -> bytes:
    """A record of `job_status`."""
    row = {"application": application, "store_id": store, "tick": from_epoch_ms(tick * TICK), "facts": facts}
    return encode(row | {"job": "a-job", "dropped": 0})


class Arrived(dict[str, int]):
    """How many facts of each store have arrived; the test says so."""

    def __call__(self, store: str) -> int:
        return self.get(store, 0)


class Followed:
    """Progress as a source of these stores asks for it; none of them has a tick before its first one."""

    def __init__(self, progress: Progress, stores: tuple[str, ...]) -> None:
        self._progress, self._since = progress, dict.fromkeys(stores, 0)
        self.take = progress.take

    def acknowledged_ms(self) -> int | None:
        return self._progress.acknowledged_ms(self._since)

    def acknowledged_facts(self) -> dict[str, int]:
        return dict(self._progress.acknowledged().facts)


def progress(arrived: Arrived, *stores: str) -> Followed:
    return Followed(Progress(threading.Condition(), arrived), stores)


def test_the_slowest_store_counts() -> None:
    subject = progress(Arrived(), "a", "b")
    assert subject.acknowledged_ms() == 0
    subject.take([status("a", 3)])
    assert subject.acknowledged_ms() == 0
    subject.take([status("b", 2)])
    assert subject.acknowledged_ms() == 2 * TICK
    subject.take([status("b", 7)])
    assert subject.acknowledged_ms() == 3 * TICK


def test_a_tick_counts_only_when_its_facts_have_arrived() -> None:
    arrived = Arrived()
    subject = progress(arrived, "a")
    subject.take([status("a", 1, 0), status("a", 2, 3)])
    assert (subject.acknowledged_ms(), subject.acknowledged_facts()) == (TICK, {"a": 0})
    arrived["a"] = 2
    assert subject.acknowledged_ms() == TICK
    arrived["a"] = 3
    assert (subject.acknowledged_ms(), subject.acknowledged_facts()) == (2 * TICK, {"a": 3})


def test_facts_of_a_later_tick_do_not_count_before_it() -> None:
    """They may have arrived ahead of the status of their tick."""
    subject = progress(Arrived(a=9), "a")
    subject.take([status("a", 1, 4)])
    assert subject.acknowledged_facts() == {"a": 4}


def test_a_tick_whose_facts_are_missing_holds_the_ones_after_it() -> None:
    arrived = Arrived(a=1)
    subject = progress(arrived, "a")
    subject.take([status("a", tick, tick) for tick in (1, 2, 3)])
    assert subject.acknowledged_ms() == TICK
    arrived["a"] = 3
    assert (subject.acknowledged_ms(), subject.acknowledged_facts()) == (3 * TICK, {"a": 3})


def test_missing_facts_of_one_store_hold_that_store() -> None:
    subject = progress(Arrived(), "a", "b")
    subject.take([status("a", 1), status("b", 1), status("a", 2, 1), status("b", 2)])
    assert subject.acknowledged_ms() == TICK
    assert subject.acknowledged_facts() == {"a": 0, "b": 0}


def test_progress_never_goes_back() -> None:
    subject = progress(Arrived(a=5), "a")
    subject.take([status("a", 4, 5)])
    assert subject.acknowledged_ms() == 4 * TICK
    subject.take([status("a", 3, 2), status("a", 4, 5)])
    assert (subject.acknowledged_ms(), subject.acknowledged_facts()) == (4 * TICK, {"a": 5})


def test_what_is_no_status_of_the_hot_application_is_ignored() -> None:
    subject = progress(Arrived(), "a")
    subject.take([None, b"", b"{}", status("elsewhere", 1), status("a", 1, application="cold")])
    assert subject.acknowledged_ms() == 0


def test_any_shard_of_the_hot_application_speaks_for_its_stores() -> None:
    """Also after another one did, before the stores were shared in another way."""
    subject = progress(Arrived(), "a", "b")
    subject.take([status("a", 1, application="hot-0"), status("b", 2, application="hot-1")])
    assert subject.acknowledged_ms() == TICK
    subject.take([status("a", 3), status("b", 1, application="hot-3")])
    assert subject.acknowledged_ms() == 2 * TICK


def test_a_status_without_facts_is_one_of_no_facts() -> None:
    subject = progress(Arrived(), "a")
    subject.take([b'{"application":"hot","store_id":"a","tick":"1970-01-01T00:05:00Z"}'])
    assert (subject.acknowledged_ms(), subject.acknowledged_facts()) == (TICK, {"a": 0})


def test_only_the_stores_asked_for_count() -> None:
    """A store that opened later counts from the tick before its first one; one that has closed does not count."""
    subject = Progress(threading.Condition(), Arrived())
    subject.take([status("a", 7), status("closed", 2)])
    assert subject.acknowledged_ms({"a": 0, "new": 6 * TICK}) == 6 * TICK
    subject.take([status("new", 8)])
    assert subject.acknowledged_ms({"a": 0, "new": 6 * TICK}) == 7 * TICK
    assert subject.acknowledged_ms({}) is None
