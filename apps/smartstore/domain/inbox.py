"""Facts that a store's own jobs emitted, waiting for their tick.

An edge that closes a loop goes through here: a fact is due at the next tick at the earliest, and the runner never reads
it back from Kafka.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from smartstore.contracts.events import JobRecord
from smartstore.contracts.wire import encode, epoch_ms, key_of
from smartstore.domain.balance import NEVER
from smartstore.domain.shelves import IntArray
from smartstore.domain.tick import Emitted, Output


class Fact(NamedTuple):
    """One fact: its line (topic), its effective tick (epoch ms), and the record as bytes and decoded."""

    line: str
    effective_ms: int
    value: bytes
    record: JobRecord


@dataclass(frozen=True)
class Inbox:
    """The facts not taken yet, in the order emitted."""

    facts: tuple[Fact, ...] = ()
    count: int = 0
    """How many facts the store's jobs have emitted since it opened; numbers them."""
    next_due_ms: int = field(init=False)

    def __post_init__(self) -> None:
        due = min((fact.effective_ms for fact in self.facts), default=NEVER)
        object.__setattr__(self, "next_due_ms", due)

    def joined(
        self, line: str, tick_ms: int, records: list[Any], timestamps: IntArray
    ) -> tuple[list[Any], IntArray]:
        """A line's records of a tick and the facts due with them, in canonical order, with timestamps (epoch ms)."""
        due = [fact.record for fact in self.facts if fact.line == line and fact.effective_ms <= tick_ms]
        if not due:
            return records, timestamps
        rows = [(at, one.event_id, one) for at, one in zip(timestamps.tolist(), records, strict=True)]
        rows += [(epoch_ms(fact.timestamp), fact.event_id, fact) for fact in due]
        rows.sort(key=lambda row: row[:2])
        return [one for _, _, one in rows], np.array([at for at, _, _ in rows], np.int64)

    def after(self, taken_ms: int, emitted: Sequence[Emitted], grid_ms: int) -> "tuple[Inbox, list[Output]]":
        """The inbox once a tick is taken and the jobs have emitted; and what to publish.

        A fact's effective tick is the first one after its timestamp, but never one that is taken already.
        """
        left = [fact for fact in self.facts if fact.effective_ms > taken_ms]
        count, outputs = self.count, []
        for one in emitted:
            for topic, record in one.facts:
                count += 1
                value = encode(record)
                natural = (epoch_ms(record.timestamp) // grid_ms + 1) * grid_ms
                left.append(Fact(topic.name, max(natural, taken_ms + grid_ms), value, record))
                outputs.append(Output(topic.name, key_of(topic.key, record), value, count))
        return Inbox(tuple(left), count), outputs
