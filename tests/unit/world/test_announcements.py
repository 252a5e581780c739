"""Promotions become known before their first day, each once, whatever the ticks are."""

from datetime import date, timedelta
from typing import Any

import pytest

from smartstore.contracts.wire import from_epoch_ms
from smartstore.world.physical.plan import DAY_MS
from smartstore.world.physical.store import StoreModel
from smartstore.world.simulation.promotions import discounts_of
from smartstore.world.simulation.world import build_simulation
from tests.unit.world.hand_planned import MONDAY, HandPlanned
from tests.unit.world.small_worlds import opening, simulation_settings

HOUR_MS = 3_600_000


def promotions(emissions: list[Any]) -> list[Any]:
    return [one.record for one in emissions if getattr(one.record, "kind", "") == "promotion"]


def store(day: int, hour: int) -> StoreModel:
    """A store from an hour of a day on; its only promotion begins on the Monday."""
    return StoreModel(1, HandPlanned(), day * DAY_MS + hour * HOUR_MS)


def announced(model: StoreModel, until_ms: int, step_ms: int) -> list[Any]:
    emissions = []
    for end in range(model.state.now + step_ms, until_ms + 1, step_ms):
        emissions += [emission for _, _, emission in model.advance(end)]
    return promotions(emissions)


@pytest.mark.parametrize("step_ms", [HOUR_MS // 6, 5 * HOUR_MS, 24 * HOUR_MS])
def test_it_is_announced_half_a_day_before_its_first_day(step_ms: int) -> None:
    model = store(MONDAY - 2, 12)
    assert promotions(model.opening(0)) == []
    (record,) = announced(model, (MONDAY + 1) * DAY_MS, step_ms)
    assert record.timestamp == from_epoch_ms(MONDAY * DAY_MS - 12 * HOUR_MS)
    assert (record.promotion.shelf_id, record.promotion.pct) == ("A", 15)


@pytest.mark.parametrize(("day", "hour"), [(MONDAY - 1, 13), (MONDAY, 7), (MONDAY + 6, 23)])
def test_what_is_known_at_the_start_is_said_in_the_opening(day: int, hour: int) -> None:
    model = store(day, hour)
    (record,) = promotions(model.opening(0))
    assert record.timestamp == from_epoch_ms(day * DAY_MS + hour * HOUR_MS)
    assert announced(model, (MONDAY + 9) * DAY_MS, HOUR_MS) == []


def test_a_promotion_that_ended_before_the_start_is_not_announced() -> None:
    assert promotions(store(MONDAY + 7, 7).opening(0)) == []


def test_a_store_that_opens_again_hears_what_it_missed_unless_it_is_over() -> None:
    for days, known in ((1, 1), (8, 0)):
        model = store(MONDAY - 2, 12)
        model.close(0)
        opens_at = (MONDAY + days) * DAY_MS
        heard = promotions(model.reopen(0, opens_at))
        assert [record.timestamp for record in heard] == [from_epoch_ms(opens_at)] * known
        assert announced(model, opens_at + DAY_MS, HOUR_MS) == []


def test_a_store_that_opens_again_does_not_hear_again_what_it_knew() -> None:
    model = store(MONDAY - 2, 12)
    assert len(announced(model, MONDAY * DAY_MS, HOUR_MS)) == 1
    model.close(0)
    assert promotions(model.reopen(0, (MONDAY + 1) * DAY_MS)) == []


def test_the_simulated_retailer_announces_what_its_tills_charge() -> None:
    world = build_simulation(simulation_settings(stores=2, tick_ms=HOUR_MS))
    first = date(2025, 12, 29)
    known = promotions(opening(world))
    assert {(record.promotion.first_day, record.promotion.last_day) for record in known} == {
        (first, first + timedelta(days=6))
    }
    week = [one for n in range(1, 7 * 24) for one in promotions(world.advance(world.start_ms + n * HOUR_MS))]
    assert {record.promotion.first_day for record in week} == {first + timedelta(days=7)}
    skus = world._models[0]._planner.shelves
    day = (first + timedelta(days=9) - date(1970, 1, 1)).days
    wanted = {
        skus[place].profile.shelf_id: off / 100 for place, off in discounts_of(42, day, len(skus)).items()
    }
    for store_id in world.stores:
        mine = [record for record in week if record.store_id == store_id]
        assert {record.promotion.shelf_id: record.promotion.pct for record in mine} == wanted
    assert len({record.event_id for record in known + week}) == len(known + week)
