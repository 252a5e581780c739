"""One store in one micro-batch: what is repeated, what is kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from smartstore.contracts import topics
from smartstore.domain.tick import Output
from smartstore.streaming.group import RESULT_DECODER, StoreGroup
from smartstore.streaming.origin import Origin
from tests.unit.domain.lines_of_a_store import (
    STORE,
    Entry,
    Lines,
    count,
    lot,
    parameters,
    profile,
    shelf_event,
    tick_by_tick,
)

pytestmark = pytest.mark.unit

NOTHING_SAVED = Origin(Path("nowhere"))


class Kept:
    """What Spark keeps for the store; `updates` counts how often it was written."""

    def __init__(self, blob: bytes | None = None) -> None:
        self.blob, self.updates = blob, 0

    @property
    def exists(self) -> bool:
        return self.blob is not None

    @property
    def get(self) -> tuple[bytes | None]:
        return (self.blob,)

    def update(self, value: tuple[bytes]) -> None:
        (self.blob,) = value
        self.updates += 1


def frames(batch: dict[str, list[Entry]]) -> Iterator[pd.DataFrame]:
    rows: list[dict[str, Any]] = [
        {"topic": topic, "offset": position, "value": value, "position": position, "is_tick": is_tick}
        for topic, entries in batch.items()
        for value, position, is_tick in entries
    ]
    yield pd.DataFrame(rows)


def outputs_of(batch: dict[str, list[Entry]], kept: Kept) -> list[Output]:
    (frame,) = StoreGroup(parameters(), "hot", NOTHING_SAVED)((STORE,), frames(batch), kept)
    return RESULT_DECODER.decode(frame["result"][0]).outputs


def opened() -> Lines:
    return Lines().write(profile("A1"), count("A1", [lot("B1", 10)])).tick(1)


def test_a_repeated_micro_batch_gives_the_same_bytes() -> None:
    """Its outputs may have been published; the state was not committed. It begins again from the old one."""
    first, second = tick_by_tick(opened().write(shelf_event("e1", 1.5, "pickup", "A1", 6)).tick(2))
    kept = Kept()
    outputs_of(first, kept)
    before = kept.blob
    once = outputs_of(second, kept)
    again = Kept(before)
    assert outputs_of(second, again) == once
    assert again.blob == kept.blob
    assert {output.topic for output in once} >= {"shelf_state", "alerts", "shelf_restock_plan"}


def test_records_that_come_again_count_once() -> None:
    """A repeat of the bridge's has another place on Kafka, and the same place in its stream."""
    lines = opened().write(shelf_event("e1", 1.5, "pickup", "A1", 6)).tick(2).tick(3)
    first, second, third = tick_by_tick(lines)
    kept = Kept()
    for batch in (first, second):
        outputs_of(batch, kept)
    told = outputs_of(second, kept) + outputs_of(third, kept)
    assert topics.SHELF_STATE.name not in {output.topic for output in told}


def test_a_store_in_which_nothing_happens_writes_no_state() -> None:
    first, *idle = tick_by_tick(opened().ticks(2, 30))
    kept = Kept()
    outputs_of(first, kept)
    for batch in idle:
        outputs_of(batch, kept)
    assert kept.updates == 1
