"""Expired goods leave shelf and back room once a day: docs/stock-rules.md, Removals."""

from datetime import date

from msgspec import Struct

from smartstore.contracts import topics
from smartstore.contracts.events import LotQuantity, ShelfEvent, WarehouseEvent
from smartstore.contracts.outputs import Alert
from smartstore.contracts.wire import derived_id
from tests.unit.domain.lines_of_a_store import (
    STORE,
    Lines,
    acknowledge,
    at,
    back_room_event,
    count,
    facts_of,
    lot,
    minutes_of,
    of,
    profile,
    receipt,
    run,
    shelf_event,
    status,
)

YESTERDAY, TODAY = date(2025, 12, 31), date(2026, 1, 1)
DAY = 1440
AT_EIGHT = 60
"""Minutes after the start."""
AT_FOUR_NEXT_DAY = 21 * 60
DAY_NUMBER = TODAY.toordinal() - date(1970, 1, 1).toordinal()


def opened(*lots: LotQuantity) -> Lines:
    """A full shelf with these lots beside a fresh one, so that no plan is made."""
    return Lines().write(profile("A1"), count("A1", [*lots, lot("FRESH", 18)])).tick(1)


def with_back_room(*lots: LotQuantity) -> Lines:
    lines = Lines().write(profile("A1"), count("A1", [lot("FRESH", 18)]))
    return lines.write(count("A1", lots, location="warehouse")).tick(1)


def removals(lines: Lines, **planning: object) -> list[ShelfEvent | WarehouseEvent]:
    facts = facts_of(run(lines, **planning)[1])
    moved = [one for one in facts if isinstance(one, ShelfEvent | WarehouseEvent)]
    return [one for one in moved if one.event_type == "removal"]


def off_the_shelf(lines: Lines, **planning: object) -> list[tuple[float, dict[str, int]]]:
    """When, and how many units of each lot."""
    return [
        (minutes_of(one.timestamp), {named.batch_code: named.quantity for named in one.lots or ()})
        for one in removals(lines, **planning)
        if isinstance(one, ShelfEvent)
    ]


def out_of_the_back_room(lines: Lines, **planning: object) -> list[tuple[float, str | None, int]]:
    return [
        (minutes_of(one.timestamp), one.batch_code, one.quantity)
        for one in removals(lines, **planning)
        if isinstance(one, WarehouseEvent)
    ]


def take(event_id: str, minutes: float, quantity: int) -> Struct:
    return shelf_event(event_id, minutes, "pickup", "A1", quantity)


def test_expired_lots_leave_the_shelf_in_one_removal() -> None:
    lines = opened(lot("OLD", 3, YESTERDAY), lot("OLDER", 2, date(2025, 12, 1))).ticks(2, 4)
    (removal,) = removals(lines)
    assert isinstance(removal, ShelfEvent)
    assert (removal.timestamp, removal.quantity, removal.reason, removal.plan_id) == (
        at(1),
        5,
        "expired",
        None,
    )
    assert removal.lots == [lot("OLDER", 2, date(2025, 12, 1)), lot("OLD", 3, YESTERDAY)]
    assert removal.event_id == derived_id("removal-scheduler", f"{STORE}/A1", "removal", DAY_NUMBER)


def test_expired_lots_leave_the_back_room_each_in_a_removal_of_its_own() -> None:
    lines = with_back_room(lot("OLD", 3, YESTERDAY), lot("OLDER", 2, date(2025, 12, 1)), lot("NEW", 9))
    found = removals(lines.ticks(2, 4))
    assert [(one.event_type, one.quantity, one.reason) for one in found] == [
        ("removal", 2, "expired"),
        ("removal", 3, "expired"),
    ]
    assert [one.event_id for one in found] == [
        derived_id("removal-scheduler", f"{STORE}/A1/{code}", "wh_removal", DAY_NUMBER)
        for code in ("OLDER", "OLD")
    ]


def test_the_books_follow_the_removal_at_the_next_tick() -> None:
    lines = opened(lot("OLD", 2, YESTERDAY)).write(
        count("A1", [lot("OLD", 4, YESTERDAY), lot("NEW", 6)], 1.5, location="warehouse")
    )
    _, outputs = run(lines.ticks(2, AT_EIGHT + 3), removal_hour=8)
    states = [(minutes_of(one.updated_at), one.current_stock) for one in of(outputs, topics.SHELF_STATE)]
    assert states == [(1, 20), (AT_EIGHT + 1, 18)]
    behind = [(minutes_of(one.updated_at), one.wh_current_stock) for one in of(outputs, topics.WH_STATE)]
    assert behind == [(2, 10), (AT_EIGHT + 1, 6)]
    in_lots = [(one.batch_code, one.quantity_warehouse) for one in of(outputs, topics.WH_BATCH_STATE)]
    assert in_lots[-1] == ("OLD", 0)


def test_a_removal_from_the_back_room_sends_nothing_to_the_shelf() -> None:
    _, outputs = run(with_back_room(lot("OLD", 4, YESTERDAY)).ticks(2, 9))
    assert [one.in_transit for one in of(outputs, topics.WH_STATE)] == [0, 0]


def test_what_expires_today_or_has_no_date_stays() -> None:
    lots = (lot("TODAY", 1, TODAY), lot("NONE", 1))
    assert removals(opened(*lots).ticks(2, 9)) == []
    assert removals(with_back_room(*lots).ticks(2, 9)) == []


def test_nothing_is_removed_before_the_hour() -> None:
    lines = opened(lot("OLD", 2, YESTERDAY)).ticks(2, AT_EIGHT - 1)
    assert removals(lines, removal_hour=8) == []


def test_the_round_is_at_the_first_tick_from_the_hour_on_though_nothing_else_happens() -> None:
    lines = opened(lot("OLD", 2, YESTERDAY)).ticks(2, AT_EIGHT + 30)
    assert off_the_shelf(lines, removal_hour=8) == [(AT_EIGHT, {"OLD": 2})]


def test_the_round_comes_later_when_the_hour_had_no_tick() -> None:
    lines = opened(lot("OLD", 2, YESTERDAY)).ticks(2, 50).ticks(AT_EIGHT + 20, AT_EIGHT + 30)
    assert off_the_shelf(lines, removal_hour=8) == [(AT_EIGHT + 20, {"OLD": 2})]


def test_there_is_one_round_a_day() -> None:
    lines = opened(lot("OLD", 2, YESTERDAY)).ticks(2, 10)
    lines.write(shelf_event("e1", 10.5, "putback", "A1", 1, lots=[lot("LATE", 1, YESTERDAY)]))
    lines.ticks(11, AT_FOUR_NEXT_DAY + 10)
    assert off_the_shelf(lines) == [(1, {"OLD": 2}), (AT_FOUR_NEXT_DAY, {"LATE": 1})]


def test_a_lot_that_expires_goes_at_the_hour_of_the_day_after_in_both_places() -> None:
    lines = opened(lot("E", 2, TODAY)).write(count("A1", [lot("E", 4, TODAY)], 1.5, location="warehouse"))
    lines.ticks(2, AT_FOUR_NEXT_DAY + 10)
    assert off_the_shelf(lines) == [(AT_FOUR_NEXT_DAY, {"E": 2})]
    assert out_of_the_back_room(lines) == [(AT_FOUR_NEXT_DAY, "E", 4)]


def test_a_store_that_sleeps_over_a_round_makes_it_up_once() -> None:
    lines = opened(lot("E", 2, TODAY)).tick(2).ticks(3 * DAY, 3 * DAY + 5)
    assert off_the_shelf(lines) == [(3 * DAY, {"E": 2})]


def test_what_may_lie_in_a_basket_is_not_removed_and_the_rest_goes_the_next_day() -> None:
    """20 units in the store, 3 in baskets: of the 5 expired ones, 2 are certainly on the shelf."""
    lines = opened(lot("OLD", 5, YESTERDAY)).write(take("e1", 1.5, 3)).ticks(2, AT_EIGHT + 5)
    lines.write(receipt("r1", AT_EIGHT + 5.5, ("A1", "FRESH", 3))).ticks(AT_EIGHT + 6, DAY + AT_EIGHT + 5)
    assert off_the_shelf(lines, removal_hour=8) == [(AT_EIGHT, {"OLD": 2}), (DAY + AT_EIGHT, {"OLD": 3})]


def test_what_was_in_the_basket_and_is_paid_for_is_not_removed_again() -> None:
    lines = opened(lot("OLD", 5, YESTERDAY)).write(take("e1", 1.5, 3)).ticks(2, AT_EIGHT + 5)
    lines.write(receipt("r1", AT_EIGHT + 5.5, ("A1", "OLD", 3))).ticks(AT_EIGHT + 6, DAY + AT_EIGHT + 5)
    assert off_the_shelf(lines, removal_hour=8) == [(AT_EIGHT, {"OLD": 2})]


def test_a_lot_that_fits_into_the_baskets_is_left_alone() -> None:
    lines = opened(lot("OLD", 3, YESTERDAY), lot("OLDER", 4, YESTERDAY)).write(take("e1", 1.5, 3))
    assert off_the_shelf(lines.ticks(2, AT_EIGHT + 5), removal_hour=8) == [(AT_EIGHT, {"OLDER": 1})]


def test_baskets_do_not_hold_back_what_is_in_the_back_room() -> None:
    lines = with_back_room(lot("OLD", 3, YESTERDAY)).write(take("e1", 1.5, 5)).ticks(2, AT_EIGHT + 5)
    assert out_of_the_back_room(lines, removal_hour=8) == [(AT_EIGHT, "OLD", 3)]


def test_baskets_of_one_shelf_do_not_hold_back_another() -> None:
    lines = opened(lot("OLD", 2, YESTERDAY)).write(
        profile("A2"), count("A2", [lot("OLD", 18, YESTERDAY)], 1.1)
    )
    lines.write(take("e1", 1.5, 4)).ticks(2, AT_EIGHT + 5)
    assert off_the_shelf(lines, removal_hour=8) == [(AT_EIGHT, {"OLD": 18})]


def test_with_reported_execution_nothing_is_removed() -> None:
    lots = (lot("OLD", 2, YESTERDAY), lot("E", 2, TODAY))
    lines = opened(*lots).write(count("A1", lots, 1.5, location="warehouse")).ticks(2, AT_FOUR_NEXT_DAY + 10)
    assert removals(lines, execution="Reported") == []


def test_a_removal_that_makes_the_shelf_low_is_followed_by_a_plan() -> None:
    lines = Lines().write(profile("A1"), count("A1", [lot("OLD", 16, YESTERDAY), lot("B", 4)])).ticks(1, 4)
    made = of(run(lines)[1], topics.SHELF_RESTOCK_PLAN)
    assert (made[0].created_at, made[0].suggested_qty) == (at(2), 12)


def test_a_lot_that_is_owed_units_does_not_hide_what_lies_in_baskets() -> None:
    """Three of the expired lot were picked and wrongly paid as lot Y: three are left to remove, not five."""
    lines = Lines().write(profile("A1"), count("A1", [lot("OLD", 5, YESTERDAY), lot("Y", 1)])).tick(1)
    lines.write(shelf_event("e1", 1.1, "pickup", "A1", 3), receipt("r1", 1.5, ("A1", "Y", 3))).ticks(2, 70)
    removed = off_the_shelf(lines, removal_hour=8, lateness_minutes=600)
    assert [lots for _, lots in removed] == [{"OLD": 3}]


def alerts(lines: Lines, **planning: object) -> list[Alert]:
    found = of(run(lines, **planning)[1], topics.ALERTS)
    return [one for one in found if one.alert_type == "expired_removal"]


def lives(found: list[Alert]) -> list[tuple[float, str, str, int]]:
    """Minute, place, status and the units to take away."""
    return [(minutes_of(one.updated_at), one.location, one.status, one.suggested_qty) for one in found]


def taken_off(event_id: str, minutes: float, *lots: LotQuantity) -> Struct:
    """People report what they took off the shelf."""
    quantity = sum(one.quantity for one in lots)
    return shelf_event(event_id, minutes, "removal", "A1", quantity, lots=list(lots))


def test_an_alert_says_what_the_round_takes_away_and_ends_with_it() -> None:
    lines = opened(lot("OLD", 3, YESTERDAY), lot("OLDER", 2, date(2025, 12, 1))).ticks(2, 4)
    opened_at, resolved = alerts(lines)
    assert lives([opened_at, resolved]) == [(1, "store", "open", 5), (2, "store", "resolved", 0)]
    assert (opened_at.current_stock, opened_at.capacity, opened_at.expiry_date) == (
        23,
        20,
        date(2025, 12, 1),
    )
    assert (resolved.current_stock, resolved.expiry_date) == (18, None)
    assert opened_at.alert_id == derived_id("removal-scheduler", f"{STORE}/A1", "expired_removal", 0)


def test_shelf_and_back_room_have_alerts_of_their_own() -> None:
    lines = opened(lot("OLD", 2, YESTERDAY)).write(
        count("A1", [lot("OLD", 4, YESTERDAY), lot("NEW", 6)], 1.5, location="warehouse")
    )
    found = alerts(lines.ticks(2, AT_EIGHT + 3), removal_hour=8)
    assert lives(found) == [
        (AT_EIGHT, "store", "open", 2),
        (AT_EIGHT, "warehouse", "open", 4),
        (AT_EIGHT + 1, "store", "resolved", 0),
        (AT_EIGHT + 1, "warehouse", "resolved", 0),
    ]
    assert (found[1].current_stock, found[1].capacity) == (10, 200)
    assert found[1].alert_id == derived_id("removal-scheduler", f"{STORE}/A1", "wh_expired_removal", 0)
    assert len({one.alert_id for one in found}) == 2


def test_with_reported_execution_the_alert_stays_until_people_took_the_goods_away() -> None:
    lots = lot("OLD", 2, YESTERDAY), lot("E", 3, YESTERDAY)
    lines = opened(*lots).ticks(2, 10).write(taken_off("r1", 10.5, lots[0])).ticks(11, 20)
    lines.write(taken_off("r2", 20.5, lots[1])).ticks(21, 30)
    assert lives(alerts(lines, execution="Reported")) == [
        (1, "store", "open", 5),
        (21, "store", "resolved", 0),
    ]


def test_what_expires_or_comes_between_rounds_is_alerted_at_the_next() -> None:
    lines = opened(lot("E", 2, TODAY)).ticks(2, AT_FOUR_NEXT_DAY + 2)
    assert lives(alerts(lines, execution="Reported")) == [(AT_FOUR_NEXT_DAY, "store", "open", 2)]
    arriving = back_room_event("w1", 10.5, "wh_in", "A1", "OLD", 4, expiry_date=YESTERDAY)
    lines = with_back_room(lot("NEW", 9)).ticks(2, 10).write(arriving).ticks(11, AT_FOUR_NEXT_DAY + 2)
    assert lives(alerts(lines, execution="Reported")) == [(AT_FOUR_NEXT_DAY, "warehouse", "open", 4)]


def test_between_rounds_no_alert_opens_though_another_is_open() -> None:
    lines = opened(lot("OLD", 2, YESTERDAY)).write(count("A1", [lot("NEW", 9)], 1.5, location="warehouse"))
    lines.ticks(2, 10).write(back_room_event("w1", 10.5, "wh_in", "A1", "W", 4, expiry_date=YESTERDAY))
    lines.ticks(11, AT_FOUR_NEXT_DAY + 2)
    assert lives(alerts(lines, execution="Reported")) == [
        (1, "store", "open", 2),
        (AT_FOUR_NEXT_DAY, "warehouse", "open", 4),
    ]


def test_an_alert_acknowledged_in_one_place_and_the_other() -> None:
    lines = opened(lot("OLD", 2, YESTERDAY)).write(
        count("A1", [lot("OLD", 4, YESTERDAY)], 1.5, location="warehouse")
    )
    lines.ticks(2, AT_EIGHT).write(acknowledge(AT_EIGHT + 0.5, "A1", "expired_removal")).ticks(61, 63)
    _, outputs = run(lines, removal_hour=8, execution="Reported")
    seen = [one.status for one in of(outputs, topics.ALERTS) if one.alert_type == "expired_removal"]
    assert seen == ["open", "open", "acknowledged", "acknowledged"]
    assert of(outputs, topics.DEAD_LETTERS) == []


def test_a_shelf_that_was_never_counted_has_no_alert() -> None:
    lines = Lines().write(
        profile("A1"), shelf_event("e1", 0.5, "putback", "A1", 3, lots=[lot("OLD", 3, YESTERDAY)])
    )
    assert alerts(lines.ticks(1, 3)) == []


def test_in_a_closed_store_alerts_end_and_there_is_no_round() -> None:
    lines = opened(lot("OLD", 3, YESTERDAY)).ticks(2, 9).write(status(9.5, "closed"))
    lines.ticks(10, AT_FOUR_NEXT_DAY + 9).write(status(AT_FOUR_NEXT_DAY + 9.5, "open"))
    lines.ticks(AT_FOUR_NEXT_DAY + 10, AT_FOUR_NEXT_DAY + 12)
    assert lives(alerts(lines, execution="Reported")) == [
        (1, "store", "open", 3),
        (10, "store", "resolved", 3),
        (AT_FOUR_NEXT_DAY + 10, "store", "open", 3),
    ]
