"""Rows and records against what they must be (docs/architecture.md, Versions).

A row may be ahead of the acknowledged tick: it is compared with what its key must be at the row's own version, and no
change of the key may be due between that version and the acknowledged tick.
"""

from array import array
from bisect import bisect_left, bisect_right

import numpy as np
from msgspec import Struct
from msgspec.structs import fields

from smartstore.contracts.wire import from_epoch_ms
from smartstore.verify.differences import Check
from smartstore.verify.histories import Expected, History, Key

NOTHING = "nothing"
_UNSEEN = -(2**62)
_AHEAD = 2**62


class Comparison:
    """Rows of one table, or records of one topic, against the expected keys."""

    def __init__(self, check: Check, expected: Expected, until: int) -> None:
        """`until`: changes with a version below it are due (epoch ms of the tick after the acknowledged one)."""
        self._check, self._expected, self._until = check, expected, until
        self._newest = array("q", [_UNSEEN]) * len(expected)
        """By ordinal: the newest version seen."""

    def row(self, key: Key, record: Struct) -> int | None:
        """Compare one row; returns its key's ordinal, None when nothing may exist under the key."""
        self._check.compared += 1
        history = self._expected.find(key)
        if history is None or not history.versions:
            self._check.differs("should not exist", name_of(key), NOTHING, _brief(record))
            return None
        ordinal, version = history.ordinal, record.version  # type: ignore[attr-defined]
        if version > self._newest[ordinal]:
            self._newest[ordinal] = version
        _compare(self._check, key, history, record, version)
        return ordinal

    def ahead(self, key: Key) -> None:
        """Note that the key has a record newer than what is compared."""
        history = self._expected.find(key)
        if history is not None:
            self._newest[history.ordinal] = _AHEAD

    def finish(self, *, complete: bool = True) -> None:
        """After the last row: report keys that are missing (unless the rows were not `complete`) or behind."""
        for key, history in self._expected.all():
            versions, seen = history.versions, self._newest[history.ordinal]
            if versions[0] >= self._until or seen >= versions[-1]:
                continue
            due = bisect_left(versions, self._until) - 1
            if seen == _UNSEEN:
                if complete:
                    self._check.differs("is missing", name_of(key), _brief(history.record(due)), NOTHING)
            elif any(history.mandatory(i) for i in range(bisect_right(versions, seen), due + 1)):
                found = f"version {seen} at {from_epoch_ms(seen).isoformat()}"
                self._check.differs("is behind", name_of(key), _brief(history.record(due)), found)


def _compare(check: Check, key: Key, history: History, record: Struct, version: int) -> None:
    """Compare a record with its key's history at the record's version; reports each field that differs."""
    versions = history.versions
    index = bisect_left(versions, version)
    if index == len(versions) or versions[index] != version:
        nearest = _brief(history.record(index - 1)) if index else NOTHING
        check.differs("unexpected version", name_of(key), nearest, _brief(record))
        return
    expected = history.record(index)
    if expected == record:
        return
    for field in fields(expected):
        wanted, found = getattr(expected, field.name), getattr(record, field.name)
        if wanted != found:
            check.differs(
                f"{field.name} differs",
                f"{name_of(key)} at {from_epoch_ms(version).isoformat()}",
                wanted,
                found,
            )


class Repeats:
    """The order and the repeats of one topic: a key's versions rise, and a repeat has the same bytes."""

    def __init__(self, check: Check, expected: Expected) -> None:
        self._check, self._expected = check, expected
        self._keys, self._versions, self._hashes = array("q"), array("q"), array("q")

    def record(self, ordinal: int, version: int, value: bytes) -> None:
        """Add a record, in the order of its partition."""
        self._keys.append(ordinal)
        self._versions.append(version)
        self._hashes.append(hash(value))

    def finish(self, *, compacted: bool) -> None:
        """After the last record: report repeats with other bytes and versions that fall.

        In a `compacted` topic a repeat may have outlived its original, so falling versions say nothing there.
        """
        if not self._keys:
            return
        keys, versions, hashes = (
            np.frombuffer(a, np.int64) for a in (self._keys, self._versions, self._hashes)
        )
        order = np.lexsort((versions, keys))
        same = (np.diff(keys[order]) == 0) & (np.diff(versions[order]) == 0)
        unequal = same & (np.diff(hashes[order]) != 0)
        self._report("a repeat has other bytes", order[1:][unequal], "the same bytes")
        if compacted:
            return
        first = np.sort(order[np.concatenate(([True], ~same))])
        by_key = first[np.argsort(keys[first], kind="stable")]
        falls = (np.diff(keys[by_key]) == 0) & (np.diff(versions[by_key]) < 0)
        self._report("version falls", by_key[1:][falls], "a higher version than before")

    def _report(self, what: str, places: "np.ndarray[tuple[int], np.dtype[np.intp]]", wanted: str) -> None:
        if not len(places):
            return
        concerned = {self._keys[place] for place in places}
        names = {h.ordinal: name_of(key) for key, h in self._expected.all() if h.ordinal in concerned}
        for place in places:
            self._check.differs(what, names[self._keys[place]], wanted, f"version {self._versions[place]}")


def name_of(key: Key) -> str:
    """The key as people read it."""
    return "/".join(map(str, key))


_BRIEF = (
    "status",
    "current_stock",
    "quantity_store",
    "quantity",
    "deficit",
    "total_cents",
    "alert_type",
    "shelf_id",
)


def _brief(record: Struct) -> str:
    parts = [f"{name}={getattr(record, name)}" for name in _BRIEF if hasattr(record, name)]
    version = getattr(record, "version", None)
    if version is not None:
        parts.append(f"at {from_epoch_ms(version).isoformat()}")
    return " ".join(parts)
