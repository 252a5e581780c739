"""What jobs must state, recomputed from a small ledger; what they did state, and how the world judged it."""

from typing import Any

import msgspec
import pytest

from smartstore.verify.differences import Check
from smartstore.verify.facts import ExpectedFact, FactCollection, check_facts, check_judgements

pytestmark = pytest.mark.unit


def back_room(small: Any, quantity: int, lots: dict[str, int]) -> None:
    """An opening count of the back room; lot O came first."""
    received = {"O": "2025-12-01", "N": "2025-12-20"}
    named = [
        {"batch_code": code, "quantity": units, "received_date": received[code], "expiry_date": "2026-01-20"}
        for code, units in lots.items()
    ]
    small.event(
        "stock_counts",
        0,
        count_type="opening",
        location="warehouse",
        shelf_id="f1",
        quantity=quantity,
        lots=named,
    )


@pytest.fixture
def low_shelf(small: Any) -> Any:
    """Eight units, seven of which are picked before 08:10; five in the back room, two of an older lot."""
    small.profile()
    small.count(0, {"A": 4, "B": 4})
    back_room(small, 5, {"N": 3, "O": 2})
    small.tick(5)
    small.move(6, "pickup", 7)
    small.ticks(10, 30)
    return small


def facts_of(truth: Any, kind: str) -> list[Any]:
    return [fact for fact in truth.facts.values() if getattr(fact.record, "event_type", "") == kind]


def test_a_low_shelf_gets_a_plan_and_the_oldest_lots_first(low_shelf: Any) -> None:
    truth = low_shelf.replay()
    taken = facts_of(truth, "wh_out")
    assert [(fact.record.batch_code, fact.record.quantity) for fact in taken] == [("O", 2), ("N", 3)]
    assert [fact.record.quantity for fact in facts_of(truth, "shortage")] == [2]


def test_what_was_taken_arrives_and_the_plan_waits_for_the_rest(low_shelf: Any) -> None:
    truth = low_shelf.replay()
    (refill,) = facts_of(truth, "putback")
    assert refill.record.quantity == 5
    ((_, plan),) = list(truth.plans.all())
    assert [record.status for record in plan.records] == ["pending", "partial", "partial"]
    assert (plan.records[-1].suggested_qty, plan.records[-1].issued_qty, plan.records[-1].delivered_qty) == (
        7,
        5,
        5,
    )
    ((_, shelf),) = list(truth.shelves.all())
    assert shelf.record(len(shelf.versions) - 1).current_stock == 6
    ((_, room),) = list(truth.back_rooms.all())
    assert [room.record(i).in_transit for i in range(len(room.versions))] == [0, 5, 0]


def test_reported_execution_states_nothing(low_shelf: Any) -> None:
    planning = msgspec.structs.replace(low_shelf.settings.planning, execution="Reported")
    settings = msgspec.structs.replace(low_shelf.settings, planning=planning)
    low_shelf.lines[0]["settings"] = msgspec.to_builtins(settings)
    assert low_shelf.replay().facts == {}


def found(truth: Any, leave_out: int = 0) -> FactCollection:
    collection = FactCollection()
    for number, fact in enumerate(truth.facts.values(), 1):
        if number != leave_out:
            collection.add(Check("x"), fact.line, number, msgspec.json.encode(fact.record))
    return collection


def test_all_facts_there_is_clean(low_shelf: Any) -> None:
    truth = low_shelf.replay()
    check = check_facts(found(truth), truth.facts, low_shelf.last_tick, complete=True)
    assert (check.total, check.compared) == (0, 5)


def test_a_fact_that_is_missing(low_shelf: Any) -> None:
    truth = low_shelf.replay()
    check = check_facts(found(truth, leave_out=2), truth.facts, low_shelf.last_tick, complete=True)
    assert check.kinds() == {"is missing": 1, "numbers have gaps or repeats": 1}


def test_a_fact_that_nobody_had_to_state_and_one_with_other_content(low_shelf: Any) -> None:
    truth = low_shelf.replay()
    collection = found(truth)
    first = facts_of(truth, "wh_out")[0]
    other = msgspec.structs.replace(first.record, event_id="x")
    collection.add(Check("x"), first.line, 6, msgspec.json.encode(other))
    changed = {**truth.facts}
    changed[first.record.event_id] = ExpectedFact(
        first.line, msgspec.structs.replace(first.record, quantity=1), first.decided
    )
    check = check_facts(collection, changed, low_shelf.last_tick, complete=True)
    assert check.kinds() == {"should not exist": 1, "content differs": 1}


def judged(small: Any, fact: ExpectedFact, *kinds: str) -> None:
    """The world takes a fact in and judges it."""
    small.put("fact", line=fact.line, data=msgspec.to_builtins(fact.record))
    for number, kind in enumerate(kinds):
        small.put(
            "note",
            data={
                "note_id": f"n{number}",
                "store_id": "s1",
                "kind": kind,
                "shelf_id": "f1",
                "quantity": 1,
                "event_id": fact.record.event_id,
                "timestamp": small.iso(31),
            },
        )


@pytest.mark.parametrize(
    ("kinds", "differences"),
    [
        (("applied",), {}),
        (("impossible",), {"is impossible": 1}),
        (("applied", "applied"), {"judged otherwise than once": 1}),
        ((), {"judged otherwise than once": 1}),
    ],
)
def test_the_world_must_find_every_fact_possible_once(
    low_shelf: Any, kinds: tuple[str, ...], differences: dict[str, int]
) -> None:
    truth = low_shelf.replay()
    judged(low_shelf, facts_of(truth, "wh_out")[0], *kinds)
    low_shelf.tick(35)
    ledger = low_shelf.write()
    assert check_judgements(ledger, truth.facts, len(low_shelf.lines)).kinds() == differences


def test_expired_goods_must_be_removed_from_shelf_and_back_room(small: Any) -> None:
    small.profile()
    small.count(0, {"A": 4, "B": 4})
    small.tick(5)
    next_morning = 20 * 60
    small.ticks(next_morning + 24 * 60, next_morning + 24 * 60 + 5)
    truth = small.replay()
    (removal,) = facts_of(truth, "removal")
    assert [(lot.batch_code, lot.quantity) for lot in removal.record.lots] == [("A", 4)]
