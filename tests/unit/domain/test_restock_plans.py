"""Restock plans and what is done for them: docs/stock-rules.md, Facts of jobs, Restock plans, Restocking."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from smartstore.contracts import topics
from smartstore.contracts.events import LotQuantity, ShelfEvent, WarehouseEvent
from smartstore.contracts.outputs import ShelfRestockPlan
from smartstore.contracts.wire import derived_id
from smartstore.domain.engine import StoreState
from smartstore.domain.tick import Output
from tests.unit.domain.lines_of_a_store import (
    STORE,
    Lines,
    at,
    back_room_event,
    count,
    each_batch,
    facts_of,
    lot,
    minutes_of,
    of,
    plan_command,
    plan_id,
    profile,
    run,
    run_batches,
    shelf_event,
    stored,
    tick_by_tick,
)

FIRST = plan_id("A1")
OPEN = ("pending", "issued", "partial", "backordered")


def opened(*back_room: LotQuantity, stock: int = 4, capacity: int = 20) -> Lines:
    """4 of 20 units on the shelf: a plan for 12 at minute 1."""
    shelf = [lot("B1", stock)] if stock else []
    lines = Lines().write(profile("A1", capacity), count("A1", shelf))
    return lines.write(count("A1", back_room, location="warehouse")).tick(1)


def plans(lines: Lines, **planning: object) -> list[ShelfRestockPlan]:
    return of(run(lines, **planning)[1], topics.SHELF_RESTOCK_PLAN)


def life(lines: Lines, **planning: object) -> list[tuple[float, str, int, int]]:
    """When, status, issued, delivered."""
    return [
        (minutes_of(one.updated_at), one.status, one.issued_qty, one.delivered_qty)
        for one in plans(lines, **planning)
    ]


def facts(lines: Lines, **planning: object) -> list[WarehouseEvent | ShelfEvent]:
    return facts_of(run(lines, **planning)[1])


def taken(lines: Lines, **planning: object) -> list[tuple[float, str | None, int]]:
    """When, lot and quantity of each `wh_out`."""
    return [
        (minutes_of(one.timestamp), one.batch_code, one.quantity)
        for one in facts(lines, **planning)
        if isinstance(one, WarehouseEvent) and one.event_type == "wh_out"
    ]


def take(event_id: str, minutes: float, quantity: int) -> Struct:
    return shelf_event(event_id, minutes, "pickup", "A1", quantity)


def delivery(event_id: str, minutes: float, code: str, quantity: int, **fields: object) -> Struct:
    return back_room_event(event_id, minutes, "wh_in", "A1", code, quantity, **fields)


def reasons(lines: Lines, **planning: object) -> list[str]:
    return [one.reason.split(":")[0] for one in of(run(lines, **planning)[1], topics.DEAD_LETTERS)]


# Which shelves get a plan.


def test_a_low_shelf_gets_a_plan_up_to_the_target() -> None:
    (plan,) = plans(opened())
    assert (plan.plan_id, plan.status, plan.suggested_qty, plan.current_stock) == (FIRST, "pending", 12, 4)
    assert (plan.issued_qty, plan.delivered_qty, plan.approved_at, plan.closed_at) == (0, 0, None, None)
    assert plan.created_at == plan.updated_at == at(1)


def test_the_target_is_rounded_up() -> None:
    (plan,) = plans(opened(stock=0, capacity=7))
    assert plan.suggested_qty == 6


def test_a_shelf_that_is_not_low_or_was_never_counted_gets_no_plan() -> None:
    assert plans(opened(stock=6)) == []
    assert plans(Lines().write(profile("A1")).ticks(1, 3)) == []


def test_a_shelf_above_the_target_gets_no_plan_however_low_its_policy_calls_it() -> None:
    assert plans(opened(stock=17), threshold_pct=99.0) == []


def test_a_shelf_has_one_open_plan_however_far_its_stock_falls() -> None:
    lines = opened().write(take("e1", 1.1, 2)).tick(2).write(take("e2", 2.1, 2)).ticks(3, 10)
    assert {one.plan_id for one in plans(lines)} == {FIRST}
    assert {(one.suggested_qty, one.current_stock) for one in plans(lines)} == {(12, 4)}


def test_a_plan_is_made_while_the_alerts_cooldown_still_runs() -> None:
    lines = opened(lot("W1", 50)).ticks(2, 6).write(take("e1", 6.1, 12)).ticks(7, 9)
    _, outputs = run(lines)
    assert [one.updated_at for one in of(outputs, topics.ALERTS) if one.status == "open"] == [at(1)]
    made = [one for one in of(outputs, topics.SHELF_RESTOCK_PLAN) if one.status == "pending"]
    assert [one.created_at for one in made] == [at(1), at(7)]


# The life of a plan.


def test_life_of_a_plan_with_enough_goods() -> None:
    lines = opened(lot("W1", 50)).ticks(2, 8)
    assert life(lines) == [
        (1, "pending", 0, 0),
        (3, "issued", 12, 0),
        (6, "completed", 12, 12),
    ]
    assert [one.closed_at for one in plans(lines)] == [None, None, at(6)]


def test_goods_leave_after_the_picking_time_and_arrive_after_the_way() -> None:
    out, refill = facts(opened(lot("W1", 50)).ticks(2, 40), pick_minutes=7, travel_minutes=9)
    assert (out.event_type, out.timestamp, out.reason, out.plan_id) == ("wh_out", at(8), "refill", FIRST)
    assert (refill.event_type, refill.timestamp, refill.reason) == ("putback", at(17), "refill")
    assert (refill.plan_id, refill.quantity) == (FIRST, 12)


def test_a_young_plan_is_not_forgotten() -> None:
    """Its store is read back after every tick, and nothing else happens until it is due."""
    lines = opened(lot("W1", 50)).ticks(2, 40)
    _, outputs = run_batches(tick_by_tick(lines), pick_minutes=30)
    assert [minutes_of(one.timestamp) for one in back_room_facts(outputs, "wh_out")] == [31]


def test_without_picking_and_travelling_the_goods_are_there_two_ticks_later() -> None:
    lines = opened(lot("W1", 50)).ticks(2, 8)
    assert life(lines, pick_minutes=0, travel_minutes=0) == [
        (1, "pending", 0, 0),
        (2, "issued", 12, 0),
        (3, "completed", 12, 12),
    ]


def test_the_refill_arrives_on_time_though_nothing_else_happens() -> None:
    lines = opened(lot("W1", 50)).ticks(2, 400)
    _, outputs = run(lines, pick_minutes=60, travel_minutes=90)
    assert [(one.updated_at, one.current_stock) for one in of(outputs, topics.SHELF_STATE)] == [
        (at(1), 4),
        (at(152), 16),
    ]
    assert [(one.updated_at, one.in_transit) for one in of(outputs, topics.WH_STATE)] == [
        (at(1), 0),
        (at(62), 12),
        (at(152), 0),
    ]


def test_the_refill_comes_with_the_next_tick_when_ticks_were_left_out() -> None:
    lines = opened(lot("W1", 50)).tick(2).tick(30).tick(31).tick(32)
    assert life(lines) == [(1, "pending", 0, 0), (30, "issued", 12, 0), (31, "completed", 12, 12)]
    assert [one.timestamp for one in facts(lines)] == [at(2), at(30)]


def test_a_refill_keeps_its_lots_and_their_dates() -> None:
    expiring = lot("W1", 5, date(2026, 2, 1), date(2025, 12, 1))
    refill = facts(opened(expiring, lot("W2", 9)).ticks(2, 8))[-1]
    assert isinstance(refill, ShelfEvent)
    assert refill.lots == [expiring, lot("W2", 7)]


def test_partial_and_on_when_goods_arrive() -> None:
    lines = opened(lot("W1", 5)).ticks(2, 20).write(delivery("e1", 20.5, "W2", 30)).ticks(21, 30)
    assert life(lines) == [
        (1, "pending", 0, 0),
        (3, "partial", 5, 0),
        (6, "partial", 5, 5),
        (22, "issued", 12, 5),
        (25, "completed", 12, 12),
    ]
    assert taken(lines) == [(2, "W1", 5), (21, "W2", 7)]


def test_backordered_and_on_when_goods_arrive() -> None:
    lines = opened().ticks(2, 20).write(delivery("e1", 20.5, "W2", 30)).ticks(21, 30)
    assert life(lines) == [
        (1, "pending", 0, 0),
        (3, "backordered", 0, 0),
        (22, "issued", 12, 0),
        (25, "completed", 12, 12),
    ]


def test_a_recount_that_finds_goods_lets_the_plan_go_on() -> None:
    found = count("A1", [lot("W9", 12)], 20.5, "recount", "warehouse")
    assert taken(opened().ticks(2, 20).write(found).ticks(21, 30)) == [(21, "W9", 12)]


def test_what_is_missing_is_a_shortage_once_per_plan() -> None:
    lines = opened(lot("W1", 5)).ticks(2, 9).write(delivery("e1", 9.5, "W2", 3)).ticks(10, 30)
    short = [one for one in facts(lines) if one.event_type == "shortage"]
    assert [(one.timestamp, one.quantity, one.plan_id) for one in short] == [(at(2), 7, FIRST)]
    assert taken(lines) == [(2, "W1", 5), (10, "W2", 3)]


def test_a_shelf_that_is_low_again_gets_its_next_plan_when_the_first_is_completed() -> None:
    lines = opened(lot("W1", 50)).ticks(2, 5).write(take("e1", 5.1, 14)).ticks(6, 12)
    found = plans(lines)
    assert [(one.plan_id, one.status) for one in found if one.updated_at == at(6)] == [
        (FIRST, "completed"),
        (plan_id("A1", 1), "pending"),
    ]
    assert [one.status for one in found if one.plan_id == plan_id("A1", 1)] == [
        "pending",
        "issued",
        "completed",
    ]


# Which lots are taken.


def test_first_in_first_out_by_receipt_then_expiry_then_code_and_unknown_dates_last() -> None:
    early, late = date(2025, 12, 1), date(2025, 12, 20)
    back_room = [
        lot("G", 1, None, None),
        lot("F", 1, date(2026, 9, 1), None),
        lot("E", 1, date(2026, 2, 1), late),
        lot("D", 1, None, early),
        lot("C", 1, None, early),
        lot("B", 1, date(2026, 5, 1), early),
        lot("A", 1, date(2026, 4, 1), early),
    ]
    assert "".join(code or "" for _, code, _ in taken(opened(*back_room).ticks(2, 3))) == "ABCDEFG"


def test_expired_lots_are_left_alone_and_those_that_expire_today_are_not() -> None:
    back_room = [lot("OLD", 20, date(2025, 12, 31)), lot("TODAY", 5, date(2026, 1, 1)), lot("W", 20)]
    lines = opened(*back_room).ticks(2, 8)
    assert taken(lines, removal_hour=23) == [(2, "TODAY", 5), (2, "W", 7)]


def test_a_lot_that_expires_between_plan_and_picking_is_left_alone() -> None:
    lines = opened(lot("W1", 20, date(2026, 1, 1))).ticks(2, 17 * 60 + 10)
    assert taken(lines, pick_minutes=17 * 60 + 5, removal_hour=23) == []


def test_a_lot_gives_no_more_than_it_holds() -> None:
    lines = opened(lot("W1", 3), lot("W2", 4), lot("W3", 50)).ticks(2, 8)
    assert taken(lines) == [(2, "W1", 3), (2, "W2", 4), (2, "W3", 5)]


def test_two_plans_never_take_the_same_units() -> None:
    """Of 15 units the first plan took 12 when the shelf is low again; the second gets the rest and is short of 11."""
    lines = opened(lot("W1", 15)).ticks(2, 6).write(take("e1", 6.1, 14)).ticks(7, 12)
    assert taken(lines) == [(2, "W1", 12), (8, "W1", 3)]
    assert [one.quantity for one in back_room_facts(run(lines)[1], "shortage")] == [11]


def test_the_goods_of_a_neighbour_stay_where_they_are() -> None:
    lines = Lines().write(profile("A1"), profile("A2"), count("A1", [lot("B1", 4)]))
    lines.write(count("A2", [lot("W2", 50)], location="warehouse")).ticks(1, 8)
    assert taken(lines) == []


def test_what_others_take_meanwhile_is_not_there_for_the_plan() -> None:
    lines = opened(lot("W1", 20)).write(back_room_event("e1", 1.5, "wh_out", "A1", "W1", 13)).ticks(2, 9)
    assert taken(lines) == [(2, "W1", 7)]


# Commands.


def test_an_approved_plan_does_not_wait_for_the_picking_time() -> None:
    lines = opened(lot("W1", 50)).tick(2).write(plan_command(2.5, "approve", FIRST)).ticks(3, 9)
    assert taken(lines, pick_minutes=600) == [(3, "W1", 12)]
    assert [(one.updated_at, one.status, one.approved_at) for one in plans(lines, pick_minutes=600)] == [
        (at(1), "pending", None),
        (at(3), "pending", at(3)),
        (at(4), "issued", at(3)),
        (at(7), "completed", at(3)),
    ]


def test_a_plan_cancelled_before_anything_was_taken_is_over() -> None:
    lines = opened(lot("W1", 50)).write(plan_command(1.5, "cancel", FIRST)).ticks(2, 30)
    assert life(lines) == [(1, "pending", 0, 0), (2, "cancelled", 0, 0)]
    assert plans(lines)[-1].closed_at == at(2)
    assert facts(lines) == []


def test_a_plan_cancelled_on_the_way_takes_no_more_and_completes_with_what_arrives() -> None:
    lines = opened(lot("W1", 5)).ticks(2, 3).write(plan_command(3.5, "cancel", FIRST)).tick(4)
    lines.write(delivery("e1", 4.5, "W2", 1)).ticks(5, 6)
    assert life(lines) == [
        (1, "pending", 0, 0),
        (3, "partial", 5, 0),
        (4, "issued", 5, 0),
        (6, "completed", 5, 5),
    ]
    assert plans(lines)[-1].suggested_qty == 5
    assert taken(lines) == [(2, "W1", 5)]


def test_a_plan_cancelled_when_all_that_was_taken_has_arrived_is_completed_at_once() -> None:
    lines = opened(lot("W1", 5)).ticks(2, 10).write(plan_command(10.5, "cancel", FIRST)).tick(11)
    assert life(lines)[-1] == (11, "completed", 5, 5)


def test_goods_that_leave_in_the_tick_of_the_cancellation_still_arrive() -> None:
    """The fact of minute 2 and the command have the same tick; what happened comes first."""
    lines = opened(lot("W1", 50)).tick(2).write(plan_command(2.5, "cancel", FIRST)).ticks(3, 8)
    assert life(lines) == [(1, "pending", 0, 0), (3, "issued", 12, 0), (6, "completed", 12, 12)]


def test_after_a_cancellation_the_shelf_gets_no_plan_before_the_cooldown_is_over() -> None:
    lines = opened(lot("W1", 50)).write(plan_command(1.5, "cancel", FIRST)).ticks(2, 80)
    created = [minutes_of(one.created_at) for one in plans(lines) if one.status == "pending"]
    assert created == [1, 62]


def test_a_command_for_a_plan_that_is_not_open_is_refused() -> None:
    unknown = opened(stock=10).write(plan_command(1.5, "approve", FIRST)).tick(2)
    assert reasons(unknown) == ["plan_not_open"]
    completed = opened(lot("W1", 50)).ticks(2, 8).write(plan_command(8.5, "cancel", FIRST)).tick(9)
    assert reasons(completed) == ["plan_not_open"]
    assert plans(completed)[-1].updated_at == at(6)


def test_of_two_cancellations_the_second_is_refused() -> None:
    again = [plan_command(minutes, "cancel", FIRST) for minutes in (1.5, 2.5)]
    lines = opened().write(again[0]).tick(2).write(again[1]).tick(3)
    letters = of(run(lines)[1], topics.DEAD_LETTERS)
    assert [one.event_id for one in letters if one.reason.startswith("plan_not_open")] == [again[1].event_id]


# Facts and who states them.


def test_with_reported_execution_jobs_state_no_facts() -> None:
    lines = opened(lot("W1", 50), lot("OLD", 5, date(2025, 12, 1))).ticks(2, 3 * 1440)
    state, outputs = run(lines, execution="Reported")
    assert facts_of(outputs) == []
    assert state.inbox.count == 0
    assert [one.status for one in of(outputs, topics.SHELF_RESTOCK_PLAN)] == ["pending"]


def test_with_reported_execution_the_plan_follows_what_people_report() -> None:
    lines = opened(lot("W1", 50)).ticks(2, 9)
    lines.write(back_room_event("e1", 9.5, "shortage", "A1", None, 12, plan_id=FIRST)).tick(10)
    lines.write(back_room_event("e2", 10.5, "wh_out", "A1", "W1", 5, plan_id=FIRST)).tick(11)
    lines.write(back_room_event("e3", 11.5, "wh_out", "A1", "W1", 7, plan_id=FIRST)).tick(12)
    arrived = [
        shelf_event(f"e{n}", n, "putback", "A1", n, lots=[lot("W1", n)], plan_id=FIRST) for n in (5, 7)
    ]
    lines.write(arrived[0]).tick(13).write(arrived[1]).tick(14)
    assert life(lines, execution="Reported") == [
        (1, "pending", 0, 0),
        (10, "backordered", 0, 0),
        (11, "partial", 5, 0),
        (12, "issued", 12, 0),
        (13, "issued", 12, 5),
        (14, "completed", 12, 12),
    ]


def test_goods_reported_without_the_plan_do_not_count_for_it() -> None:
    lines = opened(lot("W1", 50)).write(back_room_event("e1", 1.5, "wh_out", "A1", "W1", 12))
    lines.write(shelf_event("e2", 1.6, "putback", "A1", 12, lots=[lot("W1", 12)])).ticks(2, 9)
    assert life(lines, execution="Reported") == [(1, "pending", 0, 0)]


def test_facts_are_numbered_from_one_without_gaps() -> None:
    lines = opened(lot("W1", 3), lot("W2", 4)).ticks(2, 9).write(delivery("e1", 9.5, "W3", 9)).ticks(10, 20)
    state, outputs = run(lines)
    numbers = [one.fact for one in outputs if one.fact]
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert state.inbox.count == 6
    assert all(one.fact == 0 for one in outputs if one.topic not in {"wh_events", "shelf_events"})


def test_ids_of_facts_follow_from_the_plan_and_the_units_before() -> None:
    first, second, short, refill = facts(opened(lot("W1", 3), lot("W2", 4)).ticks(2, 9))
    assert first.event_id == derived_id("shelf-restock-manager", FIRST, "wh_out", 0)
    assert second.event_id == derived_id("shelf-restock-manager", FIRST, "wh_out", 3)
    assert short.event_id == derived_id("shelf-restock-manager", FIRST, "shortage", 0)
    assert refill.event_id == derived_id("shelf-refill-bridge", first.event_id)
    assert {one.store_id for one in (first, second, short, refill)} == {STORE}


def test_a_fact_that_waits_survives_the_stored_state() -> None:
    state, outputs = run(opened(lot("W1", 50)).ticks(2, 4))
    waiting = [one.record for one in state.inbox.facts]
    assert waiting == facts_of(outputs)[1:]
    assert len(waiting) == 1
    assert stored(state).inbox == state.inbox


# What holds whatever happens.

SHELVES = ("A1", "A2")
KINDS = ("sale", "sale", "sale", "delivery", "shelf", "back room", "approve", "cancel")
Happening = tuple[int, str, str, int, int]
happenings = st.lists(
    st.tuples(
        st.integers(2, 40),
        st.sampled_from(KINDS),
        st.sampled_from(SHELVES),
        st.integers(1, 12),
        st.integers(0, 3),
    ),
    max_size=40,
)


def _record(name: int, happening: Happening) -> Struct:
    minute, kind, shelf, quantity, which = happening
    # Within the tick, in the order of the list: nothing is late.
    minutes = minute - 1 + (name + 1) / 100
    expiry = (None, date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 9))[which]
    code = f"{shelf}-{which}"
    if kind == "sale":
        return shelf_event(f"e{name}", minutes, "pickup", shelf, quantity)
    if kind == "delivery":
        return back_room_event(f"e{name}", minutes, "wh_in", shelf, code, quantity, expiry_date=expiry)
    if kind in ("shelf", "back room"):
        counted = [lot(code, quantity, expiry)]
        return count(shelf, counted, minutes, "recount", "store" if kind == "shelf" else "warehouse")
    return plan_command(minutes, kind, plan_id(shelf, which))


def day(happening: Sequence[Happening], back_room: int) -> Lines:
    """Two shelves and what happens in their first 40 minutes."""
    lines = Lines()
    for shelf in SHELVES:
        lines.write(profile(shelf), count(shelf, [lot("B", 8)]))
        lines.write(count(shelf, [lot(f"{shelf}-9", back_room)] if back_room else [], location="warehouse"))
    lines.tick(1)
    for minute in range(2, 41):
        for name, one in enumerate(happening):
            if one[0] == minute:
                lines.write(_record(name, one))
        lines.tick(minute)
    return lines


def settled(lines: Lines) -> Lines:
    """After that day, goods for everything, and time for everything to arrive."""
    for shelf in SHELVES:
        lines.write(back_room_event(f"plenty-{shelf}", 40.5, "wh_in", shelf, f"{shelf}-plenty", 10_000))
    return lines.ticks(41, 300)


def back_room_facts(outputs: Sequence[Output], *kinds: str) -> list[WarehouseEvent]:
    found = facts_of(outputs)
    return [one for one in found if isinstance(one, WarehouseEvent) and one.event_type in kinds]


@settings(max_examples=60, deadline=None)
@given(happenings, st.integers(0, 20))
def test_whatever_happens_jobs_take_only_what_is_there(happening: list[Happening], back_room: int) -> None:
    lines = day(happening, back_room).ticks(60, 63)
    for state, outputs in each_batch(tick_by_tick(lines), _same, removal_hour=8):
        wanted: Counter[tuple[str, str]] = Counter()
        for one in back_room_facts(outputs, "wh_out", "removal"):
            wanted[one.shelf_id, one.batch_code or ""] += one.quantity
            expired = one.expiry_date is not None and one.expiry_date < one.timestamp.date()
            assert expired == (one.event_type == "removal")
        lots = state.back_lots.lots
        for (shelf, code), quantity in wanted.items():
            row = lots.index[state.shelves.index[shelf], code]
            assert quantity <= lots.balance[row]
        assert (lots.balance >= 0).all()


@settings(max_examples=60, deadline=None)
@given(happenings, st.integers(0, 20))
def test_whatever_happens_plans_keep_their_promises(happening: list[Happening], back_room: int) -> None:
    _, outputs = run(settled(day(happening, back_room)), removal_hour=8)
    current: dict[str, ShelfRestockPlan] = {}
    latest: dict[str, ShelfRestockPlan] = {}
    for plan in of(outputs, topics.SHELF_RESTOCK_PLAN):
        before = current.get(plan.shelf_id)
        assert before is None or before.plan_id == plan.plan_id or before.status not in OPEN
        assert plan.delivered_qty <= plan.issued_qty <= plan.suggested_qty
        current[plan.shelf_id] = latest[plan.plan_id] = plan
    issued: Counter[str] = Counter()
    for one in back_room_facts(outputs, "wh_out"):
        issued[one.plan_id or ""] += one.quantity
    for plan in latest.values():
        assert issued[plan.plan_id] == plan.issued_qty == plan.delivered_qty
        assert plan.status == ("completed" if plan.issued_qty else "cancelled")
    numbers = [output.fact for output in outputs if output.fact]
    assert numbers == list(range(1, len(numbers) + 1))
    ids = [one.event_id for one in facts_of(outputs)]
    assert len(set(ids)) == len(ids)


def _same(state: StoreState) -> StoreState:
    return state


def test_goods_taken_for_another_shelf_do_not_count_for_the_plan() -> None:
    lines = Lines().write(
        profile("A1"), profile("A2"), count("A1", [lot("B1", 4)]), count("A2", [lot("B2", 20)])
    )
    lines.write(
        count("A1", [lot("W1", 50)], location="warehouse"), count("A2", [lot("W2", 50)], location="warehouse")
    )
    lines.tick(1).write(back_room_event("e1", 1.1, "wh_out", "A2", "W2", 12, plan_id=plan_id("A1"))).ticks(
        2, 3
    )
    _, outputs = run(lines, pick_minutes=600)
    assert [plan.status for plan in of(outputs, topics.SHELF_RESTOCK_PLAN)] == ["pending"]


def test_what_leaves_for_an_unknown_shelf_arrives_nowhere() -> None:
    lines = Lines().write(profile("A1"), count("A1", [lot("B1", 20)])).tick(1)
    lines.write(back_room_event("e1", 1.1, "wh_out", "X9", "W1", 12, plan_id="zzz")).ticks(2, 9)
    assert facts_of(run(lines)[1]) == []
