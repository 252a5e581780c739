"""Puts a replay together: one planner per recorded store."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from smartstore.contracts.events import Promotion
from smartstore.contracts.settings import RECORDED_YEAR, RunSettings
from smartstore.world.physical.calendar import run_bounds
from smartstore.world.physical.estate import Estate
from smartstore.world.physical.plan import DAY_MS, DayPlan
from smartstore.world.physical.stock import Lot
from smartstore.world.replay.baskets import Baskets, line_prices, plan_day
from smartstore.world.replay.recording import Recording, ReplayDataError, column, load_recording
from smartstore.world.replay.shelves import opening_lots, shelf_plans, unit_prices


class ReplayedStore:
    """The planner of one recorded store."""

    def __init__(self, settings: RunSettings, recording: Recording, rank: int, opens_ms: int) -> None:
        source = settings.source
        self.store_id = f"cj{recording.stores[rank]:04d}"
        self.name = f"Complete Journey store {recording.stores[rank]}"
        self._seed = source.seed
        self._multiplier = source.replay.multiplier
        self._start_ms = opens_ms
        products = _of_store(recording.products, rank).to_pylist()
        self.shelves = shelf_plans(source.seed, self.store_id, self._multiplier, products)
        self._list_cents = unit_prices(self.shelves)
        self._lines = _of_store(recording.lines, rank)
        self._line_days = column(self._lines, "at_ms") // DAY_MS

    def opening_lots(self) -> tuple[list[list[Lot]], list[list[Lot]]]:
        """See `StorePlanner.opening_lots`."""
        return opening_lots(self._seed, self.store_id, self._start_ms // DAY_MS, self.shelves)

    def day(self, day: int) -> DayPlan:
        """See `StorePlanner.day`: the baskets paid on that day (UTC)."""
        baskets = self.baskets(day)
        return plan_day(
            self._seed, self.store_id, day, baskets, self._multiplier, self._list_cents, self._start_ms
        )

    def promotions(self, day: int) -> list[Promotion]:  # noqa: ARG002
        """None: what was off is in the recorded prices."""
        return []

    def baskets(self, day: int) -> Baskets:
        """The recorded baskets of a day."""
        low, high = (int(place) for place in np.searchsorted(self._line_days, (day, day + 1)))
        lines = self._lines[low:high]
        recorded = {name: column(lines, name) for name in lines.column_names}
        quantity = recorded["quantity"].astype(np.int64)
        unit, discount = line_prices(
            recorded["shelf_cents"].astype(np.int64), recorded["paid_cents"].astype(np.int64), quantity
        )
        _, first, count = np.unique(recorded["basket"], return_index=True, return_counts=True)
        order = np.argsort(first)
        first, count = first[order], count[order]
        return Baskets(
            at_ms=recorded["at_ms"][first],
            basket=recorded["basket"][first],
            household=recorded["household"][first],
            first=first,
            count=count,
            product=recorded["product"],
            quantity=recorded["quantity"],
            unit_cents=unit.astype(np.int32),
            discount_cents=discount.astype(np.int32),
        )


def build_replay(settings: RunSettings, cache_dir: Path | None = None) -> Estate:
    """The replay of `settings.source.replay`, at most until the recorded data end.

    It begins with `settings.stores` stores; their data decide about the end.

    Raises `ReplayDataError` when the data are not installed, have fewer stores, or do not cover the start.
    """
    replay = settings.source.replay
    recording = load_recording(settings.stores, replay.products, cache_dir)
    times = column(recording.lines, "at_ms")
    start_ms, end_ms = run_bounds(settings.source, replay.start, int(times.max()) + 1000)
    if not int(times.min()) - DAY_MS <= start_ms <= int(times.max()):
        raise ReplayDataError(
            f"source.replay.start {replay.start} is outside the recorded data (the year {RECORDED_YEAR})"
        )

    def planner_of(rank: int, opens_ms: int, stores: int) -> ReplayedStore:
        nonlocal recording
        if len(recording.stores) < stores:
            recording = load_recording(stores, replay.products, cache_dir)
        return ReplayedStore(settings, recording, rank, opens_ms)

    return Estate(settings, planner_of, start_ms, end_ms)


def _of_store(table: pa.Table, rank: int) -> pa.Table:
    low, high = (int(place) for place in np.searchsorted(column(table, "store"), (rank, rank + 1)))
    return table[low:high]
