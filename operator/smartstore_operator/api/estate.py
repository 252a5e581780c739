"""The remaining blocks: the range, stock rules, user-facing parts, operation."""

from datetime import timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from smartstore.contracts import settings
from smartstore_operator.api.block import Between, Block, Distinct, setting
from smartstore_operator.api.scalars import Duration, Schedule

_YEAR = timedelta(hours=24 * 366)
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)

Weekday = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
"""Monday first, as the data plane's settings count them."""


class Catalog(Block):
    """The range. Nothing to set: see source.simulation.rangeScale and source.replay.products."""


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
        description="Until the goods of a new plan are taken from the back room, counted in whole minutes.",
    )
    travel_time: Annotated[Duration, Between(timedelta(0), _DAY)] = Field(
        default=timedelta(minutes=settings.PlanningSettings().travel_minutes),
        description="The way from the back room to the shelf, counted in whole minutes.",
    )
    removal_hour: int = setting(
        settings.PlanningSettings,
        "removal_hour",
        "Hour (UTC) from which expired goods are taken away, daily.",
    )


class SupplierPlanning(Block):
    """From the supplier to the back room, in simulated time."""

    delivery_days: Annotated[list[Annotated[Weekday, Field(description="A weekday.")]], Distinct()] = Field(
        default=[WEEKDAYS[day] for day in settings.PlanningSettings().delivery_weekdays],
        min_length=1,
        max_length=7,
        description="Weekdays on which the supplier delivers.",
    )
    delivery_hour: int = setting(
        settings.PlanningSettings, "delivery_hour", "Hour (UTC) at which the supplier delivers."
    )
    order_lead: Annotated[Duration, Between(timedelta(0), _WEEK)] = Field(
        default=timedelta(hours=settings.PlanningSettings().order_lead_hours),
        description="How long before a delivery its cut-off is, counted in whole hours.",
    )
    near_expiry_days: int = setting(
        settings.PlanningSettings,
        "wh_near_expiry_days",
        "A lot in the back room that expires within so many days raises an alert.",
    )
    demand_smoothing_pct: int = setting(
        settings.PlanningSettings,
        "demand_smoothing_pct",
        "Weight of the last day's sales in the estimate of a day's demand.",
    )
    opening_demand_pct: float = setting(
        settings.PlanningSettings,
        "opening_demand_pct",
        "Demand of a day, as a share of a shelf's capacity, until a whole day was seen.",
    )
    safety_factor: float = setting(
        settings.PlanningSettings,
        "safety_factor",
        "Safety stock in standard deviations of the demand until the next delivery.",
    )


class DiscountPlanning(Block):
    """What is taken off goods that are about to expire; percent count to two decimals."""

    hour: int = setting(
        settings.PlanningSettings, "discount_hour", "Hour (UTC) from which shelves are marked down, daily."
    )
    today_pct: float = setting(
        settings.PlanningSettings,
        "markdown_today_pct",
        "Off a shelf with goods that expire on the day; 0: nothing.",
    )
    tomorrow_pct: float = setting(
        settings.PlanningSettings,
        "markdown_tomorrow_pct",
        "Off a shelf with goods that expire on the next day; 0: nothing.",
    )


class Planning(Block):
    """Thresholds and targets of the stock rules."""

    shelf: ShelfPlanning = Field(
        default=ShelfPlanning(),
        description="Defaults of the shelves' alert rules; rows of config.shelf_policies override them.",
    )
    restock: RestockPlanning = Field(
        default=RestockPlanning(), description="From the back room to the shelf, in simulated time."
    )
    supplier: SupplierPlanning = Field(
        default=SupplierPlanning(), description="From the supplier to the back room, in simulated time."
    )
    discounts: DiscountPlanning = Field(
        default=DiscountPlanning(), description="What is taken off goods that are about to expire."
    )


class Switch(Block):
    """A part that can be left out."""

    enabled: bool = Field(default=True, description="Whether it is wanted. No effect yet.")


class PodMonitors(Block):
    """Where the metrics of all parts are, for a Prometheus operator."""

    enabled: bool = Field(
        default=True,
        description="Whether there is one, in a cluster that knows PodMonitors. No effect on one machine.",
    )


class Rules(Block):
    """Alerts, for a Prometheus operator."""

    enabled: bool = Field(
        default=True,
        description="Whether there are some, in a cluster that knows PrometheusRules. No effect on one machine.",
    )


class Serving(Block):
    """The parts that people and programs use."""

    api: Switch = Field(default=Switch(), description="The query API.")
    console: Switch = Field(default=Switch(), description="The web console.")


class Monitoring(Block):
    """What is handed to Prometheus and Grafana."""

    pod_monitors: PodMonitors = Field(
        default=PodMonitors(), description="Where the metrics of all parts are, for a Prometheus operator."
    )
    rules: Rules = Field(default=Rules(), description="Alerts, for a Prometheus operator.")
    grafana: Switch = Field(default=Switch(), description="Grafana dashboards.")


class MaintenanceWindow(Block):
    """A recurring time in which disruptive changes are allowed."""

    schedule: Schedule = Field(description="When it opens, as five cron fields in UTC.")
    duration: Annotated[Duration, Between(timedelta(minutes=1), timedelta(days=7))] = Field(
        description="How long it stays open."
    )


class Maintenance(Block):
    """When disruptive changes may be made."""

    windows: tuple[MaintenanceWindow, ...] = Field(
        default=(),
        strict=False,
        max_length=50,
        description="What starts pods again waits for one of these; they may overlap. No effect on one machine.",
    )


class Override(Block):
    """A patch of one rendered object."""

    kind: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        description="Kind of the object, like StatefulSet."
    )
    name: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="Name of the object, like demo-hot."
    )
    patch: dict[str, Any] = Field(
        description="Merged into the object (JSON merge patch, RFC 7386): null takes a field away."
    )
