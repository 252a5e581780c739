"""The two balances of the back room: docs/stock-rules.md, Back room."""

from datetime import date

from msgspec import Struct

from smartstore.contracts import topics
from smartstore.contracts.outputs import WhBatchState, WhState
from tests.unit.domain.lines_of_a_store import (
    Lines,
    at,
    back_room_event,
    count,
    lot,
    of,
    profile,
    receipt,
    run,
    shelf_event,
)


def opened() -> Lines:
    """A full shelf, so that no plan takes anything, and 10 units behind it."""
    lots = [lot("W1", 6), lot("W2", 4, date(2026, 3, 1))]
    lines = Lines().write(
        profile("A1"), count("A1", [lot("B1", 20)]), count("A1", lots, location="warehouse")
    )
    return lines.tick(1)


def moved(*records: Struct) -> Lines:
    return opened().write(*records).tick(2)


def units(lines: Lines, **planning: object) -> list[WhState]:
    return of(run(lines, **planning)[1], topics.WH_STATE)


def lots(lines: Lines, **planning: object) -> list[WhBatchState]:
    return of(run(lines, **planning)[1], topics.WH_BATCH_STATE)


def wh_in(event_id: str, minutes: float, code: str, quantity: int, **fields: object) -> Struct:
    return back_room_event(event_id, minutes, "wh_in", "A1", code, quantity, **fields)


def wh_out(event_id: str, minutes: float, code: str, quantity: int, **fields: object) -> Struct:
    return back_room_event(event_id, minutes, "wh_out", "A1", code, quantity, **fields)


def recount(minutes: float, *counted: tuple[str, int]) -> Struct:
    return count("A1", [lot(*one) for one in counted], minutes, "recount", "warehouse")


def test_opening_count_gives_units_lots_and_capacity() -> None:
    (state,) = units(opened())
    assert (state.wh_current_stock, state.deficit, state.in_transit, state.capacity) == (10, 0, 0, 200)
    assert (state.last_event_at, state.updated_at) == (None, at(1))
    assert [(one.batch_code, one.quantity_warehouse, one.expiry_date) for one in lots(opened())] == [
        ("W1", 6, None),
        ("W2", 4, date(2026, 3, 1)),
    ]


def test_a_count_of_the_back_room_leaves_the_shelf_alone_and_the_other_way_round() -> None:
    _, outputs = run(opened())
    assert [one.current_stock for one in of(outputs, topics.SHELF_STATE)] == [20]
    assert [one.batch_code for one in of(outputs, topics.SHELF_BATCH_STATE)] == ["B1"]


def test_a_second_opening_count_of_the_back_room_is_dropped() -> None:
    lines = moved(count("A1", [lot("W1", 1)], 1.5, location="warehouse"))
    state, outputs = run(lines)
    assert len(of(outputs, topics.WH_STATE)) == 1
    assert [counts.dropped for counts in state.counts[2:4]] == [1, 1]


def test_deliveries_come_in_and_goods_go_out() -> None:
    lines = moved(wh_in("e1", 1.1, "W3", 5, expiry_date=date(2026, 2, 1)), wh_out("e2", 1.2, "W1", 2))
    state = units(lines)[-1]
    assert (state.wh_current_stock, state.last_event_at) == (13, at(1.2))
    changed = {one.batch_code: (one.quantity_warehouse, one.expiry_date) for one in lots(lines)[2:]}
    assert changed == {"W3": (5, date(2026, 2, 1)), "W1": (4, None)}


def test_a_removal_takes_units_and_lot_but_sends_nothing_to_the_shelf() -> None:
    lines = moved(back_room_event("e1", 1.1, "removal", "A1", "W1", 4))
    assert (units(lines)[-1].wh_current_stock, units(lines)[-1].in_transit) == (6, 0)
    assert [(one.batch_code, one.quantity_warehouse) for one in lots(lines)[2:]] == [("W1", 2)]


def test_a_shortage_moves_nothing() -> None:
    lines = moved(back_room_event("e1", 1.1, "shortage", "A1", None, 4))
    assert [one.wh_current_stock for one in units(lines)] == [10, 10]
    assert len(lots(lines)) == 2


def test_a_sale_does_not_touch_the_back_room() -> None:
    lines = moved(shelf_event("e1", 1.1, "pickup", "A1", 2), receipt("r1", 1.2, ("A1", "W1", 2)))
    assert len(units(lines)) == 1
    assert len(lots(lines)) == 2


def test_goods_are_in_transit_from_the_back_room_until_they_are_put_on_the_shelf() -> None:
    lines = moved(wh_out("e1", 1.1, "W1", 5)).tick(3)
    lines.write(shelf_event("e2", 3.1, "putback", "A1", 3, lots=[lot("W1", 3)])).tick(4)
    lines.write(shelf_event("e3", 4.1, "putback", "A1", 2, lots=[lot("W1", 2)])).tick(5)
    states = [(one.updated_at, one.wh_current_stock, one.in_transit) for one in units(lines)]
    assert states == [(at(1), 10, 0), (at(2), 5, 5), (at(4), 5, 2), (at(5), 5, 0)]


def test_a_customers_putback_brings_nothing_out_of_transit() -> None:
    lines = moved(wh_out("e1", 1.1, "W1", 5)).write(shelf_event("e2", 2.1, "putback", "A1", 3)).tick(3)
    assert [one.in_transit for one in units(lines)] == [0, 5]


def test_a_refill_seen_before_its_goods_left_shows_nothing_in_transit_and_is_remembered() -> None:
    refill = shelf_event("e1", 1.1, "putback", "A1", 5, lots=[lot("W1", 5)])
    lines = moved(refill).write(wh_out("e2", 2.1, "W1", 6)).tick(3)
    assert [one.in_transit for one in units(lines)] == [0, 0, 1]


def test_a_deficit_that_a_late_delivery_explains_leaves_no_adjustment() -> None:
    lines = moved(wh_out("e1", 1.1, "W1", 12)).ticks(3, 20).write(wh_in("e2", 1.05, "W1", 7)).ticks(21, 90)
    _, outputs = run(lines)
    states = of(outputs, topics.WH_STATE)[1:]
    assert [(one.wh_current_stock, one.deficit) for one in states] == [(0, 2), (5, 0)]
    in_lot = [(one.quantity_warehouse, one.deficit) for one in of(outputs, topics.WH_BATCH_STATE)[2:]]
    assert in_lot == [(0, 6), (1, 0)]
    assert not of(outputs, topics.ADJUSTMENTS)


def test_a_deficit_that_nothing_explains_becomes_an_adjustment_of_the_back_room() -> None:
    _, outputs = run(moved(wh_out("e1", 1.1, "W1", 12)).ticks(3, 90))
    books = [
        (one.location, one.batch_code, one.quantity, one.cause, one.adjusted_at)
        for one in of(outputs, topics.ADJUSTMENTS)
    ]
    assert books == [
        ("warehouse", None, 2, "unexplained_deficit", at(62)),
        ("warehouse", "W1", 6, "unexplained_deficit", at(62)),
    ]
    assert of(outputs, topics.WH_STATE)[-1].deficit == 0


def test_a_recount_sets_the_balance_and_books_the_difference() -> None:
    lines = moved(wh_out("e1", 1.1, "W1", 1), recount(1.2, ("W1", 3)), wh_out("e2", 1.3, "W1", 1))
    _, outputs = run(lines)
    assert of(outputs, topics.WH_STATE)[-1].wh_current_stock == 2
    books = [
        (one.location, one.batch_code, one.quantity, one.cause) for one in of(outputs, topics.ADJUSTMENTS)
    ]
    assert books == [
        ("warehouse", None, -6, "recount"),
        ("warehouse", "W1", -2, "recount"),
        ("warehouse", "W2", -4, "recount"),
    ]


def test_adjustments_of_shelf_and_back_room_have_their_own_ids() -> None:
    same = [lot("X", 1)]
    lines = moved(count("A1", same, 1.1, "recount"), count("A1", same, 1.1, "recount", "warehouse"))
    ids = [one.adjustment_id for one in of(run(lines)[1], topics.ADJUSTMENTS)]
    assert len(set(ids)) == len(ids) == 7


def test_an_event_of_an_unknown_shelf_is_kept_with_its_reason_and_moves_nothing() -> None:
    lines = moved(back_room_event("e1", 1.1, "wh_in", "X9", "W1", 5))
    _, outputs = run(lines)
    (letter,) = of(outputs, topics.DEAD_LETTERS)
    assert (letter.source, letter.event_id, letter.field) == ("wh_events", "e1", "shelf_id")
    assert letter.reason.startswith("unknown_shelf")
    assert len(of(outputs, topics.WH_STATE)) == 1


def test_a_count_of_an_unknown_shelf_is_refused_once() -> None:
    _, outputs = run(moved(count("X9", [lot("W1", 5)], 1.1, location="warehouse")))
    (letter,) = of(outputs, topics.DEAD_LETTERS)
    assert (letter.source, letter.field) == ("stock_counts", "shelf_id")


def test_empty_lots_of_the_back_room_leave_the_state_after_a_week() -> None:
    lines = moved(wh_out("e1", 1.1, "W1", 6)).tick(8 * 1440)
    state, _ = run(lines)
    assert state.back_lots.lots.codes == ("W2",)
