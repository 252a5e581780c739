"""One small store, planned by hand: customers against its shelves."""

from typing import Any

from smartstore.world.physical.plan import ENTER, PAY, PICK, PUT_BACK
from tests.unit.world.hand_planned import MONDAY, HandPlanned, live, moves


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


def test_without_facts_of_jobs_nobody_delivers_refills_or_removes() -> None:
    model, records = live(HandPlanned(stock=(0, 3), expiry=MONDAY - 1), hours=24)
    assert records == []
    assert model.state.stock == [0, 3]
