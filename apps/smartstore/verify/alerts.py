"""Alerts of one store's shelves, recomputed (docs/stock-rules.md, Alerts)."""

import math
from collections.abc import Iterable

from smartstore.contracts.events import Command, ShelfPolicy
from smartstore.contracts.outputs import AlertType
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.wire import from_epoch_ms
from smartstore.verify.alert_life import AlertLife, Key, Situation
from smartstore.verify.histories import ExpectedKeys
from smartstore.verify.lots import LotBook
from smartstore.verify.policies import Limits, limits_for
from smartstore.verify.stock import ShelfBook

TYPES: tuple[AlertType, ...] = ("refill_request", "near_expiry")
JOB = "shelf-alert-engine"
MINUTE_MS = 60_000


class AlertBook:
    """All alerts of one store's shelves."""

    def __init__(
        self, shelves: ShelfBook, lots: LotBook, planning: PlanningSettings, expected: ExpectedKeys
    ) -> None:
        self._shelves, self._lots, self._planning = shelves, lots, planning
        cooldown_ms = planning.cooldown_minutes * MINUTE_MS
        self._life = AlertLife(JOB, "store", shelves.store_id, cooldown_ms, expected)
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
        """End the tick, after the stock of the tick is known; returns the commands that mean no alert of these."""
        rest = [
            command
            for command in commands
            if not self._life.acknowledge(tick, command, lambda key: self._situation(tick, key))
        ]
        if new_day or self._all_stale:
            concerned: Iterable[str] = self._shelves.shelves
        else:
            concerned = changed | self._stale | self._life.cooled(tick)
        for shelf_id in concerned:
            shelf = self._shelves.shelves.get(shelf_id)
            if shelf is not None and shelf.opened:
                for alert_type in TYPES:
                    self._evaluate(tick, (shelf_id, alert_type))
        self._stale.clear()
        self._all_stale = False
        return rest

    def asking(self) -> frozenset[str]:
        """Shelves whose refill alert is open or acknowledged."""
        return self._life.active("refill_request")

    def limits(self, shelf_id: str) -> Limits:
        """What the policies say for a shelf."""
        limits = self._limits.get(shelf_id)
        if limits is None:
            profile, policies = self._shelves.profiles[shelf_id], list(self._policies.values())
            limits = limits_for(self._shelves.store_id, profile, policies, self._planning)
            self._limits[shelf_id] = limits
        return limits

    def _evaluate(self, tick: int, key: Key) -> None:
        situation = self._situation(tick, key)
        if key[1] == "refill_request":
            (self.low.add if situation.holds else self.low.discard)(key[0])
        self._life.evaluate(tick, key, situation)

    def _situation(self, tick: int, key: Key) -> Situation:
        shelf_id, alert_type = key
        profile, limits = self._shelves.profiles[shelf_id], self.limits(shelf_id)
        stock, capacity = max(self._shelves.shelves[shelf_id].balance, 0), profile.capacity
        percent, least = limits.threshold_pct, limits.min_qty
        if alert_type == "refill_request":
            holds = self._is_open and (100 * stock / capacity < percent or stock < least)
            wanted = max(0, math.ceil(capacity * self._planning.target_pct / 100) - stock)
            return Situation(holds, profile, stock, capacity, percent, least, wanted, None)
        today = from_epoch_ms(tick).date()
        earliest = self._lots.earliest_expiry(shelf_id, today)
        near = self._is_open and earliest is not None and (earliest - today).days <= limits.near_expiry_days
        return Situation(near, profile, stock, capacity, percent, least, 0, earliest)
