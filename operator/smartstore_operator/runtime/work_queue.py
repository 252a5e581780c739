"""A queue of keys to work on: each key once, never by two workers at a time, again after a failure.

What happened to a key is not kept: the work looks at what is there (level-triggered), so any number of changes while
a key waits are one piece of work, and changes while it is worked on are one more. What can wait, such as a first look
at everything after a start or one without a reason, is worked on when nothing else is, each in its turn.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

FIRST_DELAY, LONGEST_DELAY = 0.5, 60.0
"""Seconds until a key is tried again; they double with each failure in a row."""

Key = TypeVar("Key", bound=Hashable)


class WorkQueue(Generic[Key]):
    """Runs `work` for the keys that are added. `work` returns the seconds until it wants to look again, or None."""

    def __init__(
        self,
        work: Callable[[Key], Awaitable[float | None]],
        workers: int,
        expected: tuple[type[Exception], ...] = (),
    ) -> None:
        """`expected` are failures whose message says all."""
        self._work, self._workers, self._expected = work, workers, expected
        self._ready: asyncio.PriorityQueue[tuple[bool, int, Key]] = asyncio.PriorityQueue()
        self._order = itertools.count()
        self._waiting: dict[Key, float] = {}
        """Keys that are ready, and since when."""
        self._unhurried: set[Key] = set()
        """Those of them that can wait."""
        self._running: set[Key] = set()
        self._again: set[Key] = set()
        """Keys that changed while they were worked on."""
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}

    def add(self, key: Key, *, can_wait: bool = False) -> None:
        """Work on the key as soon as a worker is free; with `can_wait` when there is nothing else to do."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if key in self._running:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting[key] = asyncio.get_running_loop().time()
            if can_wait:
                self._unhurried.add(key)
            self._ready.put_nowait((can_wait, next(self._order), key))
        elif not can_wait and key in self._unhurried:  # it overtakes; what stands further back is passed over
            self._unhurried.discard(key)
            self._ready.put_nowait((can_wait, next(self._order), key))

    def add_later(self, key: Key, seconds: float, *, can_wait: bool = False) -> None:
        """Work on the key after so many seconds, or earlier if it is added before; `can_wait` as in `add`."""
        if key in self._waiting or key in self._again:
            return
        loop = asyncio.get_running_loop()
        known = self._timers.get(key)
        if known is not None:
            if known.when() <= loop.time() + seconds:
                return
            known.cancel()
        self._timers[key] = loop.call_later(seconds, partial(self.add, key, can_wait=can_wait))

    def forget(self, key: Key) -> None:
        """The thing is gone: its failures and timers go too."""
        self._failures.pop(key, None)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    @property
    def depth(self) -> int:
        """Keys that wait for a worker."""
        return len(self._waiting)

    @property
    def age(self) -> float:
        """Seconds that the oldest key waits; 0 if none does."""
        if not self._waiting:
            return 0.0
        return asyncio.get_running_loop().time() - next(iter(self._waiting.values()))

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            _, _, key = await self._ready.get()
            if key not in self._waiting:
                continue
            del self._waiting[key]
            self._unhurried.discard(key)
            self._running.add(key)
            try:
                await self._once(key)
            finally:
                self._running.discard(key)
            if key in self._again:
                self._again.discard(key)
                self.add(key)

    async def _once(self, key: Key) -> None:
        try:
            wanted = await self._work(key)
        except Exception as error:  # one broken thing must not stop the others
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(failures - 1, 16))
            what = "%s failed %d times in a row, next try in %g s: %s"
            # who knows what it is about says so in words; anything else needs its place in the code
            known = isinstance(error, self._expected)
            log.error(what, key, failures, delay, error, exc_info=None if known else error)
            asyncio.get_running_loop().call_soon(self.add_later, key, delay)
            return
        self._failures.pop(key, None)
        if wanted is not None:
            # Nothing has happened: it comes after what waits already, or those that look often would starve others.
            asyncio.get_running_loop().call_soon(partial(self.add_later, key, wanted, can_wait=True))
