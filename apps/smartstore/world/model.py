"""What a world is to those who run it: facts to write, tick by tick, and a state that can be stored and resumed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct

from smartstore.contracts.events import JobRecord, StoreConfig
from smartstore.contracts.settings import RunSettings
from smartstore.contracts.wire import derived_id, from_epoch_ms


class Emission(Struct, frozen=True):
    """One record to be written.

    `line` is the topic: `shelf_events`, `pos_transactions`, `foot_traffic`, `wh_events`, `stock_counts`,
    `store_config`, `stores`, or `ledger` for a `LedgerNote`. `record` is that topic's contract record.
    """

    line: str
    record: Struct


class JobFact(Struct, frozen=True):
    """A fact that a job states in people's place: a record of the line `line`, for the world to make true."""

    line: str
    record: JobRecord


def status_record(store_id: str, status: Literal["open", "closed"], moment_ms: int) -> StoreConfig:
    """What tells a store in its own order of events that it is open, or closed, from a moment on (epoch ms)."""
    return StoreConfig(
        event_id=derived_id("status", store_id, status, moment_ms),
        store_id=store_id,
        timestamp=from_epoch_ms(moment_ms),
        kind="status",
        status=status,
    )


class World(Protocol):
    """Stores whose life is a function of the settings; times are epoch milliseconds on the tick grid."""

    start_ms: int
    """Lower bound of the first tick, a multiple of `tick_ms`."""
    end_ms: int | None
    """No event happens at or after it; None = the world has no end."""

    @property
    def stores(self) -> tuple[str, ...]:
        """All stores that there have been, by ordinal."""
        ...

    @property
    def open_stores(self) -> tuple[str, ...]:
        """Those that are open: the lowest ordinals."""
        ...

    @property
    def awake(self) -> tuple[str, ...]:
        """Those in which something may happen: open, or closed and not at rest."""
        ...

    def opening(self) -> list[Emission]:
        """The stores, the profile of each shelf, the opening counts, the promotions known by then, all at `start_ms`.

        They belong to the first tick (`start_ms + tick_ms`) and are independent of how far the world has come.
        """
        ...

    def scale(self, stores: int) -> list[Emission]:
        """Have so many stores open from the moment reached on: closes the highest ordinals, opens closed ones again
        as they were left, and new ones after them.

        Returns what says so: the records of the stores concerned, with profiles and opening counts of new ones; they
        belong to the next tick. Raises `ReplayDataError` when there are not so many stores in the recorded data.
        """
        ...

    def settled(self, store_id: str) -> bool:
        """Whether nothing more happens by itself in a store: closed, its customers gone, nothing under way."""
        ...

    def rest(self, store_id: str) -> None:
        """Let the world's time pass without a store, until it is opened again."""
        ...

    def advance(self, tick_ms: int, facts: Sequence[JobFact] = ()) -> list[Emission]:
        """Realise what happens from the previous tick up to, not including, `tick_ms`; ordered by time, then event
        id. `facts` are those that have become known since the previous tick.

        The first call's previous tick is `start_ms`. Raises `ValueError` when `tick_ms` is not after the previous
        one.
        """
        ...

    def snapshot(self) -> bytes:
        """The complete dynamic state after the last `advance`."""
        ...

    def restore(self, blob: bytes) -> None:
        """Continue from a snapshot: what follows is byte for byte what an uninterrupted run gives.

        Raises `SnapshotError` when the snapshot is damaged, of another format, or of a world with other settings.
        """
        ...


class SnapshotError(ValueError):
    """A snapshot that cannot be continued from; start without it, from the ledger's beginning."""


def build_world(settings: RunSettings, cache_dir: Path | None = None) -> World:
    """The world that `settings.source.type` names.

    `cache_dir` keeps the extract of the recorded data between starts (Replay only; None = read the data each time).
    Raises `ValueError` for `External`, whose facts come from outside, and `ReplayDataError` when the recorded data
    are not installed or do not cover the settings.
    """
    if settings.source.type == "Simulation":
        from smartstore.world.simulation.world import build_simulation

        return build_simulation(settings)
    if settings.source.type == "Replay":
        from smartstore.world.replay.world import build_replay

        return build_replay(settings, cache_dir)
    raise ValueError("source.type External has no world: its facts come through the gateway")
