"""An auditor who keeps a store's books and knows nothing but its records and what jobs stated."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from smartstore.contracts.events import PosTransaction, ShelfEvent, StockCount, StoreConfig
from smartstore.contracts.outputs import LedgerNote
from smartstore.contracts.wire import epoch_ms
from smartstore.world.model import Emission, JobFact


class Auditor:
    """Keeps one store's books from the records alone, and complains about impossible ones.

    A job's fact is booked when the world says that it was applied.
    """

    def __init__(self) -> None:
        self.weights: dict[str, int] = {}
        self.expiry: dict[tuple[str, str], date] = {}
        self.shelf: Counter[str] = Counter()
        self.lots: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.back: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.transit: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.baskets: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.exits: dict[str, int] = {}
        self.initial: Counter[str] = Counter()
        self.delivered: Counter[str] = Counter()
        self.sold: Counter[str] = Counter()
        self.removed: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.grams: Counter[str] = Counter()
        self.stated: dict[str, Any] = {}
        self.applied: list[Any] = []
        self.impossible: list[Any] = []

    def hear(self, facts: Iterable[JobFact]) -> None:
        """Take note of what jobs stated."""
        self.stated.update({fact.record.event_id: fact.record for fact in facts})

    def read(self, emissions: Iterable[Emission]) -> None:
        """Take in a tick's records in order; balances are checked whenever the time moves on."""
        last_ms: int | None = None
        touched: set[str] = set()
        for emission in emissions:
            record: Any = emission.record
            moment = epoch_ms(record.timestamp)
            if moment != last_ms:
                self._check(touched)
                touched = set()
            last_ms = moment
            touched |= self._take(record)
        self._check(touched)

    def in_baskets(self) -> Counter[str]:
        """Units in all baskets, by shelf."""
        total: Counter[str] = Counter()
        for basket in self.baskets.values():
            total.update(basket)
        return total

    def check_sums(self) -> None:
        """Lots = shelf + baskets; what came = on shelf, in back, on the way, in baskets, sold, removed."""
        baskets = self.in_baskets()
        for shelf in self.weights:
            assert sum(self.lots[shelf].values()) == self.shelf[shelf] + baskets[shelf], shelf
            here = self.shelf[shelf] + self.back[shelf].total() + self.transit[shelf].total() + baskets[shelf]
            came = self.initial[shelf] + self.delivered[shelf]
            assert came == here + self.sold[shelf] + self.removed[shelf], shelf
            assert self.grams[shelf] == self.shelf[shelf] * self.weights[shelf], shelf

    def _check(self, shelves: set[str]) -> None:
        for shelf in shelves:
            assert self.shelf[shelf] >= 0, shelf
            for books in (self.lots, self.back, self.transit):
                assert all(quantity >= 0 for quantity in books[shelf].values()), shelf

    def _take(self, record: Any) -> set[str]:
        match record:
            case ShelfEvent():
                self._shelf_event(record)
            case PosTransaction():
                self._receipt(record)
                return {item.shelf_id for item in record.items}
            case StockCount():
                self._count(record)
            case StoreConfig():
                self._config(record)
                return set()
            case LedgerNote():
                return self._note(record)
            case _:
                self._other(record)
                return set()
        return {record.shelf_id}

    def _config(self, record: StoreConfig) -> None:
        assert record.kind in {"profile", "promotion"}
        if record.profile is not None:
            self.weights[record.profile.shelf_id] = record.profile.item_weight_g

    def _other(self, record: Any) -> None:
        if hasattr(record, "exit_time"):
            self.exits[record.customer_id] = max(
                self.exits.get(record.customer_id, 0), epoch_ms(record.exit_time)
            )
            assert record.timestamp == record.entry_time < record.exit_time

    def _note(self, note: LedgerNote) -> set[str]:
        assert note.shelf_id is not None
        if note.kind == "lost_sale":
            self.lost[note.shelf_id] += note.quantity
            return set()
        fact = self.stated.pop(note.event_id or "")
        if isinstance(fact, StoreConfig):
            assert fact.markdown is not None
            assert (note.shelf_id, note.quantity) == (fact.markdown.shelf_id, 0)
            (self.applied if note.kind == "applied" else self.impossible).append(fact)
            return set()
        assert (note.shelf_id, note.quantity) == (fact.shelf_id, fact.quantity)
        if note.kind == "impossible":
            self.impossible.append(fact)
            return set()
        assert note.timestamp >= fact.timestamp
        self.applied.append(fact)
        if isinstance(fact, ShelfEvent):
            self._done_on_shelf(fact)
        else:
            self._done_in_back_room(fact)
        return {fact.shelf_id}

    def _count(self, record: Any) -> None:
        lots = {lot.batch_code: lot.quantity for lot in record.lots or []}
        self._know(record.shelf_id, record.lots or [])
        self.initial[record.shelf_id] += record.quantity
        if record.location == "store":
            self.shelf[record.shelf_id] = record.quantity
            self.lots[record.shelf_id].update(lots)
            self.grams[record.shelf_id] = record.quantity * self.weights[record.shelf_id]
        else:
            self.back[record.shelf_id].update(lots)

    def _know(self, shelf: str, lots: Iterable[Any]) -> None:
        for lot in lots:
            if lot.expiry_date is not None:
                known = self.expiry.setdefault((shelf, lot.batch_code), lot.expiry_date)
                assert known == lot.expiry_date

    def _shelf_event(self, record: Any) -> None:
        shelf = record.shelf_id
        assert not record.lots
        if record.event_type == "weight_change":
            self.grams[shelf] += record.delta_weight_g
            return
        sign = 1 if record.event_type == "pickup" else -1
        assert epoch_ms(record.timestamp) < self.exits[record.customer_id]
        self.shelf[shelf] -= sign * record.quantity
        self.baskets[record.customer_id][shelf] += sign * record.quantity
        assert self.baskets[record.customer_id][shelf] >= 0

    def _done_on_shelf(self, fact: Any) -> None:
        shelf = fact.shelf_id
        self._know(shelf, fact.lots)
        lots = {lot.batch_code: lot.quantity for lot in fact.lots}
        if fact.event_type == "removal":
            assert all(self.expiry[shelf, code] < fact.timestamp.date() for code in lots)
            self.shelf[shelf] -= fact.quantity
            self.lots[shelf].subtract(lots)
            self.removed[shelf] += fact.quantity
        else:
            self.shelf[shelf] += fact.quantity
            self.lots[shelf].update(lots)
            self.transit[shelf].subtract(lots)

    def _done_in_back_room(self, fact: Any) -> None:
        shelf = fact.shelf_id
        if fact.event_type == "shortage":
            return
        self._know(shelf, [fact])
        if fact.event_type == "wh_in":
            self.back[shelf][fact.batch_code] += fact.quantity
            self.delivered[shelf] += fact.quantity
            return
        self.back[shelf][fact.batch_code] -= fact.quantity
        if fact.event_type == "removal":
            assert fact.expiry_date < fact.timestamp.date()
            self.removed[shelf] += fact.quantity
        else:
            assert fact.expiry_date >= fact.timestamp.date()
            self.transit[shelf][fact.batch_code] += fact.quantity

    def _receipt(self, record: Any) -> None:
        assert epoch_ms(record.timestamp) < self.exits[record.customer_id]
        assert [item.line_no for item in record.items] == list(range(1, len(record.items) + 1))
        paid: Counter[str] = Counter()
        for item in record.items:
            self.lots[item.shelf_id][item.batch_code] -= item.quantity
            self.sold[item.shelf_id] += item.quantity
            paid[item.shelf_id] += item.quantity
            assert item.expiry_date == self.expiry[item.shelf_id, item.batch_code]
            assert 0 <= item.discount_cents <= item.quantity * item.unit_price_cents
        basket = self.baskets[record.customer_id]
        basket.subtract(paid)
        assert all(quantity >= 0 for quantity in basket.values())
