"""One small store, planned by hand, and facts of jobs for it."""

from typing import Any

import numpy as np

from smartstore.contracts.events import (
    LotQuantity,
    Markdown,
    Promotion,
    ShelfEvent,
    ShelfProfile,
    StoreConfig,
    WarehouseEvent,
)
from smartstore.contracts.wire import from_epoch_ms
from smartstore.world.model import JobFact
from smartstore.world.physical.facts import calendar_day
from smartstore.world.physical.plan import DAY_MS, DayPlan, ShelfPlan
from smartstore.world.physical.stock import Lot, batch_code
from smartstore.world.physical.store import StoreModel

MONDAY = 20_458
"""2026-01-05."""
MINUTE = 60_000
START_HOUR = 7
START = MONDAY * DAY_MS + START_HOUR * 60 * MINUTE


class HandPlanned:
    """Two shelves, A and B, of 10 units at 100 cents, 50 g each; lot 1 and 2 on them, 3 and 4 in the back room.

    `visits` are lists of (minute of the day, kind, shelf, quantity).
    """

    name = "Store"

    def __init__(
        self,
        *visits: list[tuple[int, int, int, int]],
        store_id: str = "s1",
        stock: tuple[int, int] = (10, 10),
        back_room: tuple[int, int] = (15, 15),
        expiry: int = MONDAY + 5,
        substitutes: bool = False,
        paid: tuple[int, int] | None = None,
    ) -> None:
        self.store_id = store_id
        self._visits = visits
        self._stock = stock
        self._back_room = back_room
        self._expiry = expiry
        self._paid = paid
        self.shelves = tuple(
            ShelfPlan(
                profile=ShelfProfile(
                    shelf_id=name,
                    sku=name,
                    item_category="C",
                    item_subcategory="S",
                    capacity=10,
                    item_weight_g=50,
                    item_price_cents=100,
                    standard_batch_size=6,
                    warehouse_capacity=20,
                    shelf_life_days=3,
                ),
                substitutes=(1 - place,) if substitutes else (),
            )
            for place, name in enumerate(("A", "B"))
        )

    def opening_lots(self) -> tuple[list[list[Lot]], list[list[Lot]]]:
        """Lot 1 and 2 on the shelves, 3 and 4 in the back room."""
        on_shelves = [
            [Lot(1 + n, MONDAY - 1, self._expiry, units)] * (units > 0) for n, units in enumerate(self._stock)
        ]
        in_back = [[Lot(3 + n, MONDAY - 1, MONDAY + 9, units)] for n, units in enumerate(self._back_room)]
        return on_shelves, in_back

    def promotions(self, day: int) -> list[Promotion]:
        """15 % off A, in the week that begins on the Monday."""
        if day != MONDAY:
            return []
        first, last = calendar_day(MONDAY), calendar_day(MONDAY + 6)
        return [Promotion(shelf_id="A", pct=15, first_day=first, last_day=last)]

    def day(self, day: int) -> DayPlan:
        """Each visit enters with its first intent and leaves a minute after its last."""
        visits = self._visits if day == MONDAY else ()
        rows = [(*intent, visit) for visit, intents in enumerate(visits) for intent in intents]
        rows.sort(key=lambda row: (row[0], row[1]))
        table = np.array(rows, np.int64).reshape(-1, 5)
        recorded = None
        if self._paid is not None:
            unit, discount = (np.full(len(rows), cents, np.int32) for cents in self._paid)
            recorded = (unit, discount)
        return DayPlan(
            day=day,
            at=day * DAY_MS + table[:, 0] * MINUTE + 1,
            kind=table[:, 1].astype(np.int8),
            visit=table[:, 4].astype(np.int32),
            shelf=table[:, 2].astype(np.int32),
            quantity=table[:, 3].astype(np.int32),
            chance=np.zeros(len(rows), np.float32),
            paid=recorded,
            promotions=[1_500, 0],
            customers=[f"c{n}" for n in range(len(visits))],
            transactions=[f"t{n}" for n in range(len(visits))],
            exits=[day * DAY_MS + (intents[-1][0] + 1) * MINUTE for intents in visits],
        )


def live(planner: HandPlanned, *facts: JobFact, hours: int = 1) -> tuple[StoreModel, list[Any]]:
    """The store after so many hours of the Monday, and its records; the facts are known at the start."""
    model = StoreModel(1, planner, START)
    for fact in facts:
        model.plan(fact.line, fact.record)
    return model, [emission.record for _, _, emission in model.advance(START + hours * 60 * MINUTE)]


def moves(records: list[Any]) -> list[tuple[str, str, int]]:
    """Shelf events but for the scale's."""
    return [
        (record.event_type, record.shelf_id, record.quantity)
        for record in records
        if getattr(record, "event_type", "") in {"pickup", "putback", "removal"}
    ]


def code(lot: int) -> str:
    """A lot's batch code."""
    return batch_code(lot)


def back_room_fact(
    event_type: str, shelf: str, lot: int | None, quantity: int, *, minute: int = 420, event_id: str = "f"
) -> JobFact:
    """A fact about the back room at a minute of the Monday."""
    record = WarehouseEvent(
        event_id=event_id,
        store_id="s1",
        timestamp=from_epoch_ms(MONDAY * DAY_MS + minute * MINUTE),
        event_type=event_type,  # type: ignore[arg-type]
        shelf_id=shelf,
        batch_code=None if lot is None else code(lot),
        quantity=quantity,
        received_date=calendar_day(MONDAY) if event_type == "wh_in" else None,
        expiry_date=calendar_day(MONDAY + 3) if event_type == "wh_in" else None,
    )
    return JobFact("wh_events", record)


def shelf_fact(
    event_type: str, shelf: str, *lots: tuple[int, int], minute: int = 420, event_id: str = "f"
) -> JobFact:
    """A fact about a shelf and (lot, units) at a minute of the Monday; without lots it is about one unit."""
    record = ShelfEvent(
        event_id=event_id,
        store_id="s1",
        timestamp=from_epoch_ms(MONDAY * DAY_MS + minute * MINUTE),
        event_type=event_type,  # type: ignore[arg-type]
        shelf_id=shelf,
        quantity=sum(units for _, units in lots) or 1,
        lots=[LotQuantity(batch_code=code(lot), quantity=units) for lot, units in lots] or None,
    )
    return JobFact("shelf_events", record)


def label_fact(
    shelf: str, pct: float, *, day: int = MONDAY, minute: int = 420, event_id: str = "f"
) -> JobFact:
    """The shelf's labels are changed at a minute of the Monday."""
    record = StoreConfig(
        event_id=event_id,
        store_id="s1",
        timestamp=from_epoch_ms(MONDAY * DAY_MS + minute * MINUTE),
        kind="markdown",
        markdown=Markdown(shelf_id=shelf, pct=pct, date=calendar_day(day)),
    )
    return JobFact("store_config", record)
