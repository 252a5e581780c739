"""Second reading of the ledger: recomputes every store, tick by tick, and keeps what each key must show."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from smartstore.contracts.events import (
    Command,
    Event,
    PosTransaction,
    Promotion,
    ShelfEvent,
    StockCount,
    StoreConfig,
    WarehouseEvent,
)
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.topics import (
    BY_NAME,
    CONFIG_TOPICS,
    HOT_LINES,
    SHELF_EVENTS,
    STORE_CONFIG,
    WH_EVENTS,
    Topic,
)
from smartstore.verify.alerts import AlertBook
from smartstore.verify.back_room import BackRoomBook, Room
from smartstore.verify.catalogue import Catalogue
from smartstore.verify.discounts import DiscountBook, DiscountExpectations
from smartstore.verify.facts import ExpectedFact
from smartstore.verify.features import Books, FeatureBook
from smartstore.verify.histories import ExpectedKeys, ExpectedSales
from smartstore.verify.ledger import EventLine, Ledger, TickLine
from smartstore.verify.ledger_index import LedgerIndex
from smartstore.verify.lots import LotBook
from smartstore.verify.removals import Removals
from smartstore.verify.restock import RestockBook
from smartstore.verify.stock import Correction, Flows, ShelfBook
from smartstore.verify.supplier import SupplierBook, SupplierExpectations
from smartstore.verify.ticks import TickGrid, milliseconds, whole_milliseconds

_ROWS = {topic.config for topic in CONFIG_TOPICS}
"""Kinds of configuration that are rows in Postgres."""
DAY_MS = 86_400_000
MINUTE_MS = 60_000
UNKNOWN_SHELF = "unknown_shelf"
ALERT_NOT_OPEN = "alert_not_open"
PLAN_NOT_OPEN = "plan_not_open"


@dataclass(frozen=True)
class Refusal:
    """A record that a job must refuse, with the reason's first word."""

    event_id: str
    store_id: str
    reason: str
    tick: int


@dataclass(frozen=True)
class Stranger:
    """An event on a source topic that is not in the ledger."""

    line: str
    record: Event
    tick: int
    """Its effective tick by its place in its partition."""


@dataclass
class Truth:
    """What the system must show."""

    shelves: ExpectedKeys = field(default_factory=ExpectedKeys)
    lots: ExpectedKeys = field(default_factory=ExpectedKeys)
    sales: ExpectedSales = field(default_factory=ExpectedSales)
    alerts: ExpectedKeys = field(default_factory=ExpectedKeys)
    back_rooms: ExpectedKeys = field(default_factory=ExpectedKeys)
    back_lots: ExpectedKeys = field(default_factory=ExpectedKeys)
    plans: ExpectedKeys = field(default_factory=ExpectedKeys)
    supplier_plans: ExpectedKeys = field(default_factory=ExpectedKeys)
    orders: ExpectedKeys = field(default_factory=ExpectedKeys)
    supplier_receipts: ExpectedKeys = field(default_factory=ExpectedKeys)
    discounts: ExpectedKeys = field(default_factory=ExpectedKeys)
    features: ExpectedKeys = field(default_factory=ExpectedKeys)
    facts: dict[str, ExpectedFact] = field(default_factory=dict)
    """What jobs must state, by event id."""
    corrections: list[Correction] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    relayed: list[StoreConfig] = field(default_factory=list)
    """Rows of configuration as the source gave them to the stores, in the order of emission."""
    opened: dict[str, int] = field(default_factory=dict)
    """How many of them came before a store's first tick; 0 for those with which the run began."""
    flows: dict[tuple[str, str], Flows] = field(default_factory=dict)
    """By (store, shelf), at the acknowledged tick."""


class StoreReplay:
    """One store: holds records until their tick, then applies them in order (timestamp, event_id)."""

    def __init__(self, store_id: str, planning: PlanningSettings, truth: Truth, tick_ms: int) -> None:
        self.store_id = store_id
        self._tick_ms, self._assumed = tick_ms, planning.execution == "Assumed"
        self.shelves = ShelfBook(store_id, truth.shelves, truth.corrections)
        self._catalogue = Catalogue()
        self.lots = LotBook(store_id, truth.lots, truth.corrections, self._catalogue)
        self.alerts = AlertBook(self.shelves, self.lots, planning, truth.alerts)
        self.back_room = BackRoomBook(self.shelves, truth.back_rooms, truth.corrections)
        self.back_lots = LotBook(store_id, truth.back_lots, truth.corrections, self._catalogue, "warehouse")
        self.plans = RestockBook(self.shelves, self.back_lots, planning, truth.plans)
        supply = SupplierExpectations(
            truth.alerts, truth.supplier_plans, truth.orders, truth.supplier_receipts
        )
        self.supplier = SupplierBook(
            self.shelves, self.back_room, self.back_lots, self.plans, planning, supply
        )
        self._removals = Removals(
            self.shelves, self.lots, self.back_room, self.back_lots, planning, truth.alerts
        )
        self.discounts = DiscountBook(
            self.shelves, self.lots, planning, DiscountExpectations(truth.discounts, truth.alerts)
        )
        books = Books(self.shelves, self.lots, self.back_room, self.alerts, self.supplier, self.discounts)
        self._features = FeatureBook(books, planning, truth.features)
        self._truth = truth
        self._lateness_ms = planning.lateness_minutes * MINUTE_MS
        self._held: dict[int, list[Event]] = {}
        self._day = -1
        self._open = True

    def hold(self, tick: int, record: Event) -> None:
        """Keep a record for its effective tick."""
        held = self._held.get(tick)
        if held is None:
            self._held[tick] = [record]
        else:
            held.append(record)

    def take(self, tick: int) -> None:
        """Apply what is due at `tick` and close it."""
        self._features.begin(tick)
        records = self._due(tick)
        for record in records:
            if type(record) is StoreConfig:
                self._configure(tick, record)
        for record in records:
            self._apply(tick, record)
        known = self.shelves.shelves
        moved = [r for r in records if type(r) is WarehouseEvent and r.shelf_id in known]
        refills = [record for record in records if type(record) is ShelfEvent and _is_refill(record)]
        commands = [record for record in records if type(record) is Command]
        new_day, self._day = tick // DAY_MS != self._day, tick // DAY_MS
        changed = self.shelves.close(tick, self._lateness_ms)
        changed |= self.lots.close(tick, self._lateness_ms, new_day)
        stored = self.back_room.close(tick, self._lateness_ms)
        stored |= self.back_lots.close(tick, self._lateness_ms, new_day)
        self._catalogue.news.clear()
        acknowledged = [command for command in commands if command.command == "acknowledge"]
        rest = self.alerts.close(tick, changed, acknowledged, new_day)
        decided = [command for command in commands if command.command != "acknowledge"]
        rest += self.plans.close(tick, moved, refills, decided, self.alerts.low, is_open=self._open)
        deliveries = list(self.supplier.deliveries(tick, moved))
        sales = [record for record in records if type(record) is PosTransaction]
        stored |= self.plans.changed
        not_obeyed = {one.event_id for one in self.supplier.close(tick, sales, commands, stored)}
        not_obeyed -= self._removals.close(tick, acknowledged)
        not_obeyed -= self.discounts.close(tick, acknowledged)
        for command in rest:
            if command.event_id in not_obeyed:
                reason = ALERT_NOT_OPEN if command.command == "acknowledge" else PLAN_NOT_OPEN
                self._refuse(tick, command, reason)
        self._features.close(records, changed)
        if self._assumed:
            self._state_facts(tick, moved, deliveries)

    def _state_facts(self, tick: int, moved: list[WarehouseEvent], deliveries: list[WarehouseEvent]) -> None:
        """What the jobs that stand in for people state at this tick; it is due at a later one."""
        for taken in self.plans.taken(tick):
            self._fact(tick, WH_EVENTS.name, taken)
        for refill in self.plans.arriving(tick, moved):
            self._fact(tick, SHELF_EVENTS.name, refill)
        for delivery in deliveries:
            self._fact(tick, WH_EVENTS.name, delivery)
        for line, removal in self._removals.round(tick) if self._open else ():
            self._fact(tick, line, removal)
        for label in self.discounts.stated():
            self._fact(tick, STORE_CONFIG.name, label)

    def _fact(self, tick: int, line: str, record: Event) -> None:
        self._truth.facts[record.event_id] = ExpectedFact(line, record, tick)
        self.hold(milliseconds(record.timestamp) // self._tick_ms * self._tick_ms + self._tick_ms, record)

    def _apply(self, tick: int, record: Event) -> None:
        if type(record) is ShelfEvent:
            self._shelf_event(tick, record)
        elif type(record) is WarehouseEvent:
            self._movement(tick, record)
        elif type(record) is PosTransaction:
            self._receipt(tick, record)
        elif type(record) is StockCount:
            self._count(tick, record)
        elif type(record) is StoreConfig and record.promotion is not None:
            self._announce(tick, record, record.promotion)

    def _due(self, tick: int) -> list[Event]:
        held = self._held
        if not held:
            return []
        due = [record for at in sorted(held) if at <= tick for record in held[at]]
        for at in [at for at in held if at <= tick]:
            del held[at]
        due.sort(key=_place)
        return due

    def _configure(self, tick: int, record: StoreConfig) -> None:
        if record.profile is not None:
            self.shelves.apply_profile(tick, record.profile)
            self.alerts.apply_profile(record.profile.shelf_id)
            self.supplier.apply_profile(record.profile.shelf_id)
        if record.status is not None:
            self._open = record.status == "open"
            self.alerts.apply_status(is_open=self._open)
            self.supplier.apply_status(is_open=self._open)
            self._removals.apply_status(is_open=self._open)
            self.discounts.apply_status(is_open=self._open)
        if record.policy is not None:
            self.alerts.apply_policy(record.policy, delete=record.op == "delete")
        if record.wh_policy is not None:
            self.supplier.apply_policy(record.wh_policy, delete=record.op == "delete")
        if record.lot is not None:
            self._catalogue.apply(record.lot, delete=record.op == "delete")

    def _announce(self, tick: int, record: StoreConfig, promotion: Promotion) -> None:
        if promotion.shelf_id in self.shelves.shelves:
            self.discounts.apply_promotion(promotion, delete=record.op == "delete")
        else:
            self._refuse(tick, record, UNKNOWN_SHELF)

    def _shelf_event(self, tick: int, event: ShelfEvent) -> None:
        if not self.shelves.apply_event(event):
            self._refuse(tick, event, UNKNOWN_SHELF)
        elif event.lots:
            self.lots.apply_event(event)
            if _is_refill(event):
                self.back_room.apply_refill(event)

    def _movement(self, tick: int, event: WarehouseEvent) -> None:
        if self.back_room.apply_event(event):
            self.back_lots.apply_movement(event)
        else:
            self._refuse(tick, event, UNKNOWN_SHELF)

    def _receipt(self, tick: int, receipt: PosTransaction) -> None:
        self._truth.sales.add(tick, receipt)
        shelves = self.shelves.shelves
        for item in receipt.items:
            shelf = shelves.get(item.shelf_id)
            if shelf is None:  # the sale stands, but there is no lot it could have come from
                self._refuse(tick, receipt, UNKNOWN_SHELF)
                continue
            self.lots.apply_item(item, whole_milliseconds(receipt.timestamp))
            shelf.flows.paid += item.quantity

    def _count(self, tick: int, count: StockCount) -> None:
        if count.shelf_id not in self.shelves.shelves:
            self._refuse(tick, count, UNKNOWN_SHELF)
        elif count.location == "warehouse":
            if self.back_room.apply_count(tick, count):
                self.back_lots.apply_count(tick, count)
        elif self.shelves.apply_count(tick, count):
            opened = self.lots.apply_count(tick, count)
            self.shelves.shelves[count.shelf_id].flows.counted_lots += opened

    def _refuse(self, tick: int, record: Event, reason: str) -> None:
        self._truth.refusals.append(Refusal(record.event_id, self.store_id, reason, tick))


class Replay:
    """All stores of the ledger."""

    def __init__(self, index: LedgerIndex, tick: int) -> None:
        """`tick`: the acknowledged one (epoch ms), at which the flows are kept."""
        self.truth = Truth()
        self._index, self._tick = index, tick
        self._grid = TickGrid(index.settings.source.tick_ms)
        self._stores: dict[str, StoreReplay] = {}
        self._decoders = {topic.name: _decoder(topic) for topic in HOT_LINES}

    def run(self, ledger: Ledger, strangers: Iterable[Stranger], progress: Callable[[str], None]) -> Truth:
        """Replay the ledger up to its last committed tick, with the strangers at their ticks."""
        for stranger in strangers:
            if BY_NAME[stranger.line].hot:
                self._store(stranger.record.store_id).hold(stranger.tick, stranger.record)
        decoders, refused, effective = self._decoders, self._index.refused_seqs, self._grid.effective
        for _, line in ledger.lines(until_seq=self._index.last_seq):
            if type(line) is EventLine:
                decoder = decoders.get(line.line)
                if decoder is not None and line.fault != "duplicate" and line.seq not in refused:
                    record = decoder.decode(line.data)
                    if type(record) is StoreConfig and _is_relayed(record):
                        self.truth.relayed.append(record)
                    store = record.store_id
                    self._store(store).hold(effective(store, record.timestamp), record)
            elif type(line) is TickLine:
                self._take(milliseconds(line.tick), line.stores)
            if line.seq % 500_000 == 0 and line.seq:
                progress(f"ledger: {line.seq:,} lines replayed")
        return self.truth

    def _take(self, tick: int, stores: list[str]) -> None:
        self._grid.read(tick, stores)
        before = len(self.truth.relayed) if self.truth.opened else 0
        for store_id in set(stores).difference(self.truth.opened):
            self.truth.opened[store_id] = before
        for store_id in stores:
            self._store(store_id).take(tick)
        if tick == self._tick:
            for store in self._stores.values():
                self._keep_flows(store)

    def _keep_flows(self, store: StoreReplay) -> None:
        for shelf_id, shelf in store.shelves.shelves.items():
            flows = shelf.flows
            self.truth.flows[store.store_id, shelf_id] = Flows(
                flows.counted,
                flows.picked,
                flows.put_back,
                flows.refilled,
                flows.removed,
                flows.paid,
                flows.counted_lots,
                *_back_flows(store.back_room.rooms.get(shelf_id)),
            )

    def _store(self, store_id: str) -> StoreReplay:
        store = self._stores.get(store_id)
        if store is None:
            store = self._stores[store_id] = StoreReplay(
                store_id, self._index.settings.planning, self.truth, self._index.settings.source.tick_ms
            )
        return store


def _decoder(topic: Topic) -> msgspec.json.Decoder[Event]:
    return msgspec.json.Decoder(topic.value)


def _is_relayed(record: StoreConfig) -> bool:
    """Whether it brings a row from Postgres; the source and the gateway state profiles too."""
    return record.kind in _ROWS and (record.profile is None or record.profile.row_key is not None)


def _is_refill(event: ShelfEvent) -> bool:
    return event.event_type == "putback" and bool(event.lots)


def _back_flows(room: Room | None) -> tuple[int, int, int, int]:
    return (0, 0, 0, 0) if room is None else (room.counted, room.delivered, room.removed, room.transit)


def _place(record: Event) -> tuple[datetime, str]:
    return whole_milliseconds(record.timestamp), record.event_id
