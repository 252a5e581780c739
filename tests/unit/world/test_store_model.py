"""One small store, planned by hand: customers and staff against its shelves."""

from typing import Any

import numpy as np
import pytest

from smartstore.contracts.events import ShelfProfile
from smartstore.world.physical.plan import DAY_MS, ENTER, PAY, PICK, PUT_BACK, DayPlan, ShelfPlan, StaffHours
from smartstore.world.physical.staff import next_delivery
from smartstore.world.physical.stock import Lot
from smartstore.world.physical.store import StoreModel

MONDAY = 20_458
"""2026-01-05."""
MINUTE = 60_000


class HandPlanned:
    """Two shelves of 10 units at 100 cents, 50 g each.

    `visits` are lists of (minute of the day, kind, shelf, quantity).
    """

    store_id = "s1"
    name = "Store"
    staff_hours = StaffHours(6, 22)

    def __init__(
        self,
        *visits: list[tuple[int, int, int, int]],
        stock: tuple[int, int] = (10, 10),
        expiry: int = MONDAY + 5,
        substitutes: bool = False,
        paid: tuple[int, int] | None = None,
    ) -> None:
        self._visits = visits
        self._stock = stock
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
                ),
                life_days=(3, 3),
                demand_per_day=2.0,
                substitutes=(1 - place,) if substitutes else (),
            )
            for place, name in enumerate(("A", "B"))
        )

    def opening_lots(self) -> tuple[list[list[Lot]], list[list[Lot]]]:
        """Lot 1 and 2 on the shelves, 3 and 4 in the back room."""
        on_shelves = [
            [Lot(1 + n, MONDAY - 1, self._expiry, units)] * (units > 0) for n, units in enumerate(self._stock)
        ]
        return on_shelves, [[Lot(3 + n, MONDAY - 1, MONDAY + 9, 15)] for n in (0, 1)]

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
            unit_discounts=[15, 0],
            customers=[f"c{n}" for n in range(len(visits))],
            transactions=[f"t{n}" for n in range(len(visits))],
            exits=[day * DAY_MS + (intents[-1][0] + 1) * MINUTE for intents in visits],
        )


def live(planner: HandPlanned, *, start_hour: int = 7, hours: int = 1) -> tuple[StoreModel, list[Any]]:
    """The store after so many hours of the Monday, and its records."""
    start = MONDAY * DAY_MS + start_hour * 60 * MINUTE
    model = StoreModel(1, planner, start)
    return model, [emission.record for _, _, emission in model.advance(start + hours * 60 * MINUTE)]


def moves(records: list[Any]) -> list[tuple[str, str, int]]:
    """Shelf events but for the scale's."""
    return [
        (record.event_type, record.shelf_id, record.quantity)
        for record in records
        if getattr(record, "event_type", "") in {"pickup", "putback", "removal"}
    ]


def receipts(records: list[Any]) -> list[Any]:
    return [record for record in records if hasattr(record, "items")]


def visit(*picks: tuple[int, int, int], minute: int = 421) -> list[tuple[int, int, int, int]]:
    """Enters, does (kind, shelf, quantity) one after the other, pays."""
    intents = [(minute + 1 + n, *pick) for n, pick in enumerate(picks)]
    return [(minute, ENTER, 0, 0), *intents, (minute + 1 + len(picks), PAY, 0, 0)]


def test_a_visit_from_door_to_till() -> None:
    model, records = live(HandPlanned(visit((PICK, 0, 3), (PICK, 1, 1))))
    assert [type(record).__name__ for record in records] == [
        "FootTraffic",
        *["ShelfEvent"] * 4,
        "PosTransaction",
    ]
    assert moves(records) == [("pickup", "A", 3), ("pickup", "B", 1)]
    assert [r.delta_weight_g for r in records if getattr(r, "delta_weight_g", None)] == [-150, -50]
    (receipt,) = receipts(records)
    lines = [(i.line_no, i.shelf_id, i.batch_code, i.quantity, i.total_cents) for i in receipt.items]
    assert lines == [(1, "A", "B0000001", 3, 255), (2, "B", "B0000002", 1, 100)]
    assert model.state.stock == [7, 9]
    assert model.state.baskets == {}


def test_same_lot_twice_is_one_line() -> None:
    _, records = live(HandPlanned(visit((PICK, 0, 3), (PICK, 0, 1))))
    (receipt,) = receipts(records)
    assert [(i.quantity, i.discount_cents) for i in receipt.items] == [(4, 60)]


def test_missing_units_are_a_lost_sale() -> None:
    _, records = live(
        HandPlanned(visit((PICK, 0, 3)), visit((PICK, 0, 1), minute=440), stock=(2, 0), paid=(100, 31))
    )
    assert moves(records)[0] == ("pickup", "A", 2)
    lost = [(r.shelf_id, r.quantity) for r in records if getattr(r, "kind", "") == "lost_sale"]
    assert lost == [("A", 1), ("A", 1)]
    (receipt,) = receipts(records)
    # Of a recorded discount of 31 cents on three units, two units get 20 cents.
    assert [(i.quantity, i.unit_price_cents, i.discount_cents) for i in receipt.items] == [(2, 100, 20)]


def test_an_empty_shelf_sends_the_customer_to_a_substitute() -> None:
    _, records = live(HandPlanned(visit((PICK, 0, 3)), stock=(0, 2), substitutes=True))
    assert moves(records)[0] == ("pickup", "B", 2)
    assert not [r for r in records if getattr(r, "kind", "") == "lost_sale"]


def test_expired_goods_are_not_there_for_customers() -> None:
    _, records = live(HandPlanned(visit((PICK, 0, 1)), expiry=MONDAY - 1))
    assert ("pickup", "A", 1) not in moves(records)


def test_what_is_put_back_is_not_paid() -> None:
    # `quantity` 1 puts 1 + 1 % 3 = 2 of 3 units back; the discount of those goes with them.
    model, records = live(HandPlanned(visit((PICK, 0, 3), (PUT_BACK, 0, 1))))
    assert moves(records) == [("pickup", "A", 3), ("putback", "A", 2)]
    (receipt,) = receipts(records)
    assert [(i.quantity, i.discount_cents) for i in receipt.items] == [(1, 15)]
    assert model.state.stock[0] == 9


def test_an_empty_basket_is_not_paid() -> None:
    model, records = live(
        HandPlanned(visit((PICK, 0, 1), (PUT_BACK, 0, 0)), visit((PUT_BACK, 0, 0), minute=430))
    )
    assert moves(records) == [("pickup", "A", 1), ("putback", "A", 1)]
    assert receipts(records) == []
    assert model.state.baskets == {}


def test_a_round_refills_what_is_low() -> None:
    model, records = live(HandPlanned(stock=(3, 4)))
    out = [record for record in records if getattr(record, "event_type", "") == "wh_out"]
    assert [(r.shelf_id, r.batch_code, r.reason) for r in out] == [("A", "B0000003", "refill")]
    refills = [record for record in records if getattr(record, "event_type", "") == "putback"]
    if refills:
        (refill,) = refills
        assert refill.customer_id is None
        assert 150 <= (refill.timestamp - out[0].timestamp).total_seconds() < 210
        assert [(lot.batch_code, lot.quantity) for lot in refill.lots] == [("B0000003", out[0].quantity)]
    assert 8 <= 3 + out[0].quantity <= 10
    assert model.state.stock[0] + model.state.transit[0] == 3 + out[0].quantity


def test_the_first_round_of_the_day_clears_expired_goods() -> None:
    model, records = live(HandPlanned(expiry=MONDAY - 1), hours=2)
    assert {("removal", "A", 10), ("removal", "B", 10)} <= set(moves(records))
    assert all(lot.expiry >= MONDAY for lots in model.state.shelves for lot in lots)


def test_a_delivery_brings_whole_batches_that_fit() -> None:
    model, records = live(HandPlanned(stock=(1, 10)), hours=2)
    came = [record for record in records if getattr(record, "event_type", "") == "wh_in"]
    # A: 10 + 2 × 4 days − 15 in the back − what is on the shelf or on its way; the back room takes 20.
    assert {record.quantity for record in came} <= {6, 12}
    assert all(record.reason == "supplier_delivery" for record in came)
    assert len({record.batch_code for record in came} | {"B0000003", "B0000004"}) == len(came) + 2
    assert all((record.expiry_date - record.received_date).days == 3 for record in came)
    assert all(sum(lot.shelf for lot in lots) <= 20 for lots in model.state.back_room)


@pytest.mark.parametrize(
    ("days_on", "hour", "days_until"), [(0, 7, 0), (0, 8, 2), (1, 0, 1), (2, 9, 2), (4, 8, 3), (6, 23, 1)]
)
def test_suppliers_come_on_monday_wednesday_and_friday(days_on: int, hour: int, days_until: int) -> None:
    now = (MONDAY + days_on) * DAY_MS + hour * 3_600_000
    assert next_delivery(now) == (MONDAY + days_on + days_until) * DAY_MS + 8 * 3_600_000
