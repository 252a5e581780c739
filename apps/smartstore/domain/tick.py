"""What a job sees of one tick of one store: the moment, the records in canonical order, and how to emit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from msgspec import Struct

from smartstore.contracts.events import (
    Command,
    JobRecord,
    PosTransaction,
    ShelfEvent,
    StockCount,
    StoreConfig,
    WarehouseEvent,
)
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.topics import Topic
from smartstore.contracts.wire import encode, epoch_ms, from_epoch_ms, key_of
from smartstore.domain.catalog import Catalog
from smartstore.domain.shelves import IntArray, no_ints

Event = TypeVar("Event", ShelfEvent, WarehouseEvent)

DAY_MS = 86_400_000
MINUTE_MS = 60_000


@dataclass(frozen=True)
class Moves(Generic[Event]):
    """Events that move units, as columns in canonical order (timestamp, event_id); one element per event."""

    shelf: IntArray = field(default_factory=no_ints)
    """Index of the shelf, −1 when the shelf has no profile."""
    quantity: IntArray = field(default_factory=no_ints)
    """Change of the units; 0 for an event that moves none."""
    timestamp_ms: IntArray = field(default_factory=no_ints)
    records: Sequence[Event] = ()

    def __len__(self) -> int:
        return len(self.shelf)

    def after(self, shelf: int, count: StockCount) -> IntArray:
        """Places of the moves of `shelf` that come after the count."""
        at = (epoch_ms(count.timestamp), count.event_id)
        places = np.flatnonzero(self.shelf == shelf).tolist()
        later = [i for i in places if (int(self.timestamp_ms[i]), self.records[i].event_id) > at]
        return np.array(later, np.int64)


@dataclass(frozen=True)
class ShelfMoves(Moves[ShelfEvent]):
    """Shelf events; beside units they change the weight on the scale (grams)."""

    weight_g: IntArray = field(default_factory=no_ints)
    with_lots: tuple[ShelfEvent, ...] = ()
    """The events that name lots (refills, removals), in the same order."""


@dataclass(frozen=True)
class Records:
    """All records of one tick, each list in canonical order (timestamp, event_id)."""

    moves: ShelfMoves
    warehouse: Moves[WarehouseEvent]
    receipts: Sequence[PosTransaction] = ()
    counts: Sequence[StockCount] = ()
    config: Sequence[StoreConfig] = ()
    commands: Sequence[Command] = ()
    catalog: Catalog = field(default_factory=Catalog)
    """What is known of lots beforehand, this tick's configuration included."""


@dataclass(frozen=True)
class Moment:
    """One tick of one store."""

    store_id: str
    tick_ms: int
    new_day: bool
    """Whether this is the first tick of a UTC day (or of the store)."""
    planning: PlanningSettings
    open: bool = True
    """Whether the store is open: a closed one takes in what still arrives, and decides nothing new."""

    @property
    def today(self) -> int:
        """The UTC date of the tick, in days since 1970-01-01."""
        return self.tick_ms // DAY_MS

    @property
    def next_day_ms(self) -> int:
        """The next midnight, epoch ms."""
        return (self.tick_ms // DAY_MS + 1) * DAY_MS

    @property
    def lateness_ms(self) -> int:
        """How late a fact may explain a deficit, in ms."""
        return self.planning.lateness_minutes * MINUTE_MS


class Output(NamedTuple):
    """One record to publish."""

    topic: str
    key: str
    value: bytes
    fact: int = 0
    """Number of a fact among those of its store, from 1; 0 for anything else."""


@dataclass(frozen=True)
class Refusal:
    """A record that a job cannot apply: which one, why, and the field concerned."""

    line: str
    record: Struct
    reason: str
    field: str | None = None


@dataclass
class Emitted:
    """What one job emitted in one tick."""

    outputs: list[Output] = field(default_factory=list)
    facts: list[tuple[Topic, JobRecord]] = field(default_factory=list)
    """Records of source lines; they are due at the next tick at the earliest."""
    refusals: list[Refusal] = field(default_factory=list)
    obeyed: set[str] = field(default_factory=set)
    """Event ids of the commands that this job carried out."""
    events_in: int = 0
    dropped: int = 0

    def emit(self, topic: Topic, record: Struct) -> None:
        """Add a record of `topic`, keyed as the contract says."""
        self.outputs.append(Output(topic.name, key_of(topic.key, record), encode(record)))

    def fact(self, topic: Topic, record: JobRecord) -> None:
        """Add a fact: a record of the source line `topic`."""
        self.facts.append((topic, record))


def moment_or_none(milliseconds: int) -> Any:
    """The UTC datetime of an epoch-ms value, None when it is negative."""
    return None if milliseconds < 0 else from_epoch_ms(int(milliseconds))


NO_MOVES = ShelfMoves()
NO_WAREHOUSE_MOVES = Moves[WarehouseEvent]()
