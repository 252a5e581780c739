"""First reading of the ledger: what was emitted, in which order, without decoding the records themselves.

Kept small (24 bytes an event), it lets the source topics be compared with the ledger and finds records that did not
come from it; the second reading (`replay`) then recomputes the stock.
"""

import sys
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
from msgspec import Struct

from smartstore.contracts.fields import Timestamp
from smartstore.contracts.settings import RunSettings
from smartstore.verify.ledger import BrokenLine, EventLine, Ledger, LedgerError, RunLine, TickLine
from smartstore.verify.ticks import from_milliseconds, milliseconds

DEDUP_WINDOW = timedelta(hours=24)
"""The bridge refuses what is older than this, in business time: it could not tell a repeat of it."""


class Identity(Struct, frozen=True):
    """What every event carries."""

    event_id: str
    store_id: str
    timestamp: Timestamp


IDENTITY = msgspec.json.Decoder(Identity)


@dataclass
class Emitted:
    """The events of one store on one line, in order of emission, duplicates left out."""

    contents: "array[int]" = field(default_factory=lambda: array("q"))
    """hash(record bytes)"""
    ids: "array[int]" = field(default_factory=lambda: array("q"))
    """hash(event_id)"""
    locations: "array[int]" = field(default_factory=lambda: array("q"))
    due: int = 0
    """How many stand before the acknowledged tick."""


@dataclass(frozen=True)
class RefusedText:
    """A text the bridge must refuse."""

    line: str
    store_id: str
    text: str
    too_old: bool = False


@dataclass
class LedgerIndex:
    """What the ledger says was emitted up to its last tick."""

    settings: RunSettings
    stores: set[str]
    """All that there have been."""
    last_seq: int = -1
    last_tick: int = -1
    """Last committed tick, epoch ms."""
    emitted: dict[tuple[str, str], Emitted] = field(default_factory=dict)
    """By (line, store)."""
    refused: list[RefusedText] = field(default_factory=list)
    """Texts the bridge must refuse, in order."""
    refused_due: int = 0
    """How many of them stand before the acknowledged tick."""
    refused_seqs: set[int] = field(default_factory=set)
    """Events that are too old for the bridge."""
    duplicate_ids: "array[int]" = field(default_factory=lambda: array("q"))
    """hash(event_id) of the events marked as duplicates."""
    data_lines: Counter[str] = field(default_factory=Counter)
    """By line: event and broken lines before the acknowledged tick."""
    duplicates: Counter[str] = field(default_factory=Counter)
    """By line: events marked as duplicates before the acknowledged tick, too old ones left out."""


def read_index(ledger: Ledger, tick: int, progress: Callable[[str], None]) -> LedgerIndex:
    """Read the ledger up to its last tick; `tick` is the acknowledged one (epoch ms).

    Raises `LedgerError` when the ledger has no run line or ends before `tick`.
    """
    return _IndexReader(tick).read(ledger, progress)


class _IndexReader:
    def __init__(self, tick: int) -> None:
        self._tick = tick
        self._reached = False
        self._index: LedgerIndex | None = None
        self._last: dict[str, int] = {}
        self._uncommitted: list[tuple[str, bool]] = []
        """(line, duplicate) of the data lines since the last tick line."""

    def read(self, ledger: Ledger, progress: Callable[[str], None]) -> LedgerIndex:
        number = 0
        for number, (location, line) in enumerate(ledger.lines(), 1):
            if type(line) is EventLine:
                self._event(line, location)
            elif type(line) is TickLine:
                self._commit(line)
            elif type(line) is BrokenLine:
                self._uncommitted.append((line.line, False))
                self._known(line.seq).refused.append(RefusedText(line.line, line.store_id, line.raw))
            elif type(line) is RunLine and self._index is None:
                self._index = LedgerIndex(line.settings, set(line.stores))
            if number % 500_000 == 0:
                progress(f"ledger: {number:,} lines indexed")
        index = self._known(number)
        if not self._reached:
            raise LedgerError(
                f"the ledger (up to {from_milliseconds(index.last_tick).isoformat()}) does not have the acknowledged "
                f"tick {from_milliseconds(self._tick).isoformat()}: is it the ledger of this run?"
            )
        return index

    def _event(self, line: EventLine, location: int) -> None:
        index = self._known(line.seq)
        data = bytes(line.data)
        identity = IDENTITY.decode(data)
        duplicate = line.fault == "duplicate"
        last = self._last.get(identity.store_id)
        if last is not None and identity.timestamp < from_milliseconds(last) - DEDUP_WINDOW:
            index.refused.append(RefusedText(line.line, identity.store_id, data.decode(), too_old=True))
            index.refused_seqs.add(line.seq)
            self._uncommitted.append((line.line, False))
            return
        self._uncommitted.append((line.line, duplicate))
        if duplicate:
            index.duplicate_ids.append(hash(identity.event_id))
            return
        emitted = index.emitted.get((line.line, identity.store_id))
        if emitted is None:
            emitted = index.emitted[sys.intern(line.line), identity.store_id] = Emitted()
        emitted.contents.append(hash(data))
        emitted.ids.append(hash(identity.event_id))
        emitted.locations.append(location)

    def _commit(self, line: TickLine) -> None:
        index = self._known(line.seq)
        tick = milliseconds(line.tick)
        index.stores.update(line.stores)
        for store in line.stores:
            self._last[store] = tick
        index.last_seq, index.last_tick = line.seq, max(index.last_tick, tick)
        if tick > self._tick:
            return
        for name, duplicate in self._uncommitted:
            index.data_lines[name] += 1
            index.duplicates[name] += duplicate
        self._uncommitted.clear()
        if tick == self._tick:
            for emitted in index.emitted.values():
                emitted.due = len(emitted.contents)
            index.refused_due = len(index.refused)
            self._reached = True

    def _known(self, seq: int) -> LedgerIndex:
        if self._index is None:
            raise LedgerError(
                f"the ledger has no `run` line before sequence {seq}: it does not start at its beginning"
            )
        return self._index
