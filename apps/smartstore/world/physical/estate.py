"""All stores of a run, one world: the same for simulation and replay."""

from collections.abc import Sequence
from hashlib import blake2b

import msgspec
from msgspec import Struct

from smartstore.contracts.settings import RunSettings
from smartstore.contracts.wire import encode
from smartstore.world.model import Emission, JobFact, SnapshotError
from smartstore.world.physical.facts import Dated
from smartstore.world.physical.plan import StorePlanner
from smartstore.world.physical.stock import StoreState
from smartstore.world.physical.store import StoreModel

SNAPSHOT_VERSION = 3


class EstateSnapshot(Struct, array_like=True):
    """What `Estate.snapshot` stores; `fingerprint` stands for the settings that make the world."""

    version: int
    fingerprint: str
    now: int
    stores: list[StoreState]


class Estate:
    """A world of stores that do not influence each other (`smartstore.world.model.World`)."""

    def __init__(
        self, settings: RunSettings, planners: Sequence[StorePlanner], start_ms: int, end_ms: int | None
    ) -> None:
        self.stores = tuple(planner.store_id for planner in planners)
        self.start_ms = start_ms
        self.end_ms = end_ms
        self._now = start_ms
        self._fingerprint = fingerprint(settings)
        self._models = [StoreModel(settings.source.seed, planner, start_ms) for planner in planners]
        self._by_store = dict(zip(self.stores, self._models, strict=True))

    def opening(self) -> list[Emission]:
        """See `World.opening`."""
        return [emission for ordinal, model in enumerate(self._models) for emission in model.opening(ordinal)]

    def advance(self, tick_ms: int, facts: Sequence[JobFact] = ()) -> list[Emission]:
        """See `World.advance`."""
        if tick_ms <= self._now:
            raise ValueError(f"the world is at {self._now} already and cannot advance to {tick_ms}")
        for fact in facts:
            self._by_store[fact.record.store_id].plan(fact.line, fact.record)
        self._now = tick_ms
        until = tick_ms if self.end_ms is None else min(tick_ms, self.end_ms)
        dated: list[Dated] = []
        for model in self._models:
            if until > model.state.now:
                dated += model.advance(until)
        dated.sort(key=_order)
        return [emission for _, _, emission in dated]

    def snapshot(self) -> bytes:
        """See `World.snapshot`."""
        states = [model.state for model in self._models]
        return msgspec.msgpack.encode(EstateSnapshot(SNAPSHOT_VERSION, self._fingerprint, self._now, states))

    def restore(self, blob: bytes) -> None:
        """See `World.restore`."""
        try:
            version = msgspec.msgpack.decode(blob)[0]
            if version != SNAPSHOT_VERSION:
                raise SnapshotError(
                    f"snapshot of the world has format {version}, this release reads {SNAPSHOT_VERSION}"
                )
            kept = msgspec.msgpack.decode(blob, type=EstateSnapshot)
        except (msgspec.DecodeError, IndexError, TypeError, KeyError) as error:
            raise SnapshotError(f"snapshot of the world is damaged: {error}") from error
        if kept.fingerprint != self._fingerprint or len(kept.stores) != len(self._models):
            raise SnapshotError("snapshot of the world was made with other settings (stores, seed, source)")
        self._now = kept.now
        for model, state in zip(self._models, kept.stores, strict=True):
            model.restore(state)


def fingerprint(settings: RunSettings) -> str:
    """Stands for the settings that decide what happens in a world; speed, pace, name and faults do not."""
    source = settings.source
    parts = (settings.stores, source.type, source.seed, source.start_hour, source.days, source.tick_ms)
    specific = source.simulation if source.type == "Simulation" else source.replay
    return blake2b(encode((parts, specific)), digest_size=12).hexdigest()


def _order(dated: Dated) -> tuple[int, str]:
    return dated[0], dated[1]
