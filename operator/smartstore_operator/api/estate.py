"""The remaining blocks: the range, stock rules, user-facing parts, operation."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from smartstore.contracts import settings
from smartstore_operator.api.block import Between, Block, setting
from smartstore_operator.api.scalars import Duration

_YEAR = timedelta(hours=24 * 366)
_DAY = timedelta(days=1)


class Catalog(Block):
    """The range. Nothing to set yet: see source.simulation.rangeScale and source.replay.products."""


class ShelfPlanning(Block):
    """Defaults of the shelves' alert rules; policies in `config.shelf_policies` override them."""

    threshold_pct: float = setting(
        settings.PlanningSettings,
        "threshold_pct",
        "A shelf below this share of its capacity asks for a refill.",
    )
    min_qty: int = setting(
        settings.PlanningSettings, "min_qty", "A shelf with fewer units asks for a refill."
    )
    target_pct: float = setting(
        settings.PlanningSettings, "target_pct", "A refill is suggested up to this share of the capacity."
    )
    near_expiry_days: int = setting(
        settings.PlanningSettings,
        "near_expiry_days",
        "A lot that expires within so many days raises an alert.",
    )
    cooldown: Annotated[Duration, Between(timedelta(0), _YEAR)] = Field(
        default=timedelta(minutes=settings.PlanningSettings().cooldown_minutes),
        description="Least simulated time between two alerts of one kind on a shelf, counted in whole minutes.",
    )
    lateness: Annotated[Duration, Between(timedelta(0), _YEAR)] = Field(
        default=timedelta(minutes=settings.PlanningSettings().lateness_minutes),
        description="How late a fact may explain a deficit, in simulated time, counted in whole minutes.",
    )


class RestockPlanning(Block):
    """From the back room to the shelf, in simulated time."""

    pick_delay: Annotated[Duration, Between(timedelta(0), _DAY)] = Field(
        default=timedelta(minutes=settings.PlanningSettings().pick_minutes),
        description="Until the goods of a new plan are taken from the back room, 0s to 24h, in whole minutes.",
    )
    travel_time: Annotated[Duration, Between(timedelta(0), _DAY)] = Field(
        default=timedelta(minutes=settings.PlanningSettings().travel_minutes),
        description="The way from the back room to the shelf, 0s to 24h, in whole minutes.",
    )
    removal_hour: int = setting(
        settings.PlanningSettings,
        "removal_hour",
        "Hour (UTC) from which expired goods are taken away, daily.",
    )


class Planning(Block):
    """Thresholds and targets of the stock rules."""

    shelf: ShelfPlanning = Field(default=ShelfPlanning(), description="Defaults of the shelves' alert rules.")
    restock: RestockPlanning = Field(
        default=RestockPlanning(), description="From the back room to the shelf, in simulated time."
    )


class Switch(Block):
    """A part that can be left out."""

    enabled: bool = Field(default=True, description="Whether it runs. No effect on one machine yet.")


class Serving(Block):
    """The parts that people and programs use."""

    api: Switch = Field(default=Switch(), description="The query API.")
    console: Switch = Field(default=Switch(), description="The web console.")


class Monitoring(Block):
    """What is handed to Prometheus and Grafana."""

    pod_monitors: Switch = Field(default=Switch(), description="PodMonitors of all parts.")
    rules: Switch = Field(default=Switch(), description="Alerting rules.")
    grafana: Switch = Field(default=Switch(), description="Grafana dashboards.")


class MaintenanceWindow(Block):
    """A recurring time in which disruptive changes are allowed."""

    schedule: Annotated[str, Field(pattern=r"^\S+( \S+){4}$")] = Field(
        description="Start of the window, as five cron fields in UTC."
    )
    duration: Annotated[Duration, Between(timedelta(minutes=1), timedelta(days=7))] = Field(
        description="Length of the window, 1m to 168h."
    )


class Maintenance(Block):
    """When disruptive changes may be made."""

    windows: tuple[MaintenanceWindow, ...] = Field(
        default=(),
        strict=False,
        max_length=50,
        description="Disruptive changes wait for one of these. No effect on one machine.",
    )


class Override(Block):
    """A patch of one rendered object."""

    kind: Annotated[str, Field(min_length=1, max_length=63)] = Field(description="Kind of the object.")
    name: Annotated[str, Field(min_length=1, max_length=253)] = Field(description="Name of the object.")
    patch: dict[str, Any] = Field(description="Merged into the object (JSON merge patch).")
