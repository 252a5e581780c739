"""The spec as the data plane sees it: `contracts.settings.RunSettings`."""

from typing import Literal

from smartstore.contracts import settings
from smartstore_operator.api.estate import WEEKDAYS, Planning
from smartstore_operator.api.scalars import hours, milliseconds, minutes
from smartstore_operator.api.smartstore import SmartStore
from smartstore_operator.api.source import Faults, Source


def run_settings(smartstore: SmartStore) -> settings.RunSettings:
    """Everything of the spec that decides what the data plane does."""
    spec = smartstore.spec
    return settings.RunSettings(
        name=smartstore.name,
        stores=spec.stores,
        source=_source(spec.source),
        planning=_planning(spec.planning, spec.source.effective_execution()),
    )


def _source(source: Source) -> settings.SourceSettings:
    return settings.SourceSettings(
        type=source.type,
        seed=source.seed,
        speed=source.effective_speed(),
        tick_ms=milliseconds(source.effective_tick()),
        max_lead=source.max_lead,
        start_hour=source.start_hour,
        days=source.days,
        simulation=settings.SimulationSettings(**source.simulation.model_dump()),
        replay=settings.ReplaySettings(**source.replay.model_dump()),
        faults=_faults(source.faults),
    )


def _faults(faults: Faults) -> settings.FaultSettings:
    values = faults.model_dump(exclude={"late_max"})
    return settings.FaultSettings(**values, late_max_minutes=minutes(faults.late_max))


def _planning(planning: Planning, execution: Literal["Assumed", "Reported"]) -> settings.PlanningSettings:
    shelf, restock, supplier = planning.shelf, planning.restock, planning.supplier
    return settings.PlanningSettings(
        threshold_pct=shelf.threshold_pct,
        min_qty=shelf.min_qty,
        target_pct=shelf.target_pct,
        near_expiry_days=shelf.near_expiry_days,
        cooldown_minutes=minutes(shelf.cooldown),
        lateness_minutes=minutes(shelf.lateness),
        execution=execution,
        pick_minutes=minutes(restock.pick_delay),
        travel_minutes=minutes(restock.travel_time),
        removal_hour=restock.removal_hour,
        wh_near_expiry_days=supplier.near_expiry_days,
        delivery_weekdays=tuple(sorted({WEEKDAYS.index(day) for day in supplier.delivery_days})),
        delivery_hour=supplier.delivery_hour,
        order_lead_hours=hours(supplier.order_lead),
        demand_smoothing_pct=supplier.demand_smoothing_pct,
        opening_demand_pct=supplier.opening_demand_pct,
        safety_factor=supplier.safety_factor,
        discount_hour=planning.discounts.hour,
        markdown_today_pct=planning.discounts.today_pct,
        markdown_tomorrow_pct=planning.discounts.tomorrow_pct,
    )
