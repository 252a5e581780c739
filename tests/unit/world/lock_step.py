"""A world with the stock jobs at work: what they state becomes true in the next tick."""

from collections.abc import Iterator
from typing import Any

from smartstore.contracts.settings import RunSettings
from smartstore.contracts.topics import BY_NAME
from smartstore.contracts.wire import decoder
from smartstore.domain.engine import Parameters
from smartstore.domain.memory import MemoryRunner
from smartstore.world.model import JobFact, World


class Jobs:
    """The stock jobs of a run, in memory."""

    def __init__(self, settings: RunSettings) -> None:
        self._runner = MemoryRunner(Parameters(settings.source.tick_ms, settings.planning))

    def take(self, emissions: list[Any], tick_ms: int, stores: tuple[str, ...]) -> list[JobFact]:
        """Take a tick; the facts that the jobs state then."""
        for emission in emissions:
            self._runner.event(emission.line, emission.record)
        self._runner.tick(tick_ms, stores)
        outputs = list(self._runner.outputs)
        self._runner.outputs.clear()
        return [
            JobFact(output.topic, decoder(BY_NAME[output.topic].value).decode(output.value))
            for output in outputs
            if output.fact
        ]


def lock_step(
    world: World, settings: RunSettings, ticks: int
) -> Iterator[tuple[int, list[JobFact], list[Any]]]:
    """The first ticks, one by one: the tick, the facts the world was told with it, and what happened in it.

    What happened in the first tick begins with the opening.
    """
    jobs = Jobs(settings)
    facts: list[JobFact] = []
    opening: list[Any] = world.opening()
    for n in range(1, ticks + 1):
        tick = world.start_ms + n * settings.source.tick_ms
        emissions = opening + world.advance(tick, facts)
        yield tick, facts, emissions
        facts, opening = jobs.take(emissions, tick, world.stores), []
