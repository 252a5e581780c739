"""Promotions, daily discounts and their alerts of one store, recomputed (docs/stock-rules.md, Discounts)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import partial

from smartstore.contracts.events import Command, Markdown, Promotion, StoreConfig
from smartstore.contracts.outputs import AlertType, DailyDiscount
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.verify.alert_life import AlertLife, Key, Situation
from smartstore.verify.histories import ExpectedKeys, RecordHistory
from smartstore.verify.lots import LotBook
from smartstore.verify.stock import ShelfBook

JOB = "daily-discount-manager"
TYPE: AlertType = "near_expiry_discount"
HOUR_MS, MINUTE_MS = 3_600_000, 60_000


@dataclass(frozen=True)
class DiscountExpectations:
    """Where the recomputed records go."""

    discounts: ExpectedKeys
    alerts: ExpectedKeys


class DiscountBook:
    """All discounts of one store."""

    def __init__(
        self, shelves: ShelfBook, lots: LotBook, planning: PlanningSettings, expected: DiscountExpectations
    ) -> None:
        self._shelves, self._lots, self._planning = shelves, lots, planning
        self._expected = expected.discounts
        cooldown_ms = planning.cooldown_minutes * MINUTE_MS
        self._life = AlertLife(JOB, "store", shelves.store_id, cooldown_ms, expected.alerts)
        self._promotions: dict[str, dict[date, Promotion]] = {}
        """By shelf and first day."""
        self._last_day: date | None = None
        self._marked: dict[str, DailyDiscount] = {}
        """What the last round marked down."""
        self._stated: list[StoreConfig] = []
        self._is_open = True

    def apply_promotion(self, promotion: Promotion, *, delete: bool) -> None:
        """A promotion was announced or taken back."""
        announced = self._promotions.setdefault(promotion.shelf_id, {})
        if delete:
            announced.pop(promotion.first_day, None)
        else:
            announced[promotion.first_day] = promotion

    def apply_status(self, *, is_open: bool) -> None:
        """The store was opened or closed; in a closed one there is no round and no alert."""
        self._is_open = is_open

    def base(self, shelf_id: str, first: date, last: date) -> Fraction:
        """The largest reduction, in percent, announced for a day from `first` to `last`."""
        shares = [
            hundredths(promotion.pct)
            for promotion in self._promotions.get(shelf_id, {}).values()
            if promotion.first_day <= last and promotion.last_day >= first
        ]
        return max(shares, default=Fraction(0))

    def discount(self, shelf_id: str, day: date) -> DailyDiscount | None:
        """The discount of the shelf on the day of the last round."""
        marked = self._marked.get(shelf_id)
        return marked if marked is not None and marked.discount_date == day else None

    def close(self, tick: int, commands: Iterable[Command]) -> set[str]:
        """End the tick, after its stock is known; returns the ids of the commands carried out."""
        moment = from_epoch_ms(tick)
        self._stated = []
        due = self._last_day != moment.date() and moment.hour >= self._planning.discount_hour
        if due and self._is_open:
            self._last_day = moment.date()
            self._mark_down(tick)
        situation = partial(self._situation, tick)
        obeyed = {one.event_id for one in commands if self._life.acknowledge(tick, one, situation)}
        for shelf_id in self._life.active(TYPE) | set(self._marked):
            self._life.evaluate(tick, (shelf_id, TYPE), situation((shelf_id, TYPE)))
        return obeyed

    def stated(self) -> list[StoreConfig]:
        """The labels that are changed at this tick where jobs stand in for people."""
        return self._stated

    def _mark_down(self, tick: int) -> None:
        today = from_epoch_ms(tick).date()
        tomorrow = today + timedelta(days=1)
        shares = {today: self._planning.markdown_today_pct, tomorrow: self._planning.markdown_tomorrow_pct}
        self._marked = {}
        for shelf_id, shelf in self._shelves.shelves.items():
            expiry = self._lots.earliest_expiry(shelf_id, today) if shelf.opened else None
            if expiry in shares and (markdown := hundredths(shares[expiry])):
                self._record(tick, shelf_id, expiry, markdown)

    def _record(self, tick: int, shelf_id: str, expiry: date, markdown: Fraction) -> None:
        store, moment = self._shelves.store_id, from_epoch_ms(tick)
        base = self.base(shelf_id, moment.date(), moment.date())
        both = hundredths(100 - (100 - base) * (100 - markdown) / 100)
        record = DailyDiscount(
            store_id=store,
            shelf_id=shelf_id,
            discount_date=moment.date(),
            expiry_date=expiry,
            base_pct=float(base),
            markdown_pct=float(markdown),
            discount_pct=float(both),
            created_at=moment,
            updated_at=moment,
            version=tick,
        )
        history: RecordHistory[DailyDiscount] = RecordHistory(len(self._expected))
        self._expected.add((store, shelf_id, moment.date()), history)
        history.add(record)
        self._marked[shelf_id] = record
        day = (moment.date() - date(1970, 1, 1)).days
        label = Markdown(shelf_id=shelf_id, pct=float(markdown), date=moment.date())
        self._stated.append(
            StoreConfig(
                event_id=derived_id(JOB, f"{store}/{shelf_id}", "markdown", day),
                store_id=store,
                timestamp=moment,
                kind="markdown",
                markdown=label,
            )
        )

    def _situation(self, tick: int, key: Key) -> Situation:
        shelf_id, _ = key
        today = from_epoch_ms(tick).date()
        profile, shelf = self._shelves.profiles[shelf_id], self._shelves.shelves[shelf_id]
        earliest = self._lots.earliest_expiry(shelf_id, today)
        ending = earliest is not None and earliest <= today + timedelta(days=1)
        holds = self._is_open and ending and self.discount(shelf_id, today) is not None
        return Situation(holds, profile, max(shelf.balance, 0), profile.capacity, 0.0, 0, 0, earliest)


def hundredths(pct: float | Fraction) -> Fraction:
    """A share in percent, to two decimals, half up."""
    exact = pct if isinstance(pct, Fraction) else Fraction(str(pct))
    return Fraction(int(exact * 100 + Fraction(1, 2)), 100)
