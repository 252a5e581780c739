"""The queue under a clock that jumps to the next timer, so that an hour takes no time."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from smartstore_operator.runtime.work_queue import LONGEST_DELAY, WorkQueue
from tests.jumping_loop import JumpingLoop

pytestmark = pytest.mark.unit


def _run(seconds: float, scenario: Callable[[], Awaitable[WorkQueue[str]]]) -> None:
    """Let the scenario make and fill a queue, and run it for so long."""

    async def main() -> None:
        queue = await scenario()
        try:
            async with asyncio.timeout(seconds):
                await queue.run()
        except TimeoutError:
            pass

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(main())


class Work:
    """Notes who was worked on and when; each takes a second."""

    def __init__(self, *, fails: int = 0, again: float | None = None) -> None:
        self.done: list[tuple[str, float]] = []
        self.at_once, self.most = 0, 0
        self._fails, self._again = fails, again

    async def __call__(self, key: str) -> float | None:
        self.done.append((key, asyncio.get_running_loop().time()))
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(1)
        self.at_once -= 1
        if len(self.done) <= self._fails:
            raise RuntimeError("not yet")
        return self._again


def test_many_changes_of_a_waiting_key_are_one_piece_of_work() -> None:
    work = Work()

    async def scenario() -> WorkQueue[str]:
        queue = WorkQueue(work, workers=1)
        for _ in range(5):
            queue.add("a")
        queue.add("b")
        assert queue.depth == 2
        return queue

    _run(10, scenario)
    assert work.done == [("a", 0.0), ("b", 1.0)]


def test_a_change_during_the_work_is_one_more_and_never_beside_it() -> None:
    work = Work()

    async def scenario() -> WorkQueue[str]:
        queue = WorkQueue(work, workers=4)
        queue.add("a")
        for moment in (0.2, 0.4, 0.6):
            asyncio.get_running_loop().call_later(moment, queue.add, "a")
        return queue

    _run(10, scenario)
    assert work.done == [("a", 0.0), ("a", 1.0)]
    assert work.most == 1


def test_as_many_at_once_as_there_are_workers() -> None:
    work = Work()

    async def scenario() -> WorkQueue[str]:
        queue = WorkQueue(work, workers=3)
        for number in range(9):
            queue.add(f"k{number}")
        return queue

    _run(10, scenario)
    assert (len(work.done), work.most) == (9, 3)
    assert work.done[-1][1] == 2.0


def test_a_failed_key_comes_again_ever_later_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    work = Work(fails=10_000)

    async def scenario() -> WorkQueue[str]:
        queue = WorkQueue(work, workers=1)
        queue.add("a")
        return queue

    with caplog.at_level(logging.CRITICAL):
        _run(1000, scenario)
    moments = [moment for _, moment in work.done]
    pauses = [after - before - 1 for before, after in itertools.pairwise(moments)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert max(pauses) == LONGEST_DELAY


def test_a_success_forgives_the_failures(caplog: pytest.LogCaptureFixture) -> None:
    work = Work(fails=3, again=100.0)

    async def scenario() -> WorkQueue[str]:
        queue = WorkQueue(work, workers=1)
        queue.add("a")
        return queue

    with caplog.at_level(logging.CRITICAL):
        _run(300, scenario)
    moments = [moment for _, moment in work.done]
    assert moments[:4] == [0.0, 1.5, 3.5, 6.5]
    assert moments[4] - moments[3] == 101.0


def test_an_added_key_does_not_wait_for_its_timer() -> None:
    work = Work()

    async def scenario() -> WorkQueue[str]:
        queue = WorkQueue(work, workers=1)
        queue.add_later("a", 50)
        queue.add_later("a", 500)
        queue.add_later("b", 20)
        asyncio.get_running_loop().call_later(5, queue.add, "a")
        queue.add_later("c", 30)
        queue.forget("c")
        return queue

    _run(100, scenario)
    assert work.done == [("a", 5.0), ("b", 20.0)]


def test_how_long_the_oldest_waits() -> None:
    ages: list[float] = []

    async def scenario() -> WorkQueue[str]:
        queue: WorkQueue[Any] = WorkQueue(Work(), workers=1)
        for key in ("a", "b", "c"):
            queue.add(key)
        for moment in (0.5, 1.5, 9.0):
            asyncio.get_running_loop().call_later(moment, lambda: ages.append(queue.age))
        return queue

    _run(10, scenario)
    assert ages == [0.5, 1.5, 0.0]


def test_what_can_wait_waits_and_overtakes_once_it_cannot_any_more() -> None:
    work = Work()

    async def scenario() -> WorkQueue[str]:
        queue = WorkQueue(work, workers=1)
        for number in range(3):
            queue.add(f"old{number}", can_wait=True)
        queue.add("new")
        queue.add("old2")
        queue.add("old1", can_wait=True)
        return queue

    _run(10, scenario)
    assert [key for key, _ in work.done] == ["new", "old2", "old0", "old1"]


def test_those_that_look_often_do_not_starve_who_waits_for_a_first_look() -> None:
    """Two that want to look again at once, and one worker: the others have their turn all the same."""

    class Eager(Work):
        async def __call__(self, key: str) -> float | None:
            await super().__call__(key)
            return 0.0 if key.startswith("eager") else None

    work = Eager()

    async def scenario() -> WorkQueue[str]:
        queue = WorkQueue(work, workers=1)
        for number in range(2):
            queue.add(f"eager{number}")
        for number in range(5):
            queue.add(f"first{number}", can_wait=True)
        return queue

    _run(20, scenario)
    assert [key for key, _ in work.done if key.startswith("first")] == [
        f"first{number}" for number in range(5)
    ]
