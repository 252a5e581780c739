"""What a day was, per shelf: docs/stock-rules.md, Daily features. Tests named w… prevent a known defect of older
systems."""

from datetime import date, timedelta
from typing import Any

from smartstore.contracts import topics
from smartstore.contracts.outputs import ShelfDailyFeatures
from tests.unit.domain.lines_of_a_store import (
    Lines,
    at,
    back_room_event,
    count,
    lot,
    minutes_of,
    of,
    policy,
    profile,
    promotion,
    receipt,
    run,
    run_batches,
    shelf_event,
    tick_by_tick,
)

FIRST = date(2026, 1, 1)
"""A Thursday; the store opens at 07:00."""
MIDNIGHT, DAY = 17 * 60, 24 * 60


def opened(stock: int = 20, *others: Any) -> Lines:
    """Shelf A1, of 20 units."""
    records = profile("A1"), count("A1", [lot("B1", stock, date(2026, 1, 5))]), *others
    return Lines().write(*records).tick(1)


def rows(lines: Lines, **planning: object) -> list[ShelfDailyFeatures]:
    return of(run(lines, **planning)[1], topics.SHELF_DAILY_FEATURES)


def test_a_row_comes_at_the_first_tick_of_the_next_day_with_what_was_counted_until_then() -> None:
    lines = opened(20, count("A1", [lot("W1", 50)], location="warehouse"))
    lines.write(
        shelf_event("e1", 1.1, "pickup", "A1", 3),
        receipt("r1", 1.2, ("A1", "B1", 2), ("A1", "B1", 1)),
        receipt("r2", 1.3, ("Z9", None, 5)),
        shelf_event("e2", 1.4, "removal", "A1", 2, lots=[lot("B1", 2)]),
        back_room_event("w1", 1.5, "removal", "A1", "W1", 4),
        shelf_event("e3", 1.6, "putback", "A1", 5, lots=[lot("B2", 5, date(2026, 1, 20))]),
    ).tick(2)
    assert rows(lines.tick(MIDNIGHT - 1)) == []
    lines.tick(MIDNIGHT).ticks(MIDNIGHT + 1, MIDNIGHT + 9)
    (row,) = rows(lines)
    assert (minutes_of(row.updated_at), row.feature_date, row.day_of_week) == (MIDNIGHT, FIRST, 3)
    assert (row.is_weekend, row.warehouse_inbound_day, row.refill_day) == (False, False, True)
    assert (row.item_price_cents, row.people_count, row.sales_qty) == (250, 2, 3)
    assert (row.expired_qty_shelf, row.expired_qty_wh, row.moved_wh_to_shelf) == (2, 4, 5)
    assert (row.current_stock_shelf, row.shelf_capacity, row.shelf_fill_ratio) == (20, 20, 1.0)
    assert (row.current_stock_warehouse, row.warehouse_capacity, row.warehouse_fill_ratio) == (46, 200, 0.23)
    assert (row.min_expiration_days, row.avg_expiration_days, row.qty_expiring_next_7d) == (4, 11.5, 15)
    assert (row.shelf_threshold_qty, row.sales_last_1d, row.stockout_events) == (6, 0, 0)


def test_nothing_from_after_the_day_is_in_its_row() -> None:
    """The tick of midnight and what comes in it belong to the new day."""
    quiet = opened().ticks(2, MIDNIGHT - 1)
    busy = (
        opened()
        .ticks(2, MIDNIGHT - 1)
        .write(
            shelf_event("e1", MIDNIGHT - 0.5, "pickup", "A1", 20),
            receipt("r1", MIDNIGHT - 0.4, ("A1", "B1", 20)),
            policy(MIDNIGHT - 0.3, threshold_pct=90.0),
            promotion(MIDNIGHT - 0.2, "A1", 10, FIRST, FIRST),
            profile("A2"),
        )
    )
    assert rows(busy.tick(MIDNIGHT)) == rows(quiet.tick(MIDNIGHT))


def test_a_day_is_neither_done_twice_nor_left_out() -> None:
    """Whatever is cut between two ticks: each day and shelf has one row, with the same bytes."""
    lines = opened(20).write(profile("A2"), count("A2", [lot("C", 3)], 1.5)).ticks(2, 5)
    lines.write(receipt("r1", 5.5, ("A1", "B1", 1))).ticks(6, 7)
    for day in range(3):
        lines.ticks(MIDNIGHT + day * DAY - 2, MIDNIGHT + day * DAY + 2)
    found = rows(lines)
    assert [(row.shelf_id, row.feature_date) for row in found] == [
        (shelf, FIRST + timedelta(days=day)) for day in range(3) for shelf in ("A1", "A2")
    ]
    assert [row.people_count for row in found] == [1, 1, 0, 0, 0, 0]
    _, outputs = run_batches(tick_by_tick(lines))
    assert of(outputs, topics.SHELF_DAILY_FEATURES) == found


def sold_on(lines: Lines, day: int, quantity: int) -> Lines:
    """A receipt of the day, counted from 0; a refill makes up for it."""
    minute = day * DAY + 60
    name = f"d{day}"
    return lines.write(
        shelf_event(f"p-{name}", minute, "pickup", "A1", quantity),
        receipt(f"r-{name}", minute + 0.2, ("A1", "B1", quantity)),
        shelf_event(f"f-{name}", minute + 0.4, "putback", "A1", quantity, lots=[lot("B1", quantity)]),
    ).ticks(minute + 1, minute + 2)


def test_sales_of_the_days_before_leave_the_day_itself_out() -> None:
    lines = opened()
    for day in range(17):
        lines = sold_on(lines, day, day + 1)
    found = rows(lines)[-1]
    assert (found.feature_date, found.sales_qty) == (FIRST + timedelta(days=15), 16)
    assert (found.sales_last_1d, found.sales_last_7d) == (15, sum(range(9, 16)))
    assert found.sales_last_14d == sum(range(2, 16))


def test_days_without_a_tick_have_no_row_and_sold_nothing() -> None:
    lines = sold_on(opened(), 0, 4)
    lines = sold_on(sold_on(lines, 3, 1), 4, 1)
    first, later = rows(lines)
    assert (first.feature_date, later.feature_date) == (FIRST, FIRST + timedelta(days=3))
    assert (later.sales_last_1d, later.sales_last_7d) == (0, 4)


def test_how_often_the_shelf_ran_empty() -> None:
    lines = opened(2)
    for n in (2, 4):
        lines.write(shelf_event(f"p{n}", n - 0.5, "pickup", "A1", 2)).tick(n)
        lines.write(shelf_event(f"b{n}", n + 0.5, "putback", "A1", 2)).tick(n + 1)
    lines.write(shelf_event("p6", 5.5, "weight_change", "A1", 1, delta_weight_g=1)).tick(6)
    lines.write(shelf_event("p7", 6.5, "pickup", "A1", 2)).tick(7)
    # Empty still, whatever the scale sees.
    lines.write(shelf_event("p8", 7.5, "weight_change", "A1", 1, delta_weight_g=1)).tick(8)
    (row,) = rows(lines.tick(MIDNIGHT), execution="Reported")
    assert row.stockout_events == 3


def test_alerts_of_the_day_and_of_the_days_before() -> None:
    """Low at first, refilled on the second day: the alert of the first two days counts on the third."""
    lines = opened(2).ticks(2, 5).ticks(MIDNIGHT, MIDNIGHT + 1)
    lines.write(shelf_event("b", MIDNIGHT + 1.5, "putback", "A1", 18, lots=[lot("B2", 18)]))
    lines.ticks(MIDNIGHT + 2, MIDNIGHT + 3).tick(MIDNIGHT + DAY).tick(MIDNIGHT + 2 * DAY)
    found = rows(lines, execution="Reported")
    assert [row.is_shelf_alert for row in found] == [True, True, False]
    assert [row.alerts_last_30d_shelf for row in found] == [0, 1, 2]


def test_an_alert_of_more_than_thirty_days_ago_does_not_count() -> None:
    lines = opened(2).write(shelf_event("b", 1.5, "putback", "A1", 18, lots=[lot("B2", 18)])).ticks(2, 5)
    for day in range(32):
        lines.tick(MIDNIGHT + day * DAY)
    found = rows(lines, execution="Reported")
    assert [row.alerts_last_30d_shelf for row in found] == [0, *[1] * 30, 0]


def test_days_without_a_tick_count_among_the_thirty() -> None:
    lines = opened(2).write(shelf_event("b", 1.5, "putback", "A1", 18, lots=[lot("B2", 18)])).ticks(2, 5)
    for day in (29, 30, 31):
        lines.tick(MIDNIGHT + day * DAY)
    found = rows(lines, execution="Reported")
    assert [(row.feature_date - FIRST).days for row in found] == [0, 30, 31]
    assert [row.alerts_last_30d_shelf for row in found] == [0, 1, 0]


def test_discounts_of_the_day_and_announced_ones() -> None:
    known = promotion(0.5, "A1", 20, FIRST + timedelta(days=3), FIRST + timedelta(days=7))
    lines = opened(20, known).ticks(2, 5)
    for day in range(5):
        lines.tick(MIDNIGHT + day * DAY).tick(MIDNIGHT + day * DAY + 1)
    found = rows(lines)
    # The lot expires on 5 January: marked down by 30 % on the 4th, compounded with the promotion, and by 50 % then.
    assert [row.discount_pct for row in found] == [0, 0, 0, 44, 60]
    assert [row.is_discounted for row in found] == [False, False, False, True, True]
    assert all(row.is_discounted_next_7d for row in found)


def test_what_is_ordered_on_the_day_is_not_among_what_was_on_order_before() -> None:
    """The plan is made on the first day and ordered on it; the second day begins with it on order."""
    lines = opened(20, count("A1", [lot("W1", 1)], location="warehouse")).ticks(2, 5)
    lines.tick(6 * 60).tick(MIDNIGHT).tick(MIDNIGHT + 1).tick(MIDNIGHT + DAY)
    first, second = rows(lines, delivery_weekdays=(5,), delivery_hour=8, order_lead_hours=44)
    assert first.batches_to_order > 0
    assert first.pending_supplier_qty == 0
    assert (second.pending_supplier_qty, second.batches_to_order) == (first.batches_to_order, 0)
    assert first.is_warehouse_alert
    assert first.wh_reorder_point_qty > 1


def test_a_shelf_without_dates_has_no_days_to_its_expiry() -> None:
    lines = Lines().write(profile("A1"), count("A1", [lot("B1", 9)])).ticks(1, 3)
    (row,) = rows(lines.tick(MIDNIGHT))
    assert (row.min_expiration_days, row.avg_expiration_days, row.qty_expiring_next_7d) == (None, None, 0)
    assert row.updated_at == at(MIDNIGHT)
