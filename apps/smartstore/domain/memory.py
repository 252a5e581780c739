"""The in-memory runner: hosts the stock jobs of all stores without Kafka or Spark.

For tests, for planning what-ifs, and as the judge of the Spark runner: the same lines give the same outputs.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from msgspec import Struct

from smartstore.contracts.events import Tick
from smartstore.contracts.topics import HOT_LINES
from smartstore.contracts.wire import encode, from_epoch_ms
from smartstore.domain.engine import Advanced, Parameters, StoreState, advance
from smartstore.domain.lines import NO_POSITION, Arrivals
from smartstore.domain.tick import Output


@dataclass
class MemoryRunner:
    """Feed `record`s and `tick`s in the order of the source; `outputs` collects what the jobs publish."""

    parameters: Parameters
    states: dict[str, StoreState] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    _pending: dict[str, dict[str, list[tuple[bytes, int, bool]]]] = field(default_factory=dict)

    def record(self, line: str, store_id: str, value: bytes, position: int = NO_POSITION) -> None:
        """One record of a source line, as bytes; lines that the hot application does not read are ignored."""
        if line in _HOT_NAMES:
            self._pending.setdefault(store_id, {}).setdefault(line, []).append((value, position, False))

    def event(self, line: str, record: Struct) -> None:
        """One contract record of a source line."""
        self.record(line, record.store_id, encode(record))  # type: ignore[attr-defined]

    def tick(self, tick_ms: int, stores: Iterable[str]) -> None:
        """Close the tick for these stores on all lines and take it."""
        for store_id in stores:
            value = encode(Tick(tick=from_epoch_ms(tick_ms), stores=[store_id]))
            lines = self._pending.pop(store_id, {})
            for name in _HOT_NAMES:
                lines.setdefault(name, []).append((value, NO_POSITION, True))
            self._advance(store_id, lines)

    def _advance(self, store_id: str, lines: dict[str, list[tuple[bytes, int, bool]]]) -> Advanced:
        state = self.states.get(store_id, StoreState())
        advanced = advance(
            store_id, state, {name: arrivals_of(rows) for name, rows in lines.items()}, self.parameters
        )
        self.states[store_id] = advanced.state
        self.outputs.extend(advanced.outputs)
        return advanced


def arrivals_of(rows: list[tuple[bytes, int, bool]]) -> Arrivals:
    """Columns from (value, position, is tick) rows in line order."""
    values, positions, ticks = zip(*rows, strict=True)
    return Arrivals(values, np.array(positions, np.int64), np.array(ticks, np.bool_))


_HOT_NAMES = tuple(topic.name for topic in HOT_LINES)
