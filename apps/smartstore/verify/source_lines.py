"""Source topics against the ledger: every event is there, in the ledger's order, and nothing else.

An event that is not in the ledger (posted by somebody else) is kept with its effective tick, so that the replay can
take it into account.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from smartstore.contracts.events import Event
from smartstore.contracts.topics import Topic
from smartstore.contracts.wire import HEADER_POSITION, TICK_DECODER, TICK_KEY
from smartstore.verify.differences import Check
from smartstore.verify.facts import FactCollection, number_of
from smartstore.verify.ledger import EventLine, Ledger
from smartstore.verify.ledger_index import IDENTITY, Emitted
from smartstore.verify.replay import Stranger
from smartstore.verify.ticks import TickGrid, milliseconds
from smartstore.verify.topics import Record


@dataclass
class StoreLine:
    """How far one store's events on one line have been matched."""

    emitted: Emitted
    next: int = 0
    skipped: set[int] = field(default_factory=set)
    """Passed over, so far not seen."""
    cut: int = 0
    """Events before the oldest record that Kafka kept."""
    last: Record | None = None
    _by_id: dict[int, int] | None = None

    def place(self, event_id: str) -> int | None:
        """Where the ledger has this event on this line."""
        if self._by_id is None:
            self._by_id = {identity: i for i, identity in enumerate(self.emitted.ids)}
        return self._by_id.get(hash(event_id))


class LineComparison:
    """One source topic. Feed it the topic's records in partition order, then `finish`."""

    def __init__(
        self,
        check: Check,
        topic: Topic,
        emitted: dict[str, Emitted],
        tick_ms: int,
        event_at: Callable[[int], bytes],
        cut: Callable[[int], bool],
        facts: FactCollection,
    ) -> None:
        """`emitted` by store; `event_at` the record at a ledger location; `cut` whether a partition lost its oldest;
        `facts` takes what jobs wrote."""
        self._check, self._topic, self._event_at, self._cut = check, topic, event_at, cut
        self._facts = facts
        self._stores = {store: StoreLine(line) for store, line in emitted.items()}
        self._grid = TickGrid(tick_ms)
        self._decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(topic.value)
        self.strangers: dict[tuple[str, str], Stranger] = {}
        """By store and event id."""

    def record(self, message: Record) -> None:
        """Take the topic's next record."""
        key, value = message.key(), message.value()
        if key == TICK_KEY:
            mark = TICK_DECODER.decode(value)
            self._grid.read(milliseconds(mark.tick), mark.stores)
            return
        store = self._stores.get(key.partition(b"/")[0].decode()) if key else None
        if store is not None:
            index, emitted = store.next, store.emitted.contents
            if index < len(emitted) and hash(value) == emitted[index]:
                store.next, store.last = index + 1, message
                return
        number = number_of(message)
        if number:
            self._facts.add(self._check, self._topic.name, number, value)
        else:
            self._unexpected(message, value)

    def finish(self) -> int:
        """Report what is missing; returns how many distinct events due were found."""
        found = 0
        for name, store in self._stores.items():
            missing = sorted(i for i in store.skipped | set(range(store.next, store.emitted.due)))
            missing = [i for i in missing if i < store.emitted.due]
            for index in missing:
                identity = IDENTITY.decode(self._event_at(store.emitted.locations[index]))
                self._check.differs(
                    "is missing", f"{self._topic.name} {name}", f"event {identity.event_id}", "nothing"
                )
            self._check.compared += store.emitted.due
            found += store.emitted.due - len(missing)
        return found

    @property
    def cut_events(self) -> int:
        """Events older than what Kafka kept."""
        return sum(store.cut for store in self._stores.values())

    def _unexpected(self, message: Record, value: bytes | None) -> None:
        try:
            identity = IDENTITY.decode(value or b"")
        except msgspec.MsgspecError as error:
            where = f"{self._topic.name} partition {message.partition()} offset {message.offset()}"
            self._check.differs("is no event", where, "a record of the contract", error)
            return
        store = self._stores.get(identity.store_id)
        place = store.place(identity.event_id) if store else None
        if store is None or place is None:
            self._stranger(message, value or b"", (identity.store_id, identity.event_id))
            return
        where = f"{self._topic.name} {identity.store_id} event {identity.event_id}"
        self._same_content(store, place, value or b"", where)
        if place >= store.next:
            self._advance(store, place, message)
        elif place in store.skipped:
            store.skipped.discard(place)
            self._check.differs(
                "out of order", where, "its place in the ledger's order", "after later events"
            )
        elif store.last is not None and _position(message) > _position(store.last):
            self._check.differs("repeat was let through", where, "dropped by its event_id", "a second record")

    def _advance(self, store: StoreLine, place: int, message: Record) -> None:
        if store.next == 0 and place > 0 and self._cut(message.partition()):
            store.cut = place
        else:
            store.skipped.update(range(store.next, place))
        store.next, store.last = place + 1, message

    def _same_content(self, store: StoreLine, place: int, value: bytes, where: str) -> None:
        if hash(value) == store.emitted.contents[place]:
            return
        original = self._event_at(store.emitted.locations[place])
        if self._decoder.decode(original) != self._decoder.decode(value):
            self._check.differs("content differs", where, original.decode(), value.decode())

    def _stranger(self, message: Record, value: bytes, key: tuple[str, str]) -> None:
        if key in self.strangers:
            return
        try:
            record = self._decoder.decode(value)
        except msgspec.MsgspecError as error:
            where = f"{self._topic.name} partition {message.partition()} offset {message.offset()}"
            self._check.differs("is no event", where, "a record of the contract", error)
            return
        tick = self._grid.effective(record.store_id, record.timestamp)
        self.strangers[key] = Stranger(self._topic.name, record, tick)


def event_reader(ledger: Ledger) -> Callable[[int], bytes]:
    """Find the record at a ledger location again."""

    def read(location: int) -> bytes:
        line = ledger.line_at(location)
        return bytes(line.data) if isinstance(line, EventLine) else b""

    return read


def _position(message: Record) -> tuple[int, ...]:
    """The Redis id in the headers, as numbers that can be compared; empty when there is none."""
    for name, value in message.headers() or ():
        if name == HEADER_POSITION and value:
            return tuple(int(part) for part in value.split(b"-"))
    return ()
