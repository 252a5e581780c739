"""Alert life cycles of one store, recomputed (docs/stock-rules.md, Alerts)."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import msgspec

from smartstore.contracts.events import Command, ShelfPolicy, ShelfProfile
from smartstore.contracts.outputs import Alert
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.verify.histories import ExpectedKeys, RecordHistory
from smartstore.verify.lots import LotBook
from smartstore.verify.policies import Limits, limits_for
from smartstore.verify.stock import ShelfBook

AlertType = Literal["refill_request", "near_expiry"]
TYPES: tuple[AlertType, ...] = ("refill_request", "near_expiry")
JOB = "shelf-alert-engine"
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Situation:
    """What a shelf looks like after a tick, as far as one alert type is concerned."""

    holds: bool
    profile: ShelfProfile
    stock: int
    limits: Limits
    suggested_qty: int
    expiry_date: date | None


@dataclass(slots=True)
class Series:
    """The alerts of one (shelf, type): the last one and how many there were."""

    count: int = 0
    current: RecordHistory[Alert] | None = None
    created_at: int = 0

    @property
    def active(self) -> bool:
        """Whether the last alert is open or acknowledged."""
        return self.current is not None and self.current.records[-1].status != "resolved"


class AlertBook:
    """All alerts of one store."""

    def __init__(
        self, shelves: ShelfBook, lots: LotBook, planning: PlanningSettings, expected: ExpectedKeys
    ) -> None:
        self._shelves, self._lots, self._planning, self._expected = shelves, lots, planning, expected
        self._series: dict[tuple[str, AlertType], Series] = {}
        self._by_id: dict[str, tuple[str, AlertType]] = {}
        self._cooling: dict[tuple[str, AlertType], int] = {}
        """When an alert that may not open yet will be looked at again (epoch ms)."""
        self._policies: dict[str, ShelfPolicy] = {}
        self._limits: dict[str, Limits] = {}
        self._stale: set[str] = set()
        self._all_stale = False
        self._is_open = True
        self.low: set[str] = set()
        """Shelves that ask for a refill, whether their alert may open or not."""

    def apply_profile(self, shelf_id: str) -> None:
        """The profile of a shelf changed."""
        self._limits.pop(shelf_id, None)
        self._stale.add(shelf_id)

    def apply_policy(self, policy: ShelfPolicy, *, delete: bool) -> None:
        """A policy was written or deleted."""
        if delete:
            self._policies.pop(policy.policy_id, None)
        else:
            self._policies[policy.policy_id] = policy
        self._limits.clear()
        self._all_stale = True

    def apply_status(self, *, is_open: bool) -> None:
        """The store was opened or closed; in a closed one nothing is asked for."""
        self._is_open = is_open
        self._all_stale = True

    def close(
        self, tick: int, changed: set[str], commands: Iterable[Command], new_day: bool
    ) -> list[Command]:
        """End the tick, after the stock of the tick is known; returns the commands that are refused."""
        refused = [command for command in commands if not self._acknowledge(tick, command)]
        if new_day or self._all_stale:
            concerned: Iterable[str] = self._shelves.shelves
        else:
            cooled = {key[0] for key, end in self._cooling.items() if end <= tick}
            concerned = changed | self._stale | cooled
        for shelf_id in concerned:
            shelf = self._shelves.shelves.get(shelf_id)
            if shelf is not None and shelf.opened:
                for alert_type in TYPES:
                    self._evaluate(tick, shelf_id, alert_type)
        self._stale.clear()
        self._all_stale = False
        return refused

    def _evaluate(self, tick: int, shelf_id: str, alert_type: AlertType) -> None:
        key = (shelf_id, alert_type)
        series = self._series.get(key)
        situation = self._situation(tick, shelf_id, alert_type)
        self._cooling.pop(key, None)
        if alert_type == "refill_request":
            (self.low.add if situation.holds else self.low.discard)(shelf_id)
        if series is not None and series.active:
            if not situation.holds:
                self._change(tick, series, situation, "resolved")
        elif situation.holds:
            if series is None:
                series = self._series[key] = Series()
            end = series.created_at + self._planning.cooldown_minutes * MINUTE_MS
            if series.count and tick < end:
                self._cooling[key] = end
            else:
                self._open(tick, key, series, situation)

    def _acknowledge(self, tick: int, command: Command) -> bool:
        if command.alert_id is not None:
            key = self._by_id.get(command.alert_id)
        else:
            key = next((k for k in self._series if k == (command.shelf_id, command.alert_type)), None)
        series = self._series.get(key) if key else None
        if (
            key is None
            or series is None
            or series.current is None
            or series.current.records[-1].status != "open"
        ):
            return False
        self._change(tick, series, self._situation(tick, *key), "acknowledged")
        return True

    def _situation(self, tick: int, shelf_id: str, alert_type: AlertType) -> Situation:
        profile = self._shelves.profiles[shelf_id]
        limits = self._limits.get(shelf_id)
        if limits is None:
            policies = list(self._policies.values())
            limits = limits_for(self._shelves.store_id, profile, policies, self._planning)
            self._limits[shelf_id] = limits
        stock = max(self._shelves.shelves[shelf_id].balance, 0)
        if alert_type == "refill_request":
            holds = 100 * stock / profile.capacity < limits.threshold_pct or stock < limits.min_qty
            holds = holds and self._is_open
            wanted = math.ceil(profile.capacity * self._planning.target_pct / 100)
            return Situation(holds, profile, stock, limits, max(0, wanted - stock), None)
        today = from_epoch_ms(tick).date()
        dates = [lot.expiry for lot in self._lots.of_shelf(shelf_id) if lot.balance > 0 and lot.expiry]
        earliest = min((day for day in dates if day >= today), default=None)
        near = self._is_open and earliest is not None and (earliest - today).days <= limits.near_expiry_days
        return Situation(near, profile, stock, limits, 0, earliest)

    def _open(self, tick: int, key: tuple[str, AlertType], series: Series, situation: Situation) -> None:
        store_id, (shelf_id, alert_type) = self._shelves.store_id, key
        alert_id = derived_id(JOB, f"{store_id}/{shelf_id}", alert_type, series.count)
        history: RecordHistory[Alert] = RecordHistory(len(self._expected))
        self._expected.add((store_id, alert_id), history)
        self._by_id[alert_id] = key
        series.count, series.current, series.created_at = series.count + 1, history, tick
        moment = from_epoch_ms(tick)
        history.add(
            Alert(
                alert_id=alert_id,
                store_id=store_id,
                shelf_id=shelf_id,
                alert_type=alert_type,
                location="store",
                status="open",
                created_at=moment,
                acknowledged_at=None,
                resolved_at=None,
                updated_at=moment,
                version=tick,
                **_stock_fields(situation),
            )
        )

    def _change(
        self, tick: int, series: Series, situation: Situation, status: Literal["acknowledged", "resolved"]
    ) -> None:
        history = series.current
        if history is None:
            raise AssertionError("only an alert that exists changes its status")
        moment, last = from_epoch_ms(tick), history.records[-1]
        history.add(
            msgspec.structs.replace(
                last,
                status=status,
                acknowledged_at=moment if status == "acknowledged" else last.acknowledged_at,
                resolved_at=moment if status == "resolved" else None,
                updated_at=moment,
                version=max(tick, last.version + 1),
                **_stock_fields(situation),
            )
        )


def _stock_fields(situation: Situation) -> dict[str, Any]:
    profile = situation.profile
    return {
        "item_category": profile.item_category,
        "item_subcategory": profile.item_subcategory,
        "current_stock": situation.stock,
        "capacity": profile.capacity,
        "stock_pct": 100 * situation.stock / profile.capacity,
        "threshold_pct": situation.limits.threshold_pct,
        "min_qty": situation.limits.min_qty,
        "suggested_qty": situation.suggested_qty,
        "expiry_date": situation.expiry_date,
    }
