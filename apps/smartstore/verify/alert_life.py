"""Life cycles of one job's alerts in one store, recomputed (docs/stock-rules.md, Alerts)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import msgspec

from smartstore.contracts.events import Command, ShelfProfile
from smartstore.contracts.outputs import Alert, AlertType
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.verify.histories import ExpectedKeys, RecordHistory

Key = tuple[str, AlertType]
"""Shelf and type."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a shelf looks like after a tick, as far as one alert type is concerned."""

    holds: bool
    profile: ShelfProfile
    stock: int
    capacity: int
    threshold_pct: float
    min_qty: int
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


class AlertLife:
    """Opens, acknowledges and resolves."""

    def __init__(
        self,
        job: str,
        location: Literal["store", "warehouse"],
        store_id: str,
        cooldown_ms: int,
        expected: ExpectedKeys,
        prefix: str = "",
    ) -> None:
        """`prefix`: what ids put before the type, where a job has alerts of one type in two places."""
        self._job, self._location, self._store_id, self._prefix = job, location, store_id, prefix
        self._cooldown_ms, self._expected = cooldown_ms, expected
        self._series: dict[Key, Series] = {}
        self._by_id: dict[str, Key] = {}
        self._cooling: dict[Key, int] = {}
        """When an alert that may not open yet will be looked at again (epoch ms)."""
        self._active: dict[AlertType, set[str]] = {}

    def cooled(self, tick: int) -> set[str]:
        """Shelves to look at again because a cooldown is over."""
        return {key[0] for key, end in self._cooling.items() if end <= tick}

    def active(self, alert_type: AlertType) -> frozenset[str]:
        """Shelves with an alert of the type that is not resolved."""
        return frozenset(self._active.get(alert_type, ()))

    def evaluate(self, tick: int, key: Key, situation: Situation) -> None:
        """Open or resolve the alert of a shelf and type."""
        series = self._series.get(key)
        self._cooling.pop(key, None)
        if series is not None and series.active:
            if not situation.holds:
                self._change(tick, series, situation, "resolved")
                self._active[key[1]].discard(key[0])
        elif situation.holds:
            if series is None:
                series = self._series[key] = Series()
            end = series.created_at + self._cooldown_ms
            if series.count and tick < end:
                self._cooling[key] = end
            else:
                self._open(tick, key, series, situation)

    def acknowledge(self, tick: int, command: Command, situation: Callable[[Key], Situation]) -> bool:
        """Whether the command meant an open alert of this job."""
        if command.alert_id is not None:
            key = self._by_id.get(command.alert_id)
        else:
            key = next((k for k in self._series if k == (command.shelf_id, command.alert_type)), None)
        series = self._series.get(key) if key else None
        if key is None or series is None or series.current is None:
            return False
        last = series.current.records[-1]
        if last.status != "open" or command.alert_id not in (None, last.alert_id):
            return False
        self._change(tick, series, situation(key), "acknowledged")
        return True

    def _open(self, tick: int, key: Key, series: Series, situation: Situation) -> None:
        shelf_id, alert_type = key
        name = self._prefix + alert_type
        alert_id = derived_id(self._job, f"{self._store_id}/{shelf_id}", name, series.count)
        history: RecordHistory[Alert] = RecordHistory(len(self._expected))
        self._expected.add((self._store_id, alert_id), history)
        self._by_id[alert_id] = key
        self._active.setdefault(alert_type, set()).add(shelf_id)
        series.count, series.current, series.created_at = series.count + 1, history, tick
        moment = from_epoch_ms(tick)
        history.add(
            Alert(
                alert_id=alert_id,
                store_id=self._store_id,
                shelf_id=shelf_id,
                alert_type=alert_type,
                location=self._location,
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
    profile, capacity = situation.profile, situation.capacity
    return {
        "item_category": profile.item_category,
        "item_subcategory": profile.item_subcategory,
        "current_stock": situation.stock,
        "capacity": capacity,
        "stock_pct": 100 * situation.stock / capacity if capacity else 0.0,
        "threshold_pct": situation.threshold_pct,
        "min_qty": situation.min_qty,
        "suggested_qty": situation.suggested_qty,
        "expiry_date": situation.expiry_date,
    }
