"""Settings of one run, as the applier writes them for the data plane (`SMARTSTORE_RUN_FILE`, JSON)."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Weekday = Annotated[int, Meta(ge=0, le=6)]
"""Monday is 0."""
RECORDED_STORES = 433
"""Stores with goods in the recorded data that a Replay reads."""
RECORDED_YEAR = 2017
"""The year that these data cover."""

Ratio = Annotated[float, Meta(ge=0, le=100)]


class FaultSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Faults the world adds on purpose, in percent of events. A malformed record is an extra, broken copy."""

    malformed_pct: Ratio = 0.0
    duplicate_pct: Ratio = 0.0
    late_pct: Ratio = 0.0
    late_max_minutes: Annotated[int, Meta(ge=1, le=1440)] = 15


class SimulationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The simulated store: `range_scale` of the nominal 6,700 SKUs, `daily_customers` before traffic weights."""

    range_scale: Annotated[float, Meta(gt=0, le=1)] = 0.15
    daily_customers: Annotated[int, Meta(ge=1)] = 1000
    traffic_multiplier: Annotated[float, Meta(gt=0)] = 0.8
    start: date = date(2026, 1, 1)


class ReplaySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Recorded baskets: the busiest `products` of the busiest stores, from `start`, each basket `multiplier` times."""

    products: Annotated[int, Meta(ge=1, le=5000)] = 400
    start: date = date(2017, 11, 13)
    multiplier: Annotated[int, Meta(ge=1, le=10_000)] = 1


class SourceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events come from and how time runs.

    `speed` is simulated seconds per real second (an upper bound; 0 = as fast as `max_lead` allows); `tick_ms` the
    tick grid in simulated milliseconds; `max_lead` how many ticks the clock may run ahead of the slowest acknowledged
    tick (0 = lock-step); `start_hour` the hour of the first day at which the clock starts; `days` ends the source
    after so many days (0 = never, as far as there is data).
    """

    type: Literal["Simulation", "Replay", "External"] = "Replay"
    seed: int = 42
    speed: Annotated[float, Meta(ge=0)] = 600.0
    tick_ms: Annotated[int, Meta(ge=200, le=3_600_000)] = 300_000
    max_lead: Annotated[int, Meta(ge=0, le=100_000)] = 5
    start_hour: Annotated[int, Meta(ge=0, le=23)] = 7
    days: Annotated[int, Meta(ge=0)] = 0
    simulation: SimulationSettings = SimulationSettings()
    replay: ReplaySettings = ReplaySettings()
    faults: FaultSettings = FaultSettings()


class PlanningSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Defaults of the stock rules, in simulated time; `lateness_minutes` bounds how late a fact explains a deficit.

    `execution`: whether jobs stand in for people and emit the facts of their plans (`Assumed`), or people report them.
    `pick_minutes` pass until a plan's goods are taken from the back room, `travel_minutes` on the way to the shelf;
    expired goods are taken away once a day, from `removal_hour` (UTC) on.

    Once a day, from `discount_hour` (UTC) on, what expires that day or the next is marked down by so much percent (0 =
    not at all).

    The supplier delivers on `delivery_weekdays` (Monday = 0) at `delivery_hour` (UTC) what was ordered
    `order_lead_hours` before. Demand is smoothed with a weight of `demand_smoothing_pct` for the last day; until a
    day is known it is `opening_demand_pct` of a shelf's capacity. `safety_factor` is the z of the safety stock.
    """

    threshold_pct: Ratio = 30.0
    min_qty: Annotated[int, Meta(ge=0)] = 1
    target_pct: Ratio = 80.0
    near_expiry_days: Annotated[int, Meta(ge=0)] = 5
    cooldown_minutes: Annotated[int, Meta(ge=0)] = 60
    lateness_minutes: Annotated[int, Meta(ge=0)] = 60
    execution: Literal["Assumed", "Reported"] = "Assumed"
    pick_minutes: Annotated[int, Meta(ge=0, le=1440)] = 1
    travel_minutes: Annotated[int, Meta(ge=0, le=1440)] = 3
    removal_hour: Annotated[int, Meta(ge=0, le=23)] = 4
    wh_near_expiry_days: Annotated[int, Meta(ge=0)] = 10
    delivery_weekdays: Annotated[tuple[Weekday, ...], Meta(min_length=1, max_length=7)] = (0, 2, 4)
    delivery_hour: Annotated[int, Meta(ge=0, le=23)] = 8
    order_lead_hours: Annotated[int, Meta(ge=0, le=168)] = 20
    demand_smoothing_pct: Annotated[int, Meta(ge=1, le=100)] = 20
    opening_demand_pct: Ratio = 20.0
    safety_factor: Annotated[float, Meta(ge=0, le=10)] = 1.65
    discount_hour: Annotated[int, Meta(ge=0, le=23)] = 0
    markdown_today_pct: Ratio = 50.0
    markdown_tomorrow_pct: Ratio = 30.0


class RunSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One SmartStore, as its data plane sees it."""

    name: str
    stores: Annotated[int, Meta(ge=1)] = 5
    source: SourceSettings = SourceSettings()
    planning: PlanningSettings = PlanningSettings()


def numbered_stores(count: int) -> tuple[str, ...]:
    """The ids of stores that have no names of their own: s0001, s0002, …"""
    return tuple(f"s{number:04d}" for number in range(1, count + 1))


def load_run_settings(path: Path) -> RunSettings:
    """Read the settings; raises `msgspec.ValidationError` with the path of the wrong field."""
    return msgspec.json.decode(path.read_bytes(), type=RunSettings)
