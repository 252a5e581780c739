"""Alerts of one type in one store: at most one active per shelf, and their life (docs/stock-rules.md, Alerts)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import Command
from smartstore.contracts.outputs import Alert, AlertType
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.domain.balance import NONE
from smartstore.domain.lots import day_of
from smartstore.domain.shelves import BoolArray, IntArray, Shelves, grown, no_bools, no_ints
from smartstore.domain.tick import MINUTE_MS, Emitted, Moment, moment_or_none

CLOSED, OPEN, ACKNOWLEDGED = 0, 1, 2


@dataclass(frozen=True)
class AlertBook:
    """The current or last alert of each shelf; one element per shelf."""

    status: IntArray = field(default_factory=no_ints)
    """`CLOSED`, `OPEN` or `ACKNOWLEDGED`."""
    number: IntArray = field(default_factory=no_ints)
    """How many alerts the shelf has had; the current one's n is one less."""
    created_ms: IntArray = field(default_factory=no_ints)
    acknowledged_ms: IntArray = field(default_factory=no_ints)
    waiting: BoolArray = field(default_factory=no_bools)
    """Whether the condition holds while the cooldown keeps a new alert back."""

    def sized(self, size: int) -> "AlertBook":
        """Arrays of its own for so many shelves, to be changed in place within one step."""
        return AlertBook(
            status=grown(self.status, size, CLOSED),
            number=grown(self.number, size, 0),
            created_ms=grown(self.created_ms, size, NONE),
            acknowledged_ms=grown(self.acknowledged_ms, size, NONE),
            waiting=grown(self.waiting, size, False),
        )

    @property
    def is_active(self) -> BoolArray:
        """Which shelves have an alert that is not resolved."""
        active: BoolArray = self.status != CLOSED
        return active

    def ready(self, moment: Moment) -> IntArray:
        """Shelves whose cooldown is over while the condition held."""
        ready = self.waiting & (self.created_ms + cooldown_ms(moment.planning) <= moment.tick_ms)
        return np.flatnonzero(ready)

    def next_due(self, moment: Moment) -> int:
        """When to look again (epoch ms): the next day, or the end of the first cooldown that keeps an alert back."""
        due = moment.next_day_ms
        if self.waiting.any():
            due = min(due, int(self.created_ms[self.waiting].min()) + cooldown_ms(moment.planning))
        return due


class Kind(NamedTuple):
    """Which alerts: the job that raises them, their type, and where the goods lie."""

    job: str
    alert_type: AlertType
    location: Literal["store", "warehouse"]
    prefix: str = ""
    """Tells apart kinds of one job and type, in ids and in the state."""

    @property
    def name(self) -> str:
        """Unique among the job's kinds."""
        return self.prefix + self.alert_type


class Situation(NamedTuple):
    """What an alert tells of its shelf; `expiry` in days since 1970-01-01, `NO_DATE` for none."""

    units: int
    capacity: int
    threshold_pct: float
    min_qty: int
    suggested_qty: int
    expiry: int


@dataclass
class AlertDesk:
    """Opens, acknowledges and resolves the alerts of one type within one tick; changes `book` in place."""

    kind: Kind
    book: AlertBook
    shelves: Shelves
    situation: Callable[[int], Situation]
    moment: Moment
    emitted: Emitted
    _changes: dict[int, int] = field(default_factory=dict)
    """Changes of each shelf's alert within the tick."""

    def acknowledge(self, command: Command) -> bool:
        """Acknowledge the open alert that the command means; whether there is one."""
        shelf = self._meant(command)
        if shelf is None:
            return False
        self.book.status[shelf] = ACKNOWLEDGED
        self.book.acknowledged_ms[shelf] = self.moment.tick_ms
        self._emit(shelf, "acknowledged")
        return True

    def evaluate(self, shelves: IntArray, holds: BoolArray) -> None:
        """Open and resolve alerts on these shelves, by whether the condition holds on each."""
        if not len(shelves):
            return
        book, tick_ms = self.book, self.moment.tick_ms
        active = book.status[shelves] != CLOSED
        first = book.number[shelves] == 0
        cooled = first | (tick_ms >= book.created_ms[shelves] + cooldown_ms(self.moment.planning))
        book.waiting[shelves] = holds & ~active & ~cooled
        for shelf in shelves[holds & ~active & cooled].tolist():
            book.status[shelf], book.created_ms[shelf], book.acknowledged_ms[shelf] = OPEN, tick_ms, NONE
            book.number[shelf] += 1
            self._emit(shelf, "open")
        for shelf in shelves[active & ~holds].tolist():
            book.status[shelf] = CLOSED
            self._emit(shelf, "resolved")

    def _meant(self, command: Command) -> int | None:
        if command.alert_id is None:
            shelf = self.shelves.index.get(command.shelf_id or "")
            if command.alert_type != self.kind.alert_type or shelf is None:
                return None
            return shelf if self.book.status[shelf] == OPEN else None
        opened: list[int] = np.flatnonzero(self.book.status == OPEN).tolist()
        return next((shelf for shelf in opened if self._alert_id(shelf) == command.alert_id), None)

    def _alert_id(self, shelf: int) -> str:
        key = f"{self.moment.store_id}/{self.shelves.ids[shelf]}"
        return derived_id(self.kind.job, key, self.kind.name, int(self.book.number[shelf]) - 1)

    def _emit(self, shelf: int, status: Literal["open", "acknowledged", "resolved"]) -> None:
        book, shelves, seen = self.book, self.shelves, self.situation(shelf)
        n = self._changes.get(shelf, 0)
        self._changes[shelf] = n + 1
        tick = from_epoch_ms(self.moment.tick_ms)
        self.emitted.emit(
            topics.ALERTS,
            Alert(
                alert_id=self._alert_id(shelf),
                store_id=self.moment.store_id,
                shelf_id=shelves.ids[shelf],
                alert_type=self.kind.alert_type,
                location=self.kind.location,
                status=status,
                item_category=shelves.categories[shelf],
                item_subcategory=shelves.subcategories[shelf],
                current_stock=seen.units,
                capacity=seen.capacity,
                stock_pct=100.0 * seen.units / seen.capacity if seen.capacity else 0.0,
                threshold_pct=seen.threshold_pct,
                min_qty=seen.min_qty,
                suggested_qty=seen.suggested_qty,
                expiry_date=day_of(seen.expiry),
                created_at=from_epoch_ms(int(book.created_ms[shelf])),
                acknowledged_at=moment_or_none(int(book.acknowledged_ms[shelf])),
                resolved_at=tick if status == "resolved" else None,
                updated_at=tick,
                version=self.moment.tick_ms + n,
            ),
        )


def cooldown_ms(planning: PlanningSettings) -> int:
    """How long after one alert of a shelf the next of its type may open, in ms."""
    return planning.cooldown_minutes * MINUTE_MS
