"""Small worlds to try."""

from typing import Any

from smartstore.contracts.settings import ReplaySettings, RunSettings, SimulationSettings, SourceSettings
from smartstore.contracts.wire import encode
from smartstore.world.model import Emission, World


def simulation_settings(
    *,
    stores: int = 1,
    seed: int = 42,
    customers: int = 200,
    scale: float = 0.01,
    tick_ms: int = 300_000,
    days: int = 0,
) -> RunSettings:
    """A small simulated retailer: 278 SKUs at the least scale."""
    simulation = SimulationSettings(range_scale=scale, daily_customers=customers)
    source = SourceSettings(type="Simulation", seed=seed, tick_ms=tick_ms, days=days, simulation=simulation)
    return RunSettings(name="small", stores=stores, source=source)


def replay_settings(
    *,
    stores: int = 2,
    products: int = 60,
    multiplier: int = 1,
    days: int = 0,
    start_hour: int = 0,
    **source: Any,
) -> RunSettings:
    """A small replay."""
    replay = ReplaySettings(products=products, multiplier=multiplier)
    source_settings = SourceSettings(type="Replay", days=days, start_hour=start_hour, replay=replay, **source)
    return RunSettings(name="small", stores=stores, source=source_settings)


def run(world: World, ticks: int, tick_ms: int = 300_000) -> list[Any]:
    """What happens in the first ticks."""
    return [emission for n in range(1, ticks + 1) for emission in world.advance(world.start_ms + n * tick_ms)]


def opening(world: World) -> list[Any]:
    """The opening emissions; `record` is any contract record."""
    return world.opening()


def on_wire(emissions: list[Emission]) -> list[tuple[str, bytes]]:
    """Topic and bytes of each record."""
    return [(emission.line, encode(emission.record)) for emission in emissions]
