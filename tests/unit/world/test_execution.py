"""Facts of jobs, made true in a store or judged impossible."""

from typing import Any

import msgspec
import pytest

from smartstore.contracts.events import StoreConfig
from smartstore.contracts.settings import RunSettings
from smartstore.contracts.wire import epoch_ms
from smartstore.world.model import JobFact
from smartstore.world.physical.estate import Estate
from smartstore.world.physical.plan import DAY_MS, ENTER, PAY, PICK
from smartstore.world.physical.stock import SUPPLIED, StoreState
from smartstore.world.physical.store import StoreModel
from tests.unit.world.hand_planned import (
    MINUTE,
    MONDAY,
    START,
    HandPlanned,
    back_room_fact,
    label_fact,
    live,
    moves,
    shelf_fact,
)
from tests.unit.world.small_worlds import on_wire

Goods = tuple[dict[int, int], dict[int, int], dict[int, int]]


def goods(state: StoreState, shelf: int = 0) -> Goods:
    """Units by lot in the back room, on the trolley and on the shelf."""
    assert state.stock[shelf] == sum(lot.shelf for lot in state.shelves[shelf])
    places = state.back_room[shelf], state.transit[shelf], state.shelves[shelf]
    back, trolley, on_shelf = ({lot.number: lot.shelf for lot in lots} for lots in places)
    return back, trolley, on_shelf


def judgements(records: list[Any]) -> list[tuple[str, str, int]]:
    """What was judged: kind, event id, minute of the Monday."""
    return [
        (record.kind, record.event_id, (epoch_ms(record.timestamp) - MONDAY * DAY_MS) // MINUTE)
        for record in records
        if hasattr(record, "note_id")
    ]


def scales(records: list[Any]) -> list[tuple[str, int]]:
    """What the scales saw."""
    return [(r.shelf_id, r.delta_weight_g) for r in records if getattr(r, "delta_weight_g", None)]


def test_wh_out_brings_units_from_the_back_room_onto_the_trolley() -> None:
    model, records = live(HandPlanned(), back_room_fact("wh_out", "A", 3, 4))
    assert goods(model.state) == ({3: 11}, {3: 4}, {1: 10})
    assert judgements(records) == [("applied", "f", 420)]
    assert len(records) == 1


def test_a_delivery_comes_into_the_back_room_once() -> None:
    facts = [back_room_fact("wh_in", "A", SUPPLIED + 7, 6, event_id=name) for name in ("first", "again")]
    model, records = live(HandPlanned(), *facts)
    assert goods(model.state) == ({3: 15, SUPPLIED + 7: 6}, {}, {1: 10})
    assert judgements(records) == [("applied", "first", 420), ("impossible", "again", 420)]
    assert [(lot.code, lot.expiry) for lot in model.state.back_room[0]][-1] == ("S0000007", MONDAY + 3)


def test_the_same_lot_taken_twice_is_one_lot_on_the_trolley() -> None:
    facts = [back_room_fact("wh_out", "A", 3, units, event_id=f"f{units}") for units in (4, 11)]
    model, _ = live(HandPlanned(), *facts)
    assert goods(model.state) == ({}, {3: 15}, {1: 10})


def test_a_putback_brings_the_trolley_to_the_shelf_and_the_scale_sees_it() -> None:
    model, records = live(
        HandPlanned(stock=(2, 10)),
        back_room_fact("wh_out", "A", 3, 4, event_id="out"),
        shelf_fact("putback", "A", (3, 3), minute=425, event_id="in"),
    )
    assert goods(model.state) == ({3: 11}, {3: 1}, {1: 2, 3: 3})
    assert judgements(records) == [("applied", "out", 420), ("applied", "in", 425)]
    assert scales(records) == [("A", 150)]
    (scale,) = (record for record in records if hasattr(record, "delta_weight_g"))
    assert (scale.event_type, scale.customer_id) == ("weight_change", None)
    assert epoch_ms(scale.timestamp) == MONDAY * DAY_MS + 425 * MINUTE


def test_the_world_does_not_say_again_what_a_job_has_stated() -> None:
    _, records = live(
        HandPlanned(), back_room_fact("wh_out", "A", 3, 4), shelf_fact("putback", "A", (3, 4), minute=425)
    )
    assert moves(records) == []
    assert "wh_out" not in {getattr(record, "event_type", "") for record in records}


def test_a_removal_takes_lots_off_the_shelf_and_the_scale_sees_it() -> None:
    model, records = live(HandPlanned(), shelf_fact("removal", "A", (1, 10)))
    assert goods(model.state) == ({3: 15}, {}, {})
    assert judgements(records) == [("applied", "f", 420)]
    assert scales(records) == [("A", -500)]


def test_a_removal_from_the_back_room_moves_no_scale() -> None:
    model, records = live(HandPlanned(), back_room_fact("removal", "A", 3, 15))
    assert goods(model.state) == ({}, {}, {1: 10})
    assert judgements(records) == [("applied", "f", 420)]
    assert scales(records) == []


def test_a_shortage_is_noted_and_moves_nothing() -> None:
    model, records = live(HandPlanned(), back_room_fact("shortage", "A", None, 7))
    assert goods(model.state) == ({3: 15}, {}, {1: 10})
    (note,) = records
    assert (note.kind, note.event_id, note.shelf_id, note.quantity) == ("applied", "f", "A", 7)


@pytest.mark.parametrize(
    "fact",
    [
        back_room_fact("wh_out", "A", 3, 16),
        back_room_fact("wh_out", "A", 1, 1),
        back_room_fact("wh_out", "A", 4, 1),
        back_room_fact("wh_out", "A", 99, 1),
        back_room_fact("removal", "A", 3, 16),
        back_room_fact("removal", "A", 1, 1),
        back_room_fact("wh_in", "A", 1, 5),
        back_room_fact("wh_in", "A", 3, 5),
        back_room_fact("wh_in", "Z", SUPPLIED, 5),
        back_room_fact("wh_out", "Z", 3, 1),
        back_room_fact("shortage", "Z", None, 1),
        shelf_fact("putback", "A", (5, 1)),
        shelf_fact("putback", "A", (3, 3)),
        shelf_fact("putback", "B", (3, 2)),
        shelf_fact("putback", "A", (3, 2), (1, 1)),
        shelf_fact("putback", "A"),
        shelf_fact("putback", "Z", (3, 1)),
        shelf_fact("removal", "A", (1, 11)),
        shelf_fact("removal", "A", (2, 1)),
        shelf_fact("removal", "A", (1, 1), (3, 1)),
        shelf_fact("pickup", "A"),
    ],
)
def test_what_is_not_there_is_impossible_and_nothing_of_it_is_done(fact: JobFact) -> None:
    """10 units of lot 1 lie on shelf A, 13 of lot 3 behind it, 2 on its trolley."""
    before = back_room_fact("wh_out", "A", 3, 2, event_id="before")
    model, records = live(HandPlanned(), before, fact)
    assert judgements(records) == [("applied", "before", 420), ("impossible", "f", 420)]
    assert goods(model.state) == ({3: 13}, {3: 2}, {1: 10})
    assert goods(model.state, 1) == ({4: 15}, {}, {2: 10})
    assert scales(records) == []


def test_a_code_that_no_lot_of_the_world_has_is_impossible() -> None:
    fact = shelf_fact("removal", "A", (1, 1))
    (lot,) = fact.record.lots or []  # type: ignore[union-attr]
    foreign = type(lot)(batch_code="unknown", quantity=1)
    record = type(fact.record)(
        **{name: getattr(fact.record, name) for name in fact.record.__struct_fields__} | {"lots": [foreign]}
    )
    model, records = live(HandPlanned(), JobFact(fact.line, record))
    assert judgements(records) == [("impossible", "f", 420)]
    assert goods(model.state) == ({3: 15}, {}, {1: 10})


def test_an_unknown_shelf_is_judged_without_naming_it() -> None:
    _, (note,) = live(HandPlanned(), back_room_fact("wh_out", "Z", 3, 4))
    assert (note.kind, note.event_id, note.shelf_id, note.quantity) == ("impossible", "f", None, 4)


def test_units_in_baskets_cannot_be_removed_and_are_paid_for() -> None:
    visit = [(421, ENTER, 0, 0), (422, PICK, 0, 3), (430, PAY, 0, 0)]
    model, records = live(
        HandPlanned(visit),
        shelf_fact("removal", "A", (1, 8), minute=425, event_id="too much"),
        shelf_fact("removal", "A", (1, 7), minute=426, event_id="rest"),
    )
    assert judgements(records) == [("impossible", "too much", 425), ("applied", "rest", 426)]
    (receipt,) = (record for record in records if hasattr(record, "items"))
    assert [(item.batch_code, item.quantity) for item in receipt.items] == [("B0000001", 3)]
    assert goods(model.state) == ({3: 15}, {}, {})


def test_customers_find_what_was_put_back_from_that_moment_on() -> None:
    visits = [[(at, ENTER, 0, 0), (at + 1, PICK, 0, 2), (at + 2, PAY, 0, 0)] for at in (425, 440)]
    _, records = live(
        HandPlanned(*visits, stock=(0, 10)),
        back_room_fact("wh_out", "A", 3, 4),
        shelf_fact("putback", "A", (3, 4), minute=430),
    )
    assert moves(records) == [("pickup", "A", 2)]
    assert [r.quantity for r in records if getattr(r, "kind", "") == "lost_sale"] == [2]
    (receipt,) = (record for record in records if hasattr(record, "items"))
    assert [item.batch_code for item in receipt.items] == ["B0000003"]


def test_a_fact_of_the_past_is_done_at_once() -> None:
    model = StoreModel(1, HandPlanned(), START)
    model.advance(START + 5 * MINUTE)
    fact = back_room_fact("wh_out", "A", 3, 4, minute=422)
    model.plan(fact.line, fact.record)
    records = [emission.record for _, _, emission in model.advance(START + 10 * MINUTE)]
    assert judgements(records) == [("applied", "f", 425)]


def test_a_fact_of_the_future_is_done_at_its_time() -> None:
    model = StoreModel(1, HandPlanned(), START)
    fact = back_room_fact("wh_out", "A", 3, 4, minute=430)
    model.plan(fact.line, fact.record)
    assert model.advance(START + 10 * MINUTE) == []
    assert goods(model.state) == ({3: 15}, {}, {1: 10})
    records = [emission.record for _, _, emission in model.advance(START + 10 * MINUTE + 1)]
    assert judgements(records) == [("applied", "f", 430)]
    assert goods(model.state) == ({3: 11}, {3: 4}, {1: 10})


def test_facts_of_one_moment_are_done_in_the_order_in_which_they_were_stated() -> None:
    out, back = back_room_fact("wh_out", "A", 3, 4, event_id="out"), shelf_fact("putback", "A", (3, 4))
    _, records = live(HandPlanned(), out, back)
    assert {kind for kind, *_ in judgements(records)} == {"applied"}
    _, records = live(HandPlanned(), back, out)
    assert set(judgements(records)) == {("impossible", "f", 420), ("applied", "out", 420)}


def estate() -> Estate:
    """Two stores planned by hand."""
    visit = [(421, ENTER, 0, 0), (424, PICK, 0, 2), (430, PAY, 0, 0)]
    planners = [HandPlanned(visit, store_id="s1"), HandPlanned(visit, store_id="s2")]
    return Estate(RunSettings(name="small", stores=2), lambda ordinal, *_: planners[ordinal], START, None)


def test_a_fact_concerns_its_own_store_only() -> None:
    world = estate()
    world.advance(START + MINUTE, [back_room_fact("wh_out", "A", 3, 4)])
    first, second = (model.state for model in world._models)
    assert goods(first) == ({3: 11}, {3: 4}, {1: 10})
    assert goods(second) == ({3: 15}, {}, {1: 10})


def test_a_world_restored_with_facts_on_its_agenda_goes_on_exactly() -> None:
    facts = [
        back_room_fact("wh_out", "A", 3, 4, event_id="out"),
        shelf_fact("putback", "A", (3, 3), minute=428, event_id="first"),
        shelf_fact("putback", "A", (3, 2), minute=428, event_id="impossible"),
        shelf_fact("removal", "B", (2, 10), minute=440, event_id="removal"),
    ]
    late = back_room_fact("wh_out", "B", 4, 1, minute=422, event_id="late")
    world, restored = estate(), estate()
    world.advance(START + 5 * MINUTE, facts)
    restored.restore(world.snapshot())
    assert restored.snapshot() == world.snapshot()
    seen = []
    for minute in (10, 15, 20, 25, 200):
        told = [late] if minute == 15 else []
        emissions = world.advance(START + minute * MINUTE, told)
        assert on_wire(restored.advance(START + minute * MINUTE, told)) == on_wire(emissions)
        seen += judgements([emission.record for emission in emissions])
    assert restored.snapshot() == world.snapshot()
    assert seen == [
        ("applied", "first", 428),
        ("impossible", "impossible", 428),
        ("applied", "late", 430),
        ("applied", "removal", 440),
    ]


def paid(records: list[Any]) -> list[tuple[str, int, int]]:
    """Shelf, units and discount in cents of each line of a receipt."""
    return [
        (item.shelf_id, item.quantity, item.discount_cents)
        for record in records
        if hasattr(record, "items")
        for item in record.items
    ]


def visits_at(*minutes: int, shelf: int = 0, units: int = 2) -> list[list[tuple[int, int, int, int]]]:
    """A visit at each of these minutes that picks so many units."""
    return [[(at, ENTER, 0, 0), (at + 1, PICK, shelf, units), (at + 2, PAY, 0, 0)] for at in minutes]


def test_a_markdown_compounds_with_the_promotion_for_picks_after_the_label_changed() -> None:
    """100 cents, 15 % off A in the promotion: 1 − 0.85 × 0.5 = 57.5 %, so 58 cents a unit."""
    planner = HandPlanned(*visits_at(425, 435), visits_at(436, shelf=1)[0])
    model, records = live(
        planner, label_fact("A", 50, minute=430), label_fact("B", 30.5, minute=430, event_id="g")
    )
    assert judgements(records) == [("applied", "f", 430), ("applied", "g", 430)]
    assert paid(records) == [("A", 2, 30), ("A", 2, 116), ("B", 2, 62)]
    assert model.state.stock == [6, 8]


def test_what_was_picked_before_the_label_changed_keeps_its_price() -> None:
    visit = [(425, ENTER, 0, 0), (426, PICK, 0, 1), (436, PICK, 0, 1), (440, PAY, 0, 0)]
    _, records = live(HandPlanned(visit), label_fact("A", 50, minute=430))
    assert paid(records) == [("A", 2, 15 + 58)]


def test_a_markdown_ends_with_its_day() -> None:
    _, records = live(HandPlanned(*visits_at(435)), label_fact("A", 50, day=MONDAY - 1))
    assert judgements(records) == [("applied", "f", 420)]
    assert paid(records) == [("A", 2, 30)]


@pytest.mark.parametrize("day", [MONDAY, MONDAY - 1])
def test_a_shelf_gets_one_label_a_day_and_none_of_a_day_before(day: int) -> None:
    second = label_fact("A", 90, day=day, minute=425, event_id="g")
    _, records = live(HandPlanned(*visits_at(435)), label_fact("A", 50), second)
    assert judgements(records) == [("applied", "f", 420), ("impossible", "g", 425)]
    assert paid(records) == [("A", 2, 116)]


def test_the_label_of_an_unknown_shelf_and_other_configuration_are_impossible() -> None:
    promotion = StoreConfig(
        event_id="g",
        store_id="s1",
        timestamp=label_fact("A", 1).record.timestamp,
        kind="promotion",
        promotion=HandPlanned().promotions(MONDAY)[0],
    )
    _, records = live(HandPlanned(), label_fact("Z", 50), JobFact("store_config", promotion))
    assert judgements(records) == [("impossible", "f", 420), ("impossible", "g", 420)]


@pytest.mark.parametrize(("recorded", "off"), [(31, 50), (90, 90)])
def test_a_recorded_price_stays_when_it_is_lower(recorded: int, off: int) -> None:
    """Two units at 100 cents with so many cents off together; the label says 25 %."""
    _, records = live(HandPlanned(*visits_at(435), paid=(100, recorded)), label_fact("A", 25))
    assert paid(records) == [("A", 2, off)]


def test_labels_are_in_the_snapshot() -> None:
    model, _ = live(HandPlanned(), label_fact("A", 50))
    blob = msgspec.msgpack.encode(model.state)
    restored = StoreModel(1, HandPlanned(*visits_at(495)), START)
    restored.restore(msgspec.msgpack.decode(blob, type=StoreState))
    records = [emission.record for _, _, emission in restored.advance(START + 120 * MINUTE)]
    assert paid(records) == [("A", 2, 116)]
