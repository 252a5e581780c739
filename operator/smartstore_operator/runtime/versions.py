"""What the watches told of the objects of each SmartStore, so that most events need no look at the API server.

Only versions are kept, not objects: thousands of SmartStores have some fifty objects each.
"""

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)
Versions = dict[tuple[str, str], str]
"""Resource version by kind and name."""


class Watched(Generic[Name]):
    """The last version of every object, by SmartStore; and the versions at which nothing was left to do."""

    def __init__(self, valid_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """What was found settled is looked at again after `valid_seconds`, whatever the watches say."""
        self._valid_seconds, self._clock = valid_seconds, clock
        self._versions: dict[Name, Versions] = {}
        self._settled: dict[Name, tuple[Versions, float]] = {}

    def told(self, name: Name, kind: str, item: str, version: str | None) -> None:
        """A watch told of an object of the SmartStore; no version: it is gone."""
        known = self._versions.setdefault(name, {})
        if version is None:
            known.pop((kind, item), None)
        else:
            known[kind, item] = version

    def now(self, name: Name) -> Versions:
        """The versions known now."""
        return dict(self._versions.get(name, {}))

    def settled(self, name: Name, before: Versions, seen: Versions) -> None:
        """A look found these versions and nothing left to do; `before` is what was known when it began.

        What was known and is not found is gone without having been told.
        """
        known = self._versions.setdefault(name, {})
        for item, version in before.items():
            if item not in seen and known.get(item) == version:
                del known[item]
        self._settled[name] = seen, self._clock() + self._valid_seconds

    def is_settled(self, name: Name) -> bool:
        """Whether all that is told is what the last look found, and nothing was left to do."""
        seen, until = self._settled.get(name, ({}, 0.0))
        return self._clock() < until and seen == self._versions.get(name, {})

    def forget(self, name: Name) -> None:
        """The SmartStore is gone."""
        self._versions.pop(name, None)
        self._settled.pop(name, None)
