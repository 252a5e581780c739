"""Shelf and lot balances: docs/stock-rules.md, Shelf balance and Lot balance."""

from datetime import date
from typing import Any

from msgspec import structs

from smartstore.contracts import topics
from smartstore.contracts.wire import epoch_ms
from smartstore.domain.tick import Output
from tests.unit.domain.lines_of_a_store import Lines, at, count, lot, of, profile, receipt, run, shelf_event


def opened(*extra: object) -> Lines:
    return Lines().write(profile("A1"), count("A1", [lot("B1", 6), lot("B2", 4)])).tick(1)


def at_ms(minutes: float) -> int:
    return epoch_ms(at(minutes))


def last(outputs: list[Output], topic: topics.Topic) -> dict[str, Any]:
    latest = {output.key: output for output in outputs if output.topic == topic.name}
    return {key: of([output], topic)[0] for key, output in latest.items()}


def test_opening_count_gives_stock_weight_and_lots() -> None:
    _, outputs = run(opened())
    (shelf,) = of(outputs, topics.SHELF_STATE)
    assert (shelf.current_stock, shelf.shelf_weight_g, shelf.last_event_at) == (10, 1000, None)
    assert shelf.updated_at == at(1)
    assert [(one.batch_code, one.quantity_store) for one in of(outputs, topics.SHELF_BATCH_STATE)] == [
        ("B1", 6),
        ("B2", 4),
    ]


def test_opening_count_applies_only_where_there_is_no_state() -> None:
    lines = opened().write(count("A1", [lot("B1", 1)], minutes=1)).tick(2)
    state, outputs = run(lines)
    assert len(of(outputs, topics.SHELF_STATE)) == 1
    assert state.counts[0].dropped == 1


def test_pickup_putback_and_weight_change() -> None:
    lines = (
        opened()
        .write(
            shelf_event("e1", 1.1, "pickup", "A1", 3),
            shelf_event("e2", 1.2, "putback", "A1", 1),
            shelf_event("e3", 1.3, "weight_change", "A1", 1, delta_weight_g=-200),
        )
        .tick(2)
    )
    _, outputs = run(lines)
    shelf = of(outputs, topics.SHELF_STATE)[-1]
    assert (shelf.current_stock, shelf.shelf_weight_g, shelf.last_event_at) == (8, 800, at(1.3))
    assert shelf.version == of(outputs, topics.SHELF_STATE)[0].version + 60_000


def test_no_count_is_too_heavy_for_the_scale() -> None:
    """It shows a million tonnes at most; what changes later comes on top."""
    heavy = profile("A1", item_weight_g=10**12)
    full = [lot(f"B{n}", 10**6) for n in range(20)]
    lines = Lines().write(heavy, count("A1", full)).tick(1)
    _, outputs = run(lines.write(shelf_event("e1", 1.5, "weight_change", "A1", 1, delta_weight_g=-7)).tick(2))
    assert [one.shelf_weight_g for one in of(outputs, topics.SHELF_STATE)] == [10**12, 10**12 - 7]


def test_of_two_receipts_of_a_transaction_the_last_one_is_kept_and_both_were_sold() -> None:
    """In one tick as in two: docs/stock-rules.md, Lot balance."""
    first, second, third = (
        structs.replace(receipt(f"e{n}", 1 + n / 10, ("A1", "B1", n)), transaction_id="t") for n in (1, 2, 3)
    )
    _, outputs = run(opened().write(first, second).tick(2))
    assert [one.version - at_ms(2) for one in of(outputs, topics.POS_TRANSACTION_LINES)] == [0, 1]
    assert last(outputs, topics.POS_TRANSACTION_LINES)["s0001/t/1"].quantity == 2
    assert last(outputs, topics.SHELF_BATCH_STATE)["s0001/A1/B1"].quantity_store == 3
    _, outputs = run(opened().write(first, second).tick(2).write(third).tick(3))
    lines = of(outputs, topics.POS_TRANSACTION_LINES)
    assert [(one.quantity, one.version) for one in lines] == [
        (1, at_ms(2)),
        (2, at_ms(2) + 1),
        (3, at_ms(3)),
    ]


def test_every_date_is_a_date() -> None:
    """Also the day before 1970, whose number is -1."""
    long_ago = date(1969, 12, 31)
    _, outputs = run(Lines().write(profile("A1"), count("A1", [lot("B1", 6, long_ago)])).tick(1))
    assert [one.expiry_date for one in of(outputs, topics.SHELF_BATCH_STATE)] == [long_ago]


def test_refill_with_lots_and_sale_move_the_lots_but_pickup_does_not() -> None:
    lines = (
        opened()
        .write(
            shelf_event("e1", 1.1, "pickup", "A1", 2),
            shelf_event("e2", 1.2, "putback", "A1", 5, lots=[lot("B3", 5, date(2026, 2, 1))]),
            receipt("r1", 1.5, ("A1", "B1", 2)),
        )
        .tick(2)
    )
    _, outputs = run(lines)
    lots = last(outputs, topics.SHELF_BATCH_STATE)
    assert {key.split("/")[2]: one.quantity_store for key, one in lots.items()} == {"B1": 4, "B2": 4, "B3": 5}
    assert of(outputs, topics.SHELF_STATE)[-1].current_stock == 13
    (line,) = of(outputs, topics.POS_TRANSACTION_LINES)
    assert (line.quantity, line.total_cents, line.sold_at, line.updated_at) == (2, 500, at(1.5), at(2))


def test_removal_takes_named_lots() -> None:
    lines = opened().write(shelf_event("e1", 1.1, "removal", "A1", 4, lots=[lot("B2", 4)])).tick(2)
    _, outputs = run(lines)
    assert of(outputs, topics.SHELF_STATE)[-1].current_stock == 6
    assert of(outputs, topics.SHELF_BATCH_STATE)[-1].quantity_store == 0


def test_sale_without_lot_takes_what_expires_first_and_books_the_rest_as_unknown() -> None:
    lines = Lines().write(profile("A1"), count("A1", [lot("B1", 2), lot("B2", 1, date(2026, 1, 9))])).tick(1)
    _, outputs = run(lines.write(receipt("r1", 1.5, ("A1", None, 4))).tick(2))
    changed = of(outputs, topics.SHELF_BATCH_STATE)[2:]
    assert [(one.batch_code, one.quantity_store, one.deficit) for one in changed] == [
        ("B1", 0, 0),
        ("B2", 0, 0),
        ("unknown", 0, 1),
    ]


def test_a_deficit_that_a_late_refill_explains_leaves_no_adjustment() -> None:
    lines = opened().write(shelf_event("e1", 1.1, "pickup", "A1", 12)).ticks(2, 20)
    lines.write(shelf_event("e2", 1.05, "putback", "A1", 5, lots=[lot("B1", 5)])).ticks(21, 90)
    _, outputs = run(lines, lateness_minutes=60)
    states = of(outputs, topics.SHELF_STATE)
    assert [(one.current_stock, one.deficit) for one in states] == [(10, 0), (0, 2), (3, 0)]
    assert not of(outputs, topics.ADJUSTMENTS)


def test_a_deficit_that_nothing_explains_becomes_an_adjustment() -> None:
    lines = opened().write(shelf_event("e1", 1.1, "pickup", "A1", 12)).ticks(2, 90)
    _, outputs = run(lines, lateness_minutes=60)
    (adjustment,) = of(outputs, topics.ADJUSTMENTS)
    assert (adjustment.quantity, adjustment.cause, adjustment.adjusted_at) == (
        2,
        "unexplained_deficit",
        at(62),
    )
    assert of(outputs, topics.SHELF_STATE)[-1].deficit == 0


def test_an_oversold_lot_is_written_off_too() -> None:
    lines = opened().write(receipt("r1", 1.5, ("A1", "B1", 7))).ticks(2, 90)
    _, outputs = run(lines, lateness_minutes=60)
    (adjustment,) = of(outputs, topics.ADJUSTMENTS)
    assert (adjustment.batch_code, adjustment.quantity) == ("B1", 1)


def test_recount_sets_the_balance_and_books_the_difference() -> None:
    lines = (
        opened()
        .write(
            shelf_event("e1", 1.1, "pickup", "A1", 1),
            count("A1", [lot("B1", 5)], minutes=1.2, count_type="recount"),
            shelf_event("e2", 1.3, "pickup", "A1", 1),
        )
        .tick(2)
    )
    _, outputs = run(lines)
    assert of(outputs, topics.SHELF_STATE)[-1].current_stock == 4
    books = [(one.batch_code, one.quantity, one.cause) for one in of(outputs, topics.ADJUSTMENTS)]
    assert books == [(None, -4, "recount"), ("B1", -1, "recount"), ("B2", -4, "recount")]


def test_events_of_unknown_shelves_are_kept_with_their_reason() -> None:
    lines = (
        opened()
        .write(
            shelf_event("e1", 1.1, "pickup", "X9", 1), receipt("r1", 1.2, ("X9", "B1", 1), ("A1", "B1", 1))
        )
        .tick(2)
    )
    _, outputs = run(lines)
    letters = of(outputs, topics.DEAD_LETTERS)
    assert [(one.event_id, one.field, one.reason.split(":")[0]) for one in letters] == [
        ("e1", "shelf_id", "unknown_shelf"),
        ("r1", "items[0].shelf_id", "unknown_shelf"),
    ]
    assert len(of(outputs, topics.POS_TRANSACTION_LINES)) == 2


def test_empty_lots_leave_the_state_after_a_week() -> None:
    lines = opened().write(receipt("r1", 1.5, ("A1", "B1", 6))).tick(2)
    lines.ticks(8 * 1440, 8 * 1440)
    state, _ = run(lines)
    assert state.lots.lots.codes == ("B2",)
