"""Supplier plans, orders, deliveries: docs/stock-rules.md, Supplier plans, Supplier orders.

The run begins on a Thursday at 7:00; the cut-off of Friday's delivery (8:00, minute 1500) is at noon, minute 300.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartstore.contracts import topics
from smartstore.contracts.events import LotQuantity, WarehouseEvent
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.wire import from_epoch_ms
from smartstore.domain.jobs.wh_alert_engine import level
from smartstore.domain.supplier_calendar import due_delivery, next_cutoff, next_delivery, protection_ms
from tests.unit.domain.lines_of_a_store import (
    START_MS,
    STORE,
    Lines,
    at,
    back_room_event,
    count,
    facts_of,
    lot,
    minutes_of,
    of,
    order_id,
    plan_command,
    profile,
    receipt,
    run,
    run_batches,
    shelf_event,
    supplier_plan_id,
    tick_by_tick,
    wh_policy,
)

FIRST = supplier_plan_id("A1")
FIRST_ORDER = order_id(FIRST)
LEVEL = 22
"""Of a shelf of 20: 4 a day for 92 hours are 15.3, and 1.65 √15.3 for safety."""
CUT_OFF, DELIVERY = 300, 1500
HOUR_MS = 3_600_000


def opened(back_room: Sequence[LotQuantity] = (), **described: Any) -> Lines:
    """A full shelf of 20, and what lies behind it."""
    lines = Lines().write(profile("A1", **described), count("A1", [lot("B1", 20)]))
    return lines.write(count("A1", back_room, location="warehouse")).tick(1)


def arrival(name: str, minutes: float, quantity: int, **fields: Any) -> WarehouseEvent:
    """People report goods of the first order."""
    described = {"plan_id": FIRST_ORDER} | fields
    return back_room_event(name, minutes, "wh_in", "A1", name, quantity, **described)


def plans(lines: Lines, **planning: object) -> list[tuple[float, str, int, int]]:
    """When, status, quantity, delivered."""
    return [
        (minutes_of(one.updated_at), one.status, one.suggested_qty, one.delivered_qty)
        for one in of(run(lines, **planning)[1], topics.WH_SUPPLIER_PLAN)
    ]


def orders(lines: Lines, **planning: object) -> list[tuple[float, str, int, int]]:
    """When, status, ordered, delivered."""
    return [
        (minutes_of(one.updated_at), one.status, one.ordered_qty, one.delivered_qty)
        for one in of(run(lines, **planning)[1], topics.SUPPLIER_ORDERS)
    ]


def deliveries(lines: Lines, **planning: object) -> list[WarehouseEvent]:
    return [one for one in facts_of(run(lines, **planning)[1]) if one.event_type == "wh_in"]


def refused(lines: Lines, **planning: object) -> list[str]:
    return [letter.reason.split(":")[0] for letter in of(run(lines, **planning)[1], topics.DEAD_LETTERS)]


# Plans


def test_a_plan_asks_for_what_the_position_lacks() -> None:
    (plan,) = of(run(opened([lot("B2", 5)]))[1], topics.WH_SUPPLIER_PLAN)
    assert (plan.supplier_plan_id, plan.status, plan.suggested_qty) == (FIRST, "pending", LEVEL - 5)
    assert (plan.current_stock, plan.on_order, plan.reorder_point) == (5, 0, LEVEL)
    assert (plan.created_at, plan.approved_at, plan.issued_at, plan.closed_at) == (at(1), None, None, None)


@pytest.mark.parametrize(("size", "quantity"), [(6, 18), (17, 17), (20, 20)])
def test_it_asks_for_whole_batches(size: int, quantity: int) -> None:
    assert plans(opened([lot("B2", 5)], standard_batch_size=size))[0][2] == quantity


@pytest.mark.parametrize(("room", "quantity"), [(5, []), (10, []), (11, [6]), (22, [12]), (0, [18])])
def test_it_asks_for_no_more_than_fits_into_the_back_room(room: int, quantity: list[int]) -> None:
    """5 units lie there; 0 says that nobody knows how much fits."""
    lines = opened([lot("B2", 5)], standard_batch_size=6, warehouse_capacity=room)
    assert [plan[2] for plan in plans(lines)] == quantity


@pytest.mark.parametrize(("size", "quantity"), [(1, 1_000_000), (300_000, 900_000)])
def test_it_asks_for_no_more_than_one_record_can_name(size: int, quantity: int) -> None:
    """A shelf of a million sells 200,000 a day, by the first guess."""
    room = {"standard_batch_size": size, "warehouse_capacity": 0}
    lines = opened([lot("B2", 5)], capacity=1_000_000, **room).tick(CUT_OFF).ticks(DELIVERY, DELIVERY + 1)
    assert next((status, wanted) for _, status, wanted, _ in plans(lines)) == ("pending", quantity)
    assert [one.quantity for one in deliveries(lines)] == [quantity]


def test_enough_behind_the_shelf_needs_no_plan() -> None:
    assert plans(opened([lot("B2", LEVEL)])) == []


def test_a_back_room_that_was_never_counted_has_no_plan() -> None:
    assert plans(Lines().write(profile("A1"), count("A1", [lot("B1", 20)])).tick(1)) == []


def test_what_the_shelf_was_promised_counts_as_gone() -> None:
    """12 units go to the shelf; the position is 30 − 12."""
    lines = opened([lot("B2", 30)]).write(shelf_event("out", 1.5, "pickup", "A1", 18)).tick(2)
    assert [plan[2] for plan in plans(lines)] == [LEVEL - (30 - 14)]


def test_a_pending_plan_grows_with_the_need() -> None:
    lines = opened([lot("B2", 5)]).write(back_room_event("gone", 9, "removal", "A1", "B2", 3)).tick(10)
    lines.write(back_room_event("more", 10, "wh_in", "A1", "B3", 9)).tick(11)
    assert plans(lines) == [(1, "pending", 17, 0), (10, "pending", 20, 0)]


def test_an_approved_plan_stays_as_it_is() -> None:
    lines = opened([lot("B2", 5)]).write(plan_command(1, "approve", FIRST)).tick(2)
    lines.write(back_room_event("gone", 2, "removal", "A1", "B2", 3)).tick(3)
    assert [plan for plan in plans(lines) if plan[1] != "pending"] == [(3, "issued", 17, 0)]


# Policies of the back room


@pytest.mark.parametrize(
    ("units", "point", "quantity"),
    [(5, 40, [35]), (40, 40, []), (39, 40, [1]), (5, 4, []), (4, 4, []), (3, 4, [LEVEL - 3]), (0, 0, [])],
)
def test_a_policy_says_when_to_order_and_the_level_at_least_how_much(
    units: int, point: int, quantity: list[int]
) -> None:
    lines = Lines().write(profile("A1"), count("A1", [lot("B1", 20)]), wh_policy(0, reorder_point_qty=point))
    behind = [lot("B2", units)] if units else []
    made = of(run(lines.write(count("A1", behind, location="warehouse")).tick(1))[1], topics.WH_SUPPLIER_PLAN)
    assert [plan.suggested_qty for plan in made] == quantity
    assert {plan.reorder_point for plan in made} <= {point}


def test_a_policy_holds_from_its_tick_on_and_until_it_is_deleted() -> None:
    lines = opened([lot("B2", LEVEL)]).write(wh_policy(1, reorder_point_qty=LEVEL + 3)).tick(2)
    lines.write(wh_policy(2, reorder_point_qty=LEVEL + 8)).tick(3)
    lines.write(wh_policy(3, op="delete")).ticks(4, 5)
    assert plans(lines) == [(2, "pending", 3, 0), (3, "pending", 8, 0)]
    assert alerts(lines, "supplier_request") == [(2, "open", 3), (4, "resolved", 0)]
    (alert, _) = (one for one in of(run(lines)[1], topics.ALERTS) if one.alert_type == "supplier_request")
    assert alert.min_qty == LEVEL + 3


def test_a_lower_reorder_point_ends_the_need() -> None:
    """What is pending stays as it is; it may be cancelled."""
    lines = opened([lot("B2", 5)]).write(wh_policy(1, reorder_point_qty=5)).tick(2)
    lines.write(back_room_event("more", 2, "wh_in", "A1", "B3", 1)).tick(3)
    assert plans(lines) == [(1, "pending", LEVEL - 5, 0)]
    assert alerts(lines, "supplier_request") == [(1, "open", LEVEL - 5), (2, "resolved", 0)]


def test_another_profile_may_mean_another_policy() -> None:
    lines = opened([lot("B2", LEVEL)], category="BEERS")
    lines.write(wh_policy(1, reorder_point_qty=30, item_category="WINES")).tick(2)
    lines.write(profile("A1", category="WINES", minutes=2)).tick(3)
    assert plans(lines) == [(3, "pending", 30 - LEVEL, 0)]


# Commands


def test_a_cancelled_plan_is_not_ordered_and_none_follows_before_the_cooldown_is_over() -> None:
    lines = opened().write(plan_command(1, "cancel", FIRST)).tick(2).ticks(3, 70)
    assert plans(lines) == [(1, "pending", LEVEL, 0), (2, "cancelled", LEVEL, 0), (62, "pending", LEVEL, 0)]
    assert orders(lines) == []


def test_without_a_cooldown_the_cancelled_plan_and_the_next_are_both_told() -> None:
    lines = opened().write(plan_command(1, "cancel", FIRST)).tick(2)
    assert plans(lines, cooldown_minutes=0) == [
        (1, "pending", LEVEL, 0),
        (2, "cancelled", LEVEL, 0),
        (2, "pending", LEVEL, 0),
    ]


def test_an_approved_plan_is_ordered_at_once_for_the_next_delivery() -> None:
    lines = opened().write(plan_command(1, "approve", FIRST)).ticks(2, 4)
    (order,) = of(run(lines)[1], topics.SUPPLIER_ORDERS)
    assert (order.ordered_at, order.due_at, order.cutoff_at) == (at(3), at(DELIVERY), at(CUT_OFF))


def test_an_order_can_be_called_off_until_its_goods_are_there() -> None:
    lines = opened().tick(CUT_OFF).write(plan_command(CUT_OFF + 1, "cancel", FIRST)).ticks(303, 305)
    lines.tick(DELIVERY).tick(DELIVERY + 1)
    assert plans(lines)[:3] == [
        (1, "pending", LEVEL, 0),
        (300, "issued", LEVEL, 0),
        (303, "cancelled", LEVEL, 0),
    ]
    assert orders(lines)[:2] == [(300, "ordered", LEVEL, 0), (304, "cancelled", LEVEL, 0)]
    assert FIRST_ORDER not in {one.plan_id for one in deliveries(lines)}


@pytest.mark.parametrize("minutes", [DELIVERY + 0.5, DELIVERY + 1.5])
def test_goods_that_are_there_cannot_be_called_off(minutes: float) -> None:
    lines = opened().tick(CUT_OFF).tick(DELIVERY)
    lines.write(plan_command(minutes, "cancel", FIRST)).ticks(DELIVERY + 1, DELIVERY + 3)
    assert refused(lines) == ["plan_not_open"]
    assert plans(lines)[-1] == (DELIVERY + 1, "completed", LEVEL, LEVEL)


def test_a_command_for_a_plan_that_nobody_has_is_refused() -> None:
    lines = opened().write(plan_command(1, "approve", "nonsense")).tick(2)
    assert refused(lines) == ["plan_not_open"]


def test_an_order_cannot_be_approved() -> None:
    lines = opened().tick(CUT_OFF).write(plan_command(CUT_OFF, "approve", FIRST)).tick(CUT_OFF + 1)
    assert refused(lines) == ["plan_not_open"]


# Orders and deliveries


def test_the_whole_way_from_plan_to_receipt() -> None:
    lines = opened(shelf_life_days=30).ticks(CUT_OFF - 1, CUT_OFF + 1).ticks(DELIVERY - 1, DELIVERY + 2)
    assert plans(lines) == [
        (1, "pending", LEVEL, 0),
        (CUT_OFF, "issued", LEVEL, 0),
        (DELIVERY + 1, "completed", LEVEL, LEVEL),
    ]
    assert orders(lines) == [
        (CUT_OFF, "ordered", LEVEL, 0),
        (DELIVERY + 1, "delivered", LEVEL, LEVEL),
    ]
    (came,) = deliveries(lines)
    assert (came.plan_id, came.batch_code, came.quantity) == (FIRST_ORDER, "S0000000", LEVEL)
    assert (came.timestamp, came.reason) == (at(DELIVERY), "supplier_delivery")
    today = date(2026, 1, 2)
    assert (came.received_date, came.expiry_date) == (today, today + timedelta(days=30))
    (got,) = of(run(lines)[1], topics.SUPPLIER_RECEIPTS)
    assert (got.order_id, got.quantity, got.batch_code) == (FIRST_ORDER, LEVEL, "S0000000")
    (*_, state) = of(run(lines)[1], topics.WH_STATE)
    assert (state.wh_current_stock, minutes_of(state.updated_at)) == (LEVEL, DELIVERY + 1)


@pytest.mark.parametrize(("life", "expiry"), [(None, None), (10**9, date.max)])
def test_goods_that_do_not_expire_have_no_date(life: int | None, expiry: date | None) -> None:
    (came,) = deliveries(opened(shelf_life_days=life).tick(CUT_OFF).tick(DELIVERY))
    assert came.expiry_date == expiry


@pytest.mark.parametrize(("brought", "stated"), [(LEVEL + 3, []), (LEVEL, []), (LEVEL - 2, [2])])
def test_what_people_brought_is_not_delivered_again(brought: int, stated: list[int]) -> None:
    """They report it in the very tick in which the delivery is due."""
    lines = opened().tick(CUT_OFF).write(arrival("L1", DELIVERY - 0.5, brought)).tick(DELIVERY)
    assert [one.quantity for one in deliveries(lines)] == stated


def test_nothing_is_delivered_twice() -> None:
    lines = opened().tick(CUT_OFF).ticks(DELIVERY, DELIVERY + 30)
    assert len(deliveries(lines)) == 1


def test_a_late_tick_catches_up_with_cut_off_and_delivery() -> None:
    """Nothing is heard from Thursday 7:01 until Sunday evening, when the next delivery is Monday's."""
    sunday = 3 * 1440 + 12 * 60
    lines = opened().tick(sunday).tick(sunday + 1)
    (order,) = of(run(lines)[1], topics.SUPPLIER_ORDERS)
    assert (order.ordered_at, order.due_at) == (at(sunday), at(4 * 1440 + 60))
    assert [one.timestamp for one in deliveries(lines.tick(5 * 1440))] == [at(5 * 1440)]


def test_goods_on_order_are_not_ordered_again() -> None:
    lines = opened().tick(CUT_OFF).ticks(301, 320)
    assert [plan[1] for plan in plans(lines)] == ["pending", "issued"]


def test_a_cut_off_is_used_once_however_often_the_store_is_read_back() -> None:
    """What is needed after the cut-off waits for the next one, three days later, and changes no order."""
    lines = opened([lot("B2", 10)]).ticks(CUT_OFF, CUT_OFF + 5)
    lines.write(back_room_event("gone", CUT_OFF + 5, "removal", "A1", "B2", 10)).ticks(306, 320)
    next_cut_off = CUT_OFF + 3 * 1440
    _, outputs = run_batches(tick_by_tick(lines.tick(next_cut_off - 1).tick(next_cut_off)))
    placed = [one for one in of(outputs, topics.SUPPLIER_ORDERS) if one.status == "ordered"]
    assert [minutes_of(one.ordered_at) for one in placed] == [CUT_OFF, next_cut_off]
    assert [one.ordered_qty for one in placed] == [12, 10]


STATUSES = ("pending", "issued", "completed", "cancelled")
"""In the order in which a plan goes through them."""
happenings = st.lists(
    st.tuples(st.integers(1, 7 * 24), st.sampled_from(("loss", "approve", "cancel")), st.integers(0, 3)),
    max_size=30,
)


@settings(max_examples=30, deadline=None)
@given(happenings)
def test_a_plan_never_goes_back_whatever_happens(happening: list[tuple[int, str, int]]) -> None:
    """A week by the hour: goods vanish, people approve and cancel. What is ordered never becomes pending again."""
    lines = opened([lot("B2", 40)])
    for hour in range(1, 7 * 24):
        for n, (_, kind, which) in enumerate(one for one in happening if one[0] == hour):
            minutes = hour * 60 - 1 + n / 100
            lines.write(
                back_room_event(f"e{hour}-{n}", minutes, "removal", "A1", "B2", 5 + which)
                if kind == "loss"
                else plan_command(minutes, kind, supplier_plan_id("A1", which))
            )
        lines.tick(hour * 60)
    _, outputs = run(lines)
    current: dict[str, int] = {}
    for plan in of(outputs, topics.WH_SUPPLIER_PLAN):
        rank = STATUSES.index(plan.status)
        assert rank >= current.get(plan.supplier_plan_id, 0)
        current[plan.supplier_plan_id] = rank
    ordered = [one for one in of(outputs, topics.SUPPLIER_ORDERS) if one.status == "ordered"]
    assert len({one.supplier_plan_id for one in ordered}) == len(ordered)
    came = [one.plan_id for one in facts_of(outputs) if one.event_type == "wh_in"]
    assert len(set(came)) == len(came)


def test_steady_sales_neither_drain_the_back_room_nor_flood_it() -> None:
    """12 units a day for five weeks, by the hour; nobody knew of them in the first. The level is 58."""
    lines = opened([lot("B2", 20)])
    for hour in range(1, 35 * 24):
        if hour % 24 in (3, 6, 9):
            minutes = hour * 60 - 1
            lines.write(shelf_event(f"e{hour}", minutes, "pickup", "A1", 4))
            lines.write(receipt(f"r{hour}", minutes, ("A1", None, 4)))
        lines.tick(hour * 60)
    _, outputs = run(lines)
    week = at(7 * 1440)
    assert not [one for one in facts_of(outputs) if one.event_type == "shortage" and one.timestamp > week]
    assert {one.deficit for one in of(outputs, topics.SHELF_STATE) if one.updated_at > week} == {0}
    behind = [one.wh_current_stock for one in of(outputs, topics.WH_STATE) if one.updated_at > week]
    assert 0 < min(behind) < max(behind) <= 58
    ordered = [one for one in of(outputs, topics.SUPPLIER_ORDERS) if one.status == "ordered"]
    late = [one.ordered_qty for one in ordered if one.ordered_at > at(21 * 1440)]
    assert sum(late) == pytest.approx(12 * 14, rel=0.2)


def test_a_shelf_can_have_several_orders_and_one_pending_plan() -> None:
    lines = opened([lot("B2", 10)]).tick(CUT_OFF)
    lines.write(back_room_event("gone", CUT_OFF, "removal", "A1", "B2", 10)).tick(CUT_OFF + 1)
    second = supplier_plan_id("A1", 1)
    lines.write(plan_command(CUT_OFF + 1, "approve", second)).ticks(302, 304)
    lines.write(shelf_event("out", 304, "pickup", "A1", 18)).tick(305)
    assert plans(lines) == [
        (1, "pending", 12, 0),
        (300, "issued", 12, 0),
        (301, "pending", 10, 0),
        (302, "pending", 10, 0),
        (303, "issued", 10, 0),
        (305, "pending", 14, 0),
    ]
    came = deliveries(lines.tick(DELIVERY).tick(3 * 1440 + 300).tick(4 * 1440 + 60))
    assert [(one.batch_code, one.quantity) for one in came][:2] == [("S0000000", 12), ("S0000001", 10)]


def test_where_people_report_nothing_is_stated_and_parts_add_up() -> None:
    lines = opened().tick(CUT_OFF).tick(DELIVERY)
    lines.write(arrival("L1", DELIVERY, 10)).tick(DELIVERY + 1)
    lines.write(arrival("L2", DELIVERY + 1, 12, expiry_date=date(2026, 2, 1))).tick(DELIVERY + 2)
    reported = {"execution": "Reported"}
    assert facts_of(run(lines, **reported)[1]) == []
    assert orders(lines, **reported)[1:] == [
        (DELIVERY + 1, "partial", LEVEL, 10),
        (DELIVERY + 2, "delivered", LEVEL, 22),
    ]
    assert plans(lines, **reported)[2:] == [
        (DELIVERY + 1, "issued", LEVEL, 10),
        (DELIVERY + 2, "completed", LEVEL, 22),
    ]
    got = of(run(lines, **reported)[1], topics.SUPPLIER_RECEIPTS)
    assert [(one.batch_code, one.expiry_date) for one in got] == [("L1", None), ("L2", date(2026, 2, 1))]


def test_goods_for_an_unknown_order_are_received_all_the_same() -> None:
    lines = opened([lot("B2", LEVEL)]).write(arrival("L1", 1, 3, plan_id="elsewhere")).tick(2)
    (got,) = of(run(lines)[1], topics.SUPPLIER_RECEIPTS)
    assert (got.order_id, got.store_id) == ("elsewhere", STORE)
    assert orders(lines) == []


# Alerts of the back room


def alerts(lines: Lines, kind: str) -> list[tuple[float, str, int]]:
    """When, status, suggested quantity."""
    return [
        (minutes_of(one.updated_at), one.status, one.suggested_qty)
        for one in of(run(lines)[1], topics.ALERTS)
        if (one.alert_type, one.location) == (kind, "warehouse")
    ]


def test_a_supplier_request_is_open_until_its_goods_are_ordered() -> None:
    lines = opened([lot("B2", 5)]).tick(CUT_OFF)
    assert alerts(lines, "supplier_request") == [(1, "open", 17), (CUT_OFF, "resolved", 0)]


@pytest.mark.parametrize(("days", "is_near"), [(10, True), (11, False), (-1, False)])
def test_lots_of_the_back_room_that_expire_soon_raise_an_alert(days: int, is_near: bool) -> None:
    lines = opened([lot("B2", 50, date(2026, 1, 1) + timedelta(days=days))])
    assert bool(alerts(lines, "near_expiry")) == is_near


def test_empty_and_expired_lots_of_the_back_room_neither_raise_nor_hide_near_expiry() -> None:
    gone, soon = date(2025, 12, 20), date(2026, 1, 6)
    lines = opened([lot("OLD", 2, gone), lot("SOON", 3, soon), lot("FAR", 50, date(2026, 3, 1))])
    lines.write(back_room_event("out", 1, "removal", "A1", "SOON", 3)).tick(2)
    found = [one for one in of(run(lines)[1], topics.ALERTS) if one.alert_type == "near_expiry"]
    assert [(one.location, one.status) for one in found] == [("warehouse", "open"), ("warehouse", "resolved")]
    assert found[0].expiry_date == soon


# Demand, levels, calendar


def test_demand_follows_the_days_that_were_seen_whole() -> None:
    """Sales of the opening day do not count; then 30 a day: 4 + 20 % of 26."""
    lines = opened([lot("B2", 500)]).write(receipt("s0", 1, ("A1", "B1", 19))).tick(2)
    lines.tick(1020).write(receipt("s1", 1030, ("A1", "B1", 30))).tick(1031).tick(1020 + 1440)
    state, _ = run(lines)
    assert state.wh_alerts.demand.milli.tolist() == [9200]
    lines.tick(1020 + 4 * 1440)
    assert run(lines)[0].wh_alerts.demand.milli.tolist() == [int(9200 * 0.8**3)]


@given(st.integers(0, 10**9))
def test_the_level_covers_the_expected_demand_and_rises_with_it(milli: int) -> None:
    planning = PlanningSettings()
    low, high = level(np.array([milli, milli + 1000]), planning).tolist()
    expected = milli * protection_ms(planning) / 86_400_000 / 1000
    assert expected <= low <= high
    assert low - expected <= 1.65 * expected**0.5 + 1


def test_protection_lasts_from_a_cut_off_to_the_delivery_after_its_own() -> None:
    assert protection_ms(PlanningSettings()) == (72 + 20) * HOUR_MS
    assert (
        protection_ms(PlanningSettings(delivery_weekdays=(2,), order_lead_hours=48)) == (168 + 48) * HOUR_MS
    )
    assert protection_ms(PlanningSettings(delivery_weekdays=tuple(range(7)))) == (24 + 20) * HOUR_MS


@given(
    st.integers(0, 10**13), st.sets(st.integers(0, 6), min_size=1), st.integers(0, 23), st.integers(0, 168)
)
def test_cut_offs_and_deliveries_belong_together(now: int, days: set[int], hour: int, lead: int) -> None:
    planning = PlanningSettings(
        delivery_weekdays=tuple(sorted(days)), delivery_hour=hour, order_lead_hours=lead
    )
    cutoff = next_cutoff(now, planning)
    delivery = cutoff + lead * HOUR_MS
    moment = from_epoch_ms(delivery)
    assert cutoff > now
    assert (moment.weekday() in days, moment.hour, moment.minute) == (True, hour, 0)
    assert next_delivery(delivery - 1, planning) == delivery
    assert due_delivery(cutoff, cutoff, planning) == (delivery if lead else next_delivery(cutoff, planning))
    assert due_delivery(cutoff, delivery, planning) == next_delivery(delivery, planning)


def test_the_usual_week() -> None:
    planning = PlanningSettings()
    cutoffs, now = [], START_MS
    for _ in range(3):
        now = next_cutoff(now, planning)
        cutoffs.append(from_epoch_ms(now).strftime("%a %H"))
    assert cutoffs == ["Thu 12", "Sun 12", "Tue 12"]
