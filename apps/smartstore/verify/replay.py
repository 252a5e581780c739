"""Second reading of the ledger: recomputes every store, tick by tick, and keeps what each key must show."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from smartstore.contracts.events import (
    Command,
    Event,
    PosTransaction,
    ShelfEvent,
    StockCount,
    StoreConfig,
)
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.topics import BY_NAME, HOT_LINES, Topic
from smartstore.verify.alerts import AlertBook
from smartstore.verify.histories import ExpectedKeys, ExpectedSales
from smartstore.verify.ledger import EventLine, Ledger, TickLine
from smartstore.verify.ledger_index import LedgerIndex
from smartstore.verify.lots import LotBook
from smartstore.verify.stock import Correction, Flows, ShelfBook
from smartstore.verify.ticks import TickGrid, milliseconds, whole_milliseconds

DAY_MS = 86_400_000
MINUTE_MS = 60_000
UNKNOWN_SHELF = "unknown_shelf"
ALERT_NOT_OPEN = "alert_not_open"


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
    corrections: list[Correction] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    flows: dict[tuple[str, str], Flows] = field(default_factory=dict)
    """By (store, shelf), at the acknowledged tick."""


class StoreReplay:
    """One store: holds records until their tick, then applies them in order (timestamp, event_id)."""

    def __init__(self, store_id: str, planning: PlanningSettings, truth: Truth) -> None:
        self.store_id = store_id
        self.shelves = ShelfBook(store_id, truth.shelves, truth.corrections)
        self.lots = LotBook(store_id, truth.lots, truth.corrections)
        self.alerts = AlertBook(self.shelves, self.lots, planning, truth.alerts)
        self._truth = truth
        self._lateness_ms = planning.lateness_minutes * MINUTE_MS
        self._held: dict[int, list[Event]] = {}
        self._day = -1

    def hold(self, tick: int, record: Event) -> None:
        """Keep a record for its effective tick."""
        held = self._held.get(tick)
        if held is None:
            self._held[tick] = [record]
        else:
            held.append(record)

    def take(self, tick: int) -> None:
        """Apply what is due at `tick` and close it."""
        records = self._due(tick)
        commands: list[Command] = []
        for record in records:
            if type(record) is StoreConfig:
                self._configure(tick, record)
        for record in records:
            if type(record) is ShelfEvent:
                self._shelf_event(tick, record)
            elif type(record) is PosTransaction:
                self._receipt(tick, record)
            elif type(record) is StockCount:
                self._count(tick, record)
            elif type(record) is Command:
                commands.append(record)
        new_day, self._day = tick // DAY_MS != self._day, tick // DAY_MS
        changed = self.shelves.close(tick, self._lateness_ms)
        changed |= self.lots.close(tick, self._lateness_ms, new_day)
        for command in self.alerts.close(tick, changed, commands, new_day):
            self._refuse(tick, command, ALERT_NOT_OPEN)

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
        if record.policy is not None:
            self.alerts.apply_policy(record.policy, delete=record.op == "delete")

    def _shelf_event(self, tick: int, event: ShelfEvent) -> None:
        if not self.shelves.apply_event(event):
            self._refuse(tick, event, UNKNOWN_SHELF)
        elif event.lots:
            self.lots.apply_event(event)

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
        if count.location != "store":
            return
        if count.shelf_id not in self.shelves.shelves:
            self._refuse(tick, count, UNKNOWN_SHELF)
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
                    store = record.store_id
                    self._store(store).hold(effective(store, record.timestamp), record)
            elif type(line) is TickLine:
                self._take(milliseconds(line.tick), line.stores)
            if line.seq % 500_000 == 0 and line.seq:
                progress(f"ledger: {line.seq:,} lines replayed")
        return self.truth

    def _take(self, tick: int, stores: list[str]) -> None:
        self._grid.read(tick, stores)
        for store_id in stores:
            store = self._store(store_id)
            store.take(tick)
            if tick == self._tick:
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
            )

    def _store(self, store_id: str) -> StoreReplay:
        store = self._stores.get(store_id)
        if store is None:
            store = self._stores[store_id] = StoreReplay(store_id, self._index.settings.planning, self.truth)
        return store


def _decoder(topic: Topic) -> msgspec.json.Decoder[Event]:
    return msgspec.json.Decoder(topic.value)


def _place(record: Event) -> tuple[datetime, str]:
    return whole_milliseconds(record.timestamp), record.event_id
