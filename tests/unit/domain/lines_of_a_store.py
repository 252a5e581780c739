"""Builders for the source lines of one store, and ways to feed them to the engine."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from msgspec import Struct

from smartstore.contracts import topics
from smartstore.contracts.events import (
    CatalogLot,
    Command,
    LotQuantity,
    PosItem,
    PosTransaction,
    Promotion,
    ShelfEvent,
    ShelfPolicy,
    ShelfProfile,
    StockCount,
    StoreConfig,
    Tick,
    WarehouseEvent,
    WhPolicy,
)
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.wire import decoder, derived_id, encode, epoch_ms, from_epoch_ms
from smartstore.domain.engine import Parameters, StoreState, advance
from smartstore.domain.lines import Arrivals
from smartstore.domain.state_codec import decode_state, encode_state
from smartstore.domain.tick import Output

STORE = "s0001"
STEP_MS = 60_000
START_MS = epoch_ms(datetime(2026, 1, 1, 7, tzinfo=UTC))
Entry = tuple[bytes, int, bool]


def at(minutes: float) -> datetime:
    """So many minutes after the start."""
    return from_epoch_ms(START_MS + int(minutes * 60_000))


def minutes_of(moment: datetime) -> float:
    """How many minutes after the start a moment is."""
    return (epoch_ms(moment) - START_MS) / 60_000


def lot(
    code: str, quantity: int, expiry: date | None = None, received: date | None = date(2025, 12, 30)
) -> LotQuantity:
    return LotQuantity(batch_code=code, quantity=quantity, received_date=received, expiry_date=expiry)


def profile(
    shelf: str,
    capacity: int = 20,
    category: str = "BEERS",
    subcategory: str = "Premium",
    minutes: float = 0,
    **fields: object,
) -> StoreConfig:
    described = {"warehouse_capacity": 10 * capacity, "item_weight_g": 100} | fields
    return StoreConfig(
        event_id=f"profile-{shelf}-{minutes}",
        store_id=STORE,
        timestamp=at(minutes),
        kind="profile",
        profile=ShelfProfile(
            shelf_id=shelf,
            sku=shelf,
            item_category=category,
            item_subcategory=subcategory,
            capacity=capacity,
            item_price_cents=250,
            **described,  # type: ignore[arg-type]
        ),
    )


def policy(minutes: float, policy_id: str = "p", *, op: str = "upsert", **fields: object) -> StoreConfig:
    row = ShelfPolicy(policy_id=policy_id, **fields)  # type: ignore[arg-type]
    event_id = f"policy-{policy_id}-{minutes}"
    return StoreConfig(
        event_id=event_id,
        store_id=STORE,
        timestamp=at(minutes),
        kind="policy",
        op=op,  # type: ignore[arg-type]
        policy=row,
    )


def status(minutes: float, said: str) -> StoreConfig:
    return StoreConfig(
        event_id=f"status-{minutes}",
        store_id=STORE,
        timestamp=at(minutes),
        kind="status",
        status=said,  # type: ignore[arg-type]
    )


def promotion(
    minutes: float, shelf: str, pct: float, first: date, last: date, op: str = "upsert"
) -> StoreConfig:
    return StoreConfig(
        event_id=f"promotion-{shelf}-{minutes}",
        store_id=STORE,
        timestamp=at(minutes),
        kind="promotion",
        op=op,  # type: ignore[arg-type]
        promotion=Promotion(shelf_id=shelf, pct=pct, first_day=first, last_day=last),
    )


def wh_policy(minutes: float, policy_id: str = "p", *, op: str = "upsert", **fields: object) -> StoreConfig:
    return StoreConfig(
        event_id=f"wh-policy-{policy_id}-{minutes}",
        store_id=STORE,
        timestamp=at(minutes),
        kind="wh_policy",
        op=op,  # type: ignore[arg-type]
        wh_policy=WhPolicy(policy_id=policy_id, **fields),  # type: ignore[arg-type]
    )


def known_lot(
    minutes: float,
    shelf: str,
    code: str,
    expiry: date | None,
    received: date | None = None,
    *,
    store: str | None = None,
    op: str = "upsert",
) -> StoreConfig:
    """A row of the batch catalogue, for all stores or for one."""
    row_key = f"{store or '*'}/{shelf}/{code}"
    return StoreConfig(
        event_id=f"lot-{row_key}-{minutes}",
        store_id=STORE,
        timestamp=at(minutes),
        kind="lot",
        op=op,  # type: ignore[arg-type]
        lot=CatalogLot(
            row_key=row_key,
            store_id=store,
            shelf_id=shelf,
            batch_code=code,
            received_date=received,
            expiry_date=expiry,
        ),
    )


def count(
    shelf: str,
    lots: Sequence[LotQuantity],
    minutes: float = 0,
    count_type: str = "opening",
    location: str = "store",
) -> StockCount:
    return StockCount(
        event_id=f"{count_type}-{location}-{shelf}-{minutes}",
        store_id=STORE,
        timestamp=at(minutes),
        count_type=count_type,  # type: ignore[arg-type]
        location=location,  # type: ignore[arg-type]
        shelf_id=shelf,
        quantity=sum(one.quantity for one in lots),
        lots=list(lots),
    )


def shelf_event(
    event_id: str, minutes: float, kind: str, shelf: str, quantity: int, **fields: object
) -> ShelfEvent:
    return ShelfEvent(
        event_id=event_id,
        store_id=STORE,
        timestamp=at(minutes),
        event_type=kind,  # type: ignore[arg-type]
        shelf_id=shelf,
        quantity=quantity,
        **fields,  # type: ignore[arg-type]
    )


def back_room_event(
    event_id: str, minutes: float, kind: str, shelf: str, code: str | None, quantity: int, **fields: object
) -> WarehouseEvent:
    return WarehouseEvent(
        event_id=event_id,
        store_id=STORE,
        timestamp=at(minutes),
        event_type=kind,  # type: ignore[arg-type]
        shelf_id=shelf,
        batch_code=code,
        quantity=quantity,
        **fields,  # type: ignore[arg-type]
    )


def receipt(event_id: str, minutes: float, *items: tuple[str, str | None, int]) -> PosTransaction:
    return PosTransaction(
        event_id=event_id,
        store_id=STORE,
        timestamp=at(minutes),
        transaction_id=f"t-{event_id}",
        items=[
            PosItem(
                line_no=n,
                shelf_id=shelf,
                batch_code=code,
                quantity=quantity,
                unit_price_cents=250,
                total_cents=250 * quantity,
            )
            for n, (shelf, code, quantity) in enumerate(items, start=1)
        ],
    )


def acknowledge(minutes: float, shelf: str, alert_type: str = "refill_request") -> Command:
    return Command(
        event_id=f"ack-{shelf}-{minutes}",
        store_id=STORE,
        timestamp=at(minutes),
        command="acknowledge",
        shelf_id=shelf,
        alert_type=alert_type,
    )


def plan_id(shelf: str, number: int = 0) -> str:
    """The id of a shelf's restock plan, counted from 0 (docs/stock-rules.md, Restock plans)."""
    return derived_id("shelf-alert-engine", f"{STORE}/{shelf}", "restock", number)


def supplier_plan_id(shelf: str, number: int = 0) -> str:
    """The id of a shelf's supplier plan, counted from 0 (docs/stock-rules.md, Supplier plans)."""
    return derived_id("wh-alert-engine", f"{STORE}/{shelf}", "supplier", number)


def order_id(plan: str) -> str:
    """The id of a plan's order (docs/stock-rules.md, Supplier orders)."""
    return derived_id("supplier-manager", plan, "order")


def plan_command(minutes: float, kind: str, plan: str) -> Command:
    return Command(
        event_id=f"{kind}-{minutes}-{plan[:8]}",
        store_id=STORE,
        timestamp=at(minutes),
        command=kind,  # type: ignore[arg-type]
        plan_id=plan,
    )


LINE_OF = {
    StoreConfig: topics.STORE_CONFIG.name,
    StockCount: topics.STOCK_COUNTS.name,
    ShelfEvent: topics.SHELF_EVENTS.name,
    PosTransaction: topics.POS_TRANSACTIONS.name,
    Command: topics.COMMANDS.name,
    WarehouseEvent: topics.WH_EVENTS.name,
}


@dataclass
class Lines:
    """The hot lines of one store, written in order; ticks go to all of them."""

    entries: dict[str, list[Entry]] = field(
        default_factory=lambda: {line.name: [] for line in topics.HOT_LINES}
    )
    position: int = 0

    def write(self, *records: Struct) -> "Lines":
        for record in records:
            self._append(LINE_OF[type(record)], encode(record), False)
        return self

    def raw(self, name: str, value: bytes) -> "Lines":
        self._append(name, value, False)
        return self

    def tick(self, minutes: int) -> "Lines":
        value = encode(Tick(tick=at(minutes), stores=[STORE]))
        for name in self.entries:
            self._append(name, value, True)
        return self

    def ticks(self, first: int, last: int) -> "Lines":
        for minutes in range(first, last + 1):
            self.tick(minutes)
        return self

    def _append(self, name: str, value: bytes, is_tick: bool) -> None:
        self.position += 1
        self.entries[name].append((value, self.position << 20, is_tick))


def arrivals(entries: Iterable[Entry]) -> Arrivals:
    values, positions, ticks = zip(*entries, strict=True)
    return Arrivals(values, np.array(positions, np.int64), np.array(ticks, np.bool_))


def parameters(**planning: object) -> Parameters:
    return Parameters(STEP_MS, PlanningSettings(**planning))  # type: ignore[arg-type]


def run(lines: Lines, **planning: object) -> tuple[StoreState, list[Output]]:
    """Everything in one micro-batch."""
    return run_batches([lines.entries], stored, **planning)


def stored(state: StoreState) -> StoreState:
    """The state as it is read back after a micro-batch."""
    return decode_state(encode_state(state))


def run_batches(
    batches: Iterable[dict[str, list[Entry]]],
    keep: Callable[[StoreState], StoreState] = stored,
    **planning: object,
) -> tuple[StoreState, list[Output]]:
    """Micro-batch by micro-batch; between them the state goes through its stored form."""
    state, outputs = StoreState(), []
    for kept, new in each_batch(batches, keep, **planning):
        state = kept
        outputs.extend(new)
    return state, outputs


def each_batch(
    batches: Iterable[dict[str, list[Entry]]],
    keep: Callable[[StoreState], StoreState] = stored,
    **planning: object,
) -> Iterator[tuple[StoreState, list[Output]]]:
    """After each micro-batch: the state that is kept, and what the batch published."""
    state, constants = StoreState(), parameters(**planning)
    for batch in batches:
        taken = advance(STORE, state, {n: arrivals(e) for n, e in batch.items() if e}, constants)
        if not taken.idle:
            state = keep(taken.state)
        yield state, taken.outputs


def tick_by_tick(lines: Lines) -> list[dict[str, list[Entry]]]:
    """Micro-batches of one tick each, with what stands before it."""
    batches: list[dict[str, list[Entry]]] = []
    for name, entries in lines.entries.items():
        place = 0
        for entry in entries:
            if place == len(batches):
                batches.append({line: [] for line in lines.entries})
            batches[place][name].append(entry)
            place += entry[2]
    return batches


def of(outputs: Iterable[Output], topic: topics.Topic) -> list[Any]:
    """The decoded records of one topic, in the order of publication."""
    decode = decoder(topic.value).decode
    return [decode(output.value) for output in outputs if output.topic == topic.name]


def facts_of(outputs: Iterable[Output]) -> list[Any]:
    """The decoded facts of all jobs, in the order of publication."""
    return [
        decoder(topics.BY_NAME[output.topic].value).decode(output.value) for output in outputs if output.fact
    ]
