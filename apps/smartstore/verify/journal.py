"""The journal of accepted events: an External source has no ledger, so the source lines themselves are the truth.

What the bridge accepted stands on Kafka with the ticks, in each store's order. Written down tick by tick it has the
ledger's form, and everything else of the verification works on it: the stock, the lots, the alerts and the tables must
follow from what was accepted. Whether all that tills have sent was accepted it cannot say; the gateway's answers do.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from smartstore.contracts import topics as contract
from smartstore.contracts.events import Tick
from smartstore.contracts.settings import RunSettings, numbered_stores
from smartstore.contracts.topics import Topic
from smartstore.contracts.wire import HEADER_POSITION, TICK_DECODER, TICK_KEY
from smartstore.verify.facts import number_of
from smartstore.verify.ledger import Ledger, LedgerError
from smartstore.verify.ticks import from_milliseconds, milliseconds
from smartstore.verify.topics import Record, Topics

_FILE = "00000000.jsonl"


class Journal(Ledger):
    """A ledger made from the source lines in a directory of its own; empty but for its `run` line until `prepare`."""

    def __init__(self, topics: Topics, settings: RunSettings, directory: Path) -> None:
        super().__init__(directory)
        self._topics = topics
        self._path = directory / _FILE
        run = {"kind": "run", "seq": 0, "settings": settings, "stores": numbered_stores(settings.stores)}
        self._path.write_bytes(msgspec.json.encode(run) + b"\n")

    def prepare(self, progress: Callable[[str], None]) -> None:
        """Read all source lines to their present end.

        Raises:
            LedgerError: Kafka no longer has the beginning of a line.
        """
        sections = _Sections()
        for topic in contract.LINES:
            progress(f"journal: {topic.name}")
            ranges = self._topics.ranges(topic)
            if any(one.low > 0 for one in ranges.values()):
                raise LedgerError(
                    f"the truth of an External source is what Kafka keeps, and it no longer has the beginning of "
                    f"{topic.name}"
                )
            line = _Line(topic, sections)
            for batch in self._topics.read(topic):
                for message in batch:
                    line.take(message)
            line.finish()
        with self._path.open("ab") as file:
            for seq, entry in enumerate(sections.entries(), 1):
                file.write(_event(seq, *entry) if isinstance(entry, tuple) else _tick(seq, entry))


class _Sections:
    """What stands between two ticks, over all lines. Ticks are epoch milliseconds."""

    def __init__(self) -> None:
        self.events: defaultdict[int, list[tuple[str, bytes]]] = defaultdict(list)
        """By the tick that closes them: line and record."""
        self.open: list[tuple[str, bytes]] = []
        """Behind the last tick of their line."""
        self.stores: defaultdict[int, set[str]] = defaultdict(set)
        self.ends: list[int] = []
        """The last tick of each partition of the lines that the hot application reads."""

    def entries(self) -> Iterator[tuple[str, bytes] | Tick]:
        """Events (line, record) and ticks in the ledger's order; ticks as far as all hot lines have them."""
        end = min(self.ends, default=-1)
        for tick in sorted(self.stores):
            yield from self.events[tick]
            if tick <= end:
                yield Tick(tick=from_milliseconds(tick), stores=sorted(self.stores[tick]))
        yield from self.open


class _Line:
    """One topic, read in the order of each partition; the bridge's own repeats are left out as the runner does."""

    def __init__(self, topic: Topic, sections: _Sections) -> None:
        self._topic, self._sections = topic, sections
        self._waiting: defaultdict[int, list[tuple[str, bytes]]] = defaultdict(list)
        self._marks: dict[int, tuple[int, ...]] = {}
        self._last: dict[int, int] = {}

    def take(self, message: Record) -> None:
        """Take the next record."""
        partition = message.partition()
        position = _position(message)
        if position:
            if position <= self._marks.get(partition, ()):
                return
            self._marks[partition] = position
        if number_of(message):
            return  # a job's fact: recomputed, not a fact from outside
        if message.key() != TICK_KEY:
            self._waiting[partition].append((self._topic.name, message.value()))
            return
        mark = TICK_DECODER.decode(message.value())
        tick = milliseconds(mark.tick)
        self._last[partition] = tick
        self._sections.stores[tick].update(mark.stores)
        self._sections.events[tick] += self._waiting.pop(partition, [])

    def finish(self) -> None:
        """What no tick has closed yet."""
        for waiting in self._waiting.values():
            self._sections.open += waiting
        if self._topic.hot:
            self._sections.ends += self._last.values()


def _event(seq: int, line: str, data: bytes) -> bytes:
    return b'{"kind":"event","seq":%d,"line":"%b","data":%b}\n' % (seq, line.encode(), data)


def _tick(seq: int, tick: Tick) -> bytes:
    moment, stores = msgspec.json.encode(tick.tick), msgspec.json.encode(tick.stores)
    return b'{"kind":"tick","seq":%d,"tick":%b,"stores":%b}\n' % (seq, moment, stores)


def _position(message: Record) -> tuple[int, ...]:
    """The Redis id in the headers; empty when there is none."""
    for name, value in message.headers() or ():
        if name == HEADER_POSITION and value:
            return tuple(int(part) for part in value.split(b"-"))
    return ()
