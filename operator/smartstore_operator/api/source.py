"""Where events come from: a simulated retailer, recorded data, or tills and sensors outside."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from smartstore.contracts import settings
from smartstore_operator.api.block import Between, Block, setting
from smartstore_operator.api.scalars import Duration, IsoDate
from smartstore_operator.api.services import ONE_MACHINE_PORT, Port

TICK_GRID = (
    timedelta(milliseconds=500),
    *(timedelta(seconds=seconds) for seconds in (1, 5, 10, 15, 30)),
    *(timedelta(minutes=minutes) for minutes in (1, 5, 10, 15, 30, 60)),
)
"""The ticks that a default is chosen from."""

TICK_WHEN_UNBOUNDED = timedelta(minutes=5)
"""The default tick at speed 0, where real time says nothing about a good one."""


class Simulation(Block):
    """The simulated retailer, for `type: Simulation`."""

    range_scale: float = setting(
        settings.SimulationSettings,
        "range_scale",
        "Share of the nominal range of 6,700 products that a store carries.",
    )
    daily_customers: int = setting(
        settings.SimulationSettings, "daily_customers", "Visitors per store and day, before traffic weights."
    )
    traffic_multiplier: float = setting(
        settings.SimulationSettings, "traffic_multiplier", "Factor on the number of visitors."
    )
    start: IsoDate = setting(settings.SimulationSettings, "start", "First simulated day.")


class Replay(Block):
    """Recorded baskets, for `type: Replay`."""

    products: int = setting(
        settings.ReplaySettings, "products", "How many of the busiest products each store carries."
    )
    start: IsoDate = setting(
        settings.ReplaySettings,
        "start",
        f"First recorded day that is replayed, in the year {settings.RECORDED_YEAR}.",
    )
    multiplier: int = setting(
        settings.ReplaySettings,
        "multiplier",
        "How many distinct baskets are made of each recorded one, to make load.",
    )


class External(Block):
    """The gateway that tills, sensors and scanners post to, for `type: External`."""

    port: Port | None = Field(default=None, description=ONE_MACHINE_PORT)
    records_per_second: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=1000,
        description="Records a second that one key may send in the long run; up to 10,000 may come at once.",
    )


class Faults(Block):
    """Faults added on purpose, to see how they are handled. Not for `type: External`."""

    malformed_pct: float = setting(
        settings.FaultSettings, "malformed_pct", "Malformed copies, in percent of events."
    )
    duplicate_pct: float = setting(settings.FaultSettings, "duplicate_pct", "Repeated events, in percent.")
    late_pct: float = setting(
        settings.FaultSettings, "late_pct", "Events held back beyond their tick, in percent."
    )
    late_max: Annotated[Duration, Between(timedelta(minutes=1), timedelta(days=1))] = Field(
        default=timedelta(minutes=settings.FaultSettings().late_max_minutes),
        description="The longest delay of a late event, in simulated time, counted in whole minutes.",
    )


class Source(Block):
    """Where events come from and how time runs."""

    type: Literal["Simulation", "Replay", "External"] = setting(
        settings.SourceSettings,
        "type",
        "Simulation: a simulated retailer. Replay: recorded baskets. External: tills and sensors post to the "
        "gateway, the stores are s0001, s0002, … and time is real time.",
    )
    execution: Literal["Assumed", "Reported"] | None = Field(
        default=None,
        description="Assumed: jobs stand in for people and state the facts of their plans. Reported: people report "
        "them. Default: Reported for External, else Assumed; with Simulation and Replay nobody reports.",
    )
    seed: int = setting(
        settings.SourceSettings, "seed", "Seed of everything random; the same seed gives the same events."
    )
    speed: float = setting(
        settings.SourceSettings,
        "speed",
        "Simulated seconds per real second, an upper bound; 0 = as fast as maxLead allows. External runs at 1.",
    )
    tick: Annotated[Duration, Between(timedelta(milliseconds=200), timedelta(hours=1))] | None = Field(
        default=None,
        description="The grid of simulated time at which state is published and decisions are taken. "
        "Default: about two ticks per real second; 5m at speed 0.",
    )
    max_lead: int = setting(
        settings.SourceSettings,
        "max_lead",
        "How many ticks the clock may run ahead of the slowest acknowledged one; 0 = lock-step.",
    )
    start_hour: int = setting(
        settings.SourceSettings, "start_hour", "Hour of the first day at which the clock starts."
    )
    days: int = setting(
        settings.SourceSettings, "days", "Ends the source after so many days; 0 = as far as data goes."
    )
    simulation: Simulation = Field(
        default=Simulation(), description="The simulated retailer, for type Simulation."
    )
    replay: Replay = Field(default=Replay(), description="The recorded baskets, for type Replay.")
    external: External = Field(default=External(), description="The gateway, for type External.")
    faults: Faults = Field(default=Faults(), description="Faults added on purpose.")

    def effective_execution(self) -> Literal["Assumed", "Reported"]:
        """Who makes plans true: what is set, else people where events come from outside, and jobs elsewhere."""
        return self.execution or ("Reported" if self.type == "External" else "Assumed")

    def effective_speed(self) -> float:
        """Simulated seconds per real second; the world outside runs at 1."""
        return 1.0 if self.type == "External" else self.speed

    def effective_tick(self) -> timedelta:
        """The tick given, else the smallest of `TICK_GRID` that gives at most two ticks per real second."""
        if self.tick is not None:
            return self.tick
        speed = self.effective_speed()
        if speed == 0:
            return TICK_WHEN_UNBOUNDED
        wanted = timedelta(seconds=speed / 2)
        return next((tick for tick in TICK_GRID if tick >= wanted), TICK_GRID[-1])
