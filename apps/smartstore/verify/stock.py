"""Shelf balances of one store, recomputed (docs/stock-rules.md, Shelf balance)."""

from dataclasses import dataclass, field
from datetime import datetime

from smartstore.contracts.events import ShelfEvent, ShelfProfile, StockCount
from smartstore.contracts.fields import MOST_GRAMS
from smartstore.contracts.outputs import Adjustment
from smartstore.verify.histories import ExpectedKeys, ShelfHistory
from smartstore.verify.ticks import whole_milliseconds


@dataclass(frozen=True)
class Correction:
    """An adjustment that must exist; the rules leave its id open, so it is matched by content."""

    store_id: str
    shelf_id: str
    batch_code: str | None
    cause: str
    tick: int
    quantity: int
    location: str = "store"

    @classmethod
    def of(cls, record: Adjustment, tick: int) -> "Correction":
        """The content of a published adjustment; `tick` is its `adjusted_at` in epoch ms."""
        return cls(
            record.store_id,
            record.shelf_id,
            record.batch_code,
            record.cause,
            tick,
            record.quantity,
            record.location,
        )


@dataclass(slots=True)
class Flows:
    """Units that moved at one shelf since the beginning."""

    counted: int = 0
    """What the opening count set the shelf to, less what was known before."""
    picked: int = 0
    put_back: int = 0
    refilled: int = 0
    removed: int = 0
    paid: int = 0
    counted_lots: int = 0
    """The same as `counted`, over the shelf's lots."""
    back_counted: int = 0
    delivered: int = 0
    """Into the back room."""
    back_removed: int = 0
    transit: int = 0
    """On the way from the back room to the shelf."""

    @property
    def baskets(self) -> int:
        """Units in customers' baskets."""
        return self.picked - self.put_back - self.paid


@dataclass(slots=True, eq=False)
class Shelf:
    """One shelf's running state."""

    shelf_id: str
    history: ShelfHistory
    balance: int = 0
    weight_g: int = 0
    opened: bool = False
    last_event_at: datetime | None = None
    negative_since: int | None = None
    flows: Flows = field(default_factory=Flows)


class ShelfBook:
    """All shelves of one store. Call the `apply`s of a tick in order, then `close` it."""

    def __init__(self, store_id: str, expected: ExpectedKeys, corrections: list[Correction]) -> None:
        self.store_id = store_id
        self.shelves: dict[str, Shelf] = {}
        self.profiles: dict[str, ShelfProfile] = {}
        self._expected = expected
        self._corrections = corrections
        self._touched: dict[str, Shelf] = {}
        self._negative: dict[str, Shelf] = {}

    def apply_profile(self, tick: int, profile: ShelfProfile) -> None:
        """A profile that holds from `tick` on."""
        shelf = self.shelves.get(profile.shelf_id)
        if shelf is None:
            history = ShelfHistory(self.store_id, profile.shelf_id, len(self._expected))
            shelf = self.shelves[profile.shelf_id] = Shelf(profile.shelf_id, history)
            self._expected.add((self.store_id, profile.shelf_id), history)
        shelf.history.profiles.append((tick, profile))
        self.profiles[profile.shelf_id] = profile

    def apply_event(self, event: ShelfEvent) -> bool:
        """A sensor's event; False when the shelf has no profile."""
        shelf = self.shelves.get(event.shelf_id)
        if shelf is None:
            return False
        kind, quantity, flows = event.event_type, event.quantity or 0, shelf.flows
        if kind == "pickup":
            shelf.balance -= quantity
            flows.picked += quantity
        elif kind == "putback":
            shelf.balance += quantity
            if event.lots:
                flows.refilled += quantity
            else:
                flows.put_back += quantity
        elif kind == "removal":
            shelf.balance -= quantity
            flows.removed += quantity
        else:
            shelf.weight_g += event.delta_weight_g or 0
        moment = whole_milliseconds(event.timestamp)
        if shelf.last_event_at is None or moment > shelf.last_event_at:
            shelf.last_event_at = moment
        self._touched[event.shelf_id] = shelf
        return True

    def apply_count(self, tick: int, count: StockCount) -> bool:
        """A count of the shelf; False when it is ignored (an opening count of a shelf that has one)."""
        shelf = self.shelves[count.shelf_id]
        difference = count.quantity - shelf.balance
        if count.count_type == "opening":
            if shelf.opened:
                return False
            item_weight_g = self.profiles[count.shelf_id].item_weight_g
            shelf.weight_g = min(count.quantity * item_weight_g, MOST_GRAMS)
            shelf.flows.counted += difference
        elif difference:
            self._correct(tick, shelf, "recount", difference)
        shelf.balance, shelf.opened = count.quantity, True
        self._touched[count.shelf_id] = shelf
        return True

    def close(self, tick: int, lateness_ms: int) -> set[str]:
        """End the tick; returns the shelves whose state was published."""
        for shelf_id, shelf in self._touched.items():
            if shelf.balance >= 0:
                shelf.negative_since = None
                self._negative.pop(shelf_id, None)
            elif shelf.negative_since is None:
                shelf.negative_since = tick
                self._negative[shelf_id] = shelf
        for shelf_id, shelf in list(self._negative.items()):
            if tick - (shelf.negative_since or 0) >= lateness_ms:
                self._correct(tick, shelf, "unexplained_deficit", -shelf.balance)
                shelf.balance, shelf.negative_since = 0, None
                del self._negative[shelf_id]
                self._touched[shelf_id] = shelf
        for shelf in self._touched.values():
            shelf.history.add(tick, shelf.balance, shelf.weight_g, shelf.last_event_at)
        published = set(self._touched)
        self._touched.clear()
        return published

    def _correct(self, tick: int, shelf: Shelf, cause: str, quantity: int) -> None:
        self._corrections.append(Correction(self.store_id, shelf.shelf_id, None, cause, tick, quantity))
