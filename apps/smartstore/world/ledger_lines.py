"""The ledger's line format (docs/architecture.md, World and ledger): one JSON object per line, `kind` first.

Records are built around the bytes that go on the wire, so each record is encoded once and the ledger holds it verbatim.
Beside the documented fields a `tick` line has `records` and `checksum` (of what the world itself made in that tick, to
recognise a world that no longer does the same), `relayed` (the next offset of each partition of the configuration
topics), and `closing` (for each closed store that is not at rest the tick that must be acknowledged before). A `row`
line and the events that bring it to the stores have `relayed` too: topic, partition and offset, and how many more lines
of that row follow.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from smartstore.contracts.events import Tick
from smartstore.contracts.settings import RunSettings
from smartstore.contracts.topics import LEDGER, LINES, STORE_CONFIG
from smartstore.contracts.wire import encode, epoch_ms, from_epoch_ms

Fault = Literal["late", "duplicate"]
Place = tuple[str, int, int, int]
"""Where a relayed row stands: topic, partition and offset, and how many more lines of it follow in the ledger."""
FIELD_DATA = b"data"
FIELD_TICK = b"tick"
LINE_NAMES = tuple(topic.name for topic in LINES)

_TICK_START = b'{"kind":"tick"'
_FACT_START = b'{"kind":"fact"'
_SCALE_START = b'{"kind":"scale"'
_ROW_START = b'{"kind":"row"'
_RELAYED = b'"relayed":['


class Record(Struct, frozen=True, gc=False):
    """One record on its way to the ledger and to a stream. `store_id` is known for broken records only."""

    kind: Literal["event", "broken", "note"]
    line: str
    data: bytes
    fault: Fault | None = None
    store_id: str | None = None


class TickMark(Struct, frozen=True, kw_only=True):
    """What a `tick` line says; `relayed` has the next offset to read of each configuration topic and partition.

    `facts` does so for the lines on which jobs state facts, `taken` counts each store's facts that the world has.
    """

    seq: int
    tick: datetime
    stores: list[str]
    records: int
    checksum: int
    relayed: dict[str, dict[int, int]] = {}
    facts: dict[str, dict[int, int]] = {}
    taken: dict[str, int] = {}
    closing: dict[str, int] = {}

    @property
    def tick_ms(self) -> int:
        """The tick in epoch milliseconds."""
        return epoch_ms(self.tick)


class Line(Struct, frozen=True, kw_only=True):
    """Any line of the ledger, as read back."""

    kind: Literal["run", "scale", "event", "broken", "note", "row", "fact", "tick"]
    seq: int
    line: str | None = None
    data: Raw = Raw()
    raw: str | None = None
    tick: datetime | None = None
    stores: list[str] = []
    settings: RunSettings | None = None
    relayed: object = None
    """A `Place` on rows and relayed events, a mapping on `tick` lines."""


class Entry(Struct, frozen=True, gc=False):
    """What one ledger line puts into Redis: the same field and bytes on each of the streams named."""

    seq: int
    lines: tuple[str, ...]
    field: bytes
    payload: bytes


DECODE_LINE = msgspec.json.Decoder(Line).decode
DECODE_TICK = msgspec.json.Decoder(TickMark).decode


def run_line(settings: RunSettings, stores: Sequence[str]) -> bytes:
    """The first line of a ledger; its sequence number is 0."""
    return b'{"kind":"run","seq":0,"settings":%b,"stores":%b}\n' % (encode(settings), encode(stores))


def scale_line(seq: int, stores: Sequence[str]) -> bytes:
    """The line that says which stores are open from the tick to come on."""
    return b'{"kind":"scale","seq":%d,"stores":%b}\n' % (seq, encode(stores))


def record_line(seq: int, record: Record) -> bytes:
    """The line of one record."""
    if record.kind == "event":
        fault = b'"fault":"%b",' % record.fault.encode() if record.fault else b""
        return b'{"kind":"event","seq":%d,"line":"%b",%b"data":%b}\n' % (
            seq,
            record.line.encode(),
            fault,
            record.data,
        )
    if record.kind == "note":
        return b'{"kind":"note","seq":%d,"data":%b}\n' % (seq, record.data)
    return b'{"kind":"broken","seq":%d,"line":"%b","store_id":%b,"raw":%b}\n' % (
        seq,
        record.line.encode(),
        encode(record.store_id),
        encode(record.data.decode()),
    )


def row_line(seq: int, value: bytes, place: Place) -> bytes:
    """The line of a row of configuration, as its topic has it; the events that bring it to the stores follow."""
    return b'{"kind":"row","seq":%d,"relayed":%b,"data":%b}\n' % (
        seq,
        encode(place),
        msgspec.json.format(value, indent=-1),
    )


def relayed_line(seq: int, data: bytes, place: Place) -> bytes:
    """The line of a `store_config` record that came from a configuration topic."""
    head = b'{"kind":"event","seq":%d,"line":"%b"' % (seq, STORE_CONFIG.name.encode())
    return b'%b,"relayed":%b,"data":%b}\n' % (head, encode(place), data)


def fact_line(seq: int, line: str, data: bytes) -> bytes:
    """The line of a job's fact that the world takes in with the tick to come."""
    return b'{"kind":"fact","seq":%d,"line":"%b","data":%b}\n' % (seq, line.encode(), data)


def tick_line(mark: TickMark) -> bytes:
    """The line that closes and commits a tick."""
    return b'{"kind":"tick",%b\n' % encode(mark)[1:]


def seq_of(line: bytes) -> int:
    """The sequence number of a ledger line, without parsing the line."""
    start = line.index(b'"seq":') + 6
    return int(line[start : line.index(b",", start)])


def is_tick(line: bytes) -> bool:
    """Whether a ledger line is a `tick` line, without parsing it."""
    return line.startswith(_TICK_START)


def is_fact(line: bytes) -> bool:
    """Whether a ledger line is a job's fact, without parsing it."""
    return line.startswith(_FACT_START)


def is_scale(line: bytes) -> bool:
    """Whether a ledger line changes the number of stores, without parsing it."""
    return line.startswith(_SCALE_START)


def is_row(line: bytes) -> bool:
    """Whether a ledger line is a row of configuration, without parsing it."""
    return line.startswith(_ROW_START)


def is_relayed(line: bytes) -> bool:
    """Whether a ledger line is a row of configuration or brings one to a store, without parsing it."""
    return _RELAYED in line[:120]


def ends_row(line: bytes) -> bool:
    """Whether a relayed line is the last one of its row."""
    start = line.index(_RELAYED)
    return line[start : line.index(b"]", start)].endswith(b",0")


def entry_of(seq: int, record: Record) -> Entry:
    """What a record puts into Redis."""
    return Entry(seq, (record.line,), FIELD_DATA, record.data)


def entry_of_tick(seq: int, tick_ms: int, stores: Sequence[str]) -> Entry:
    """What a `tick` line puts into Redis, on every line's stream."""
    return Entry(seq, LINE_NAMES, FIELD_TICK, encode(Tick(tick=from_epoch_ms(tick_ms), stores=list(stores))))


def entry_of_line(line: Line) -> Entry | None:
    """What a line read back puts into Redis; None for `run`, `scale`, and rows and facts, which stand on Kafka."""
    if line.kind == "tick" and line.tick is not None:
        return entry_of_tick(line.seq, epoch_ms(line.tick), line.stores)
    if line.kind == "event":
        return Entry(line.seq, (line.line or "",), FIELD_DATA, bytes(line.data))
    if line.kind == "broken":
        return Entry(line.seq, (line.line or "",), FIELD_DATA, (line.raw or "").encode())
    if line.kind == "note":
        return Entry(line.seq, (LEDGER.name,), FIELD_DATA, bytes(line.data))
    return None
