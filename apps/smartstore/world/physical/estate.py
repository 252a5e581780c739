"""All stores of a run, one world: the same for simulation and replay."""

from collections.abc import Callable, Sequence
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

PlannerOf = Callable[[int, int, int], StorePlanner]
"""The planner of the store with an ordinal that opens at a moment (epoch ms), one of so many."""


class EstateSnapshot(Struct, array_like=True):
    """What `Estate.snapshot` stores; `fingerprint` stands for the settings that make the world."""

    version: int
    fingerprint: str
    now: int
    stores: list[StoreState]


class Estate:
    """A world of stores that do not influence each other (`smartstore.world.model.World`)."""

    def __init__(
        self, settings: RunSettings, planner_of: PlannerOf, start_ms: int, end_ms: int | None
    ) -> None:
        self.start_ms = start_ms
        self.end_ms = end_ms
        self._planner_of = planner_of
        self._seed = settings.source.seed
        self._now = start_ms
        self._fingerprint = fingerprint(settings)
        self._models: list[StoreModel] = []
        self._by_store: dict[str, StoreModel] = {}
        for _ in range(settings.stores):
            self._add(start_ms, settings.stores)

    @property
    def stores(self) -> tuple[str, ...]:
        """See `World.stores`."""
        return tuple(self._by_store)

    @property
    def open_stores(self) -> tuple[str, ...]:
        """See `World.open_stores`."""
        return tuple(store for store, model in self._by_store.items() if not model.state.is_closed)

    @property
    def awake(self) -> tuple[str, ...]:
        """See `World.awake`."""
        return tuple(store for store, model in self._by_store.items() if not model.state.resting)

    def opening(self) -> list[Emission]:
        """See `World.opening`."""
        return [emission for ordinal, model in enumerate(self._models) for emission in model.opening(ordinal)]

    def scale(self, stores: int) -> list[Emission]:
        """See `World.scale`."""
        out: list[Emission] = []
        for ordinal, model in enumerate(self._models):
            if ordinal < stores and model.state.is_closed:
                out += model.reopen(ordinal, self._now)
            elif ordinal >= stores and not model.state.is_closed:
                out += model.close(ordinal)
        for ordinal in range(len(self._models), stores):
            out += self._add(self._now, stores).opening(ordinal)
        return out

    def settled(self, store_id: str) -> bool:
        """See `World.settled`."""
        return self._by_store[store_id].settled

    def rest(self, store_id: str) -> None:
        """See `World.rest`."""
        self._by_store[store_id].state.resting = True

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
            if until > model.state.now and not model.state.resting:
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
        if kept.fingerprint != self._fingerprint:
            raise SnapshotError("snapshot of the world was made with other settings (seed, source)")
        self._now = kept.now
        for state in kept.stores[len(self._models) :]:
            self._add(state.start, len(kept.stores))
        for model, state in zip(self._models, kept.stores, strict=True):
            model.restore(state)

    def _add(self, opens_ms: int, stores: int) -> StoreModel:
        """The next of so many stores, which opens then."""
        planner = self._planner_of(len(self._models), opens_ms, stores)
        model = self._by_store[planner.store_id] = StoreModel(self._seed, planner, opens_ms)
        self._models.append(model)
        return model


def fingerprint(settings: RunSettings) -> str:
    """Stands for the settings that decide what happens in a store; speed, pace, name and faults do not."""
    source = settings.source
    parts = (source.type, source.seed, source.start_hour, source.days, source.tick_ms)
    specific = source.simulation if source.type == "Simulation" else source.replay
    return blake2b(encode((parts, specific)), digest_size=12).hexdigest()


def _order(dated: Dated) -> tuple[int, str]:
    return dated[0], dated[1]
