"""The simulated retailer: the same for the same settings, and its books add up."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from smartstore.contracts.topics import BY_NAME
from smartstore.contracts.wire import decoder, encode, epoch_ms
from smartstore.world.model import JobFact, SnapshotError
from smartstore.world.physical.estate import Estate
from smartstore.world.physical.plan import PICK
from smartstore.world.simulation.promotions import discounts_of
from smartstore.world.simulation.world import SimulatedStore, build_simulation
from tests.unit.world.auditor import Auditor
from tests.unit.world.lock_step import Jobs, lock_step
from tests.unit.world.small_worlds import on_wire, opening, run, simulation_settings

DAY_TICKS = 288


def own(emissions: list[Any], store_id: str) -> list[tuple[str, bytes]]:
    return [(e.line, encode(e.record)) for e in emissions if e.record.store_id == store_id]


def test_same_settings_same_world() -> None:
    first, second = (build_simulation(simulation_settings()) for _ in range(2))
    assert on_wire(opening(first)) == on_wire(opening(second))
    assert on_wire(run(first, DAY_TICKS)) == on_wire(run(second, DAY_TICKS))


def test_another_seed_is_another_world() -> None:
    first, second = (build_simulation(simulation_settings(seed=seed)) for seed in (1, 2))
    assert on_wire(run(first, 20)) != on_wire(run(second, 20))


def test_another_store_changes_nothing_for_the_others() -> None:
    alone, together = (build_simulation(simulation_settings(stores=stores)) for stores in (1, 3))
    assert together.stores == ("s0001", "s0002", "s0003")
    assert own(opening(together), "s0001") == on_wire(opening(alone))
    assert own(run(together, DAY_TICKS), "s0001") == on_wire(run(alone, DAY_TICKS))


def test_the_tick_grid_does_not_matter() -> None:
    coarse = build_simulation(simulation_settings(tick_ms=3_600_000))
    fine = build_simulation(simulation_settings(tick_ms=60_000))
    assert on_wire(run(coarse, 20, 3_600_000)) == on_wire(run(fine, 20 * 60, 60_000))


@pytest.mark.parametrize("ticks", [1, 100, 207, 230])
def test_restored_world_goes_on_exactly(ticks: int) -> None:
    """Mid-day, around midnight (tick 204), before and after a delivery; with the jobs at work."""
    settings = simulation_settings(stores=2)
    world, restored = (build_simulation(settings) for _ in range(2))
    jobs, facts = Jobs(settings), list[JobFact]()
    for tick in (world.start_ms + n * 300_000 for n in range(1, ticks + 150)):
        opening_records = opening(world) if tick == world.start_ms + 300_000 else []
        emissions = world.advance(tick, facts)
        if tick > world.start_ms + ticks * 300_000:
            assert on_wire(restored.advance(tick, facts)) == on_wire(emissions)
        facts = jobs.take(opening_records + emissions, tick, world.stores)
        if tick == world.start_ms + ticks * 300_000:
            restored.restore(world.snapshot())
            assert restored.snapshot() == world.snapshot()
    assert world.snapshot() == restored.snapshot()


def test_opening_does_not_depend_on_progress() -> None:
    world = build_simulation(simulation_settings())
    before = on_wire(opening(world))
    run(world, 50)
    assert on_wire(opening(world)) == before


@pytest.mark.parametrize("blob", [b"", b"\x93\x01", b"{}", b"nonsense"])
def test_a_damaged_snapshot_is_refused(blob: bytes) -> None:
    with pytest.raises(SnapshotError):
        build_simulation(simulation_settings()).restore(blob)


def test_a_snapshot_of_other_settings_is_refused() -> None:
    blob = build_simulation(simulation_settings(seed=1)).snapshot()
    with pytest.raises(SnapshotError, match="other settings"):
        build_simulation(simulation_settings(seed=2)).restore(blob)


def test_time_goes_forward() -> None:
    world = build_simulation(simulation_settings())
    with pytest.raises(ValueError, match="already"):
        world.advance(world.start_ms)


def test_the_run_ends() -> None:
    world = build_simulation(simulation_settings(days=1))
    assert world.end_ms == world.start_ms + 86_400_000
    emissions = run(world, DAY_TICKS + 12)
    assert max(epoch_ms(e.record.timestamp) for e in emissions) < world.end_ms
    assert world.advance(world.end_ms + 86_400_000) == []


def test_records_pass_the_contracts_and_ids_are_unique() -> None:
    world = build_simulation(simulation_settings(stores=2))
    first_records = opening(world)
    emissions = first_records + run(world, 2 * DAY_TICKS)
    for emission in emissions:
        decoded = decoder(BY_NAME[emission.line].value).decode(encode(emission.record))
        assert decoded == emission.record
    ids = [e.record.event_id for e in emissions]
    assert len(set(ids)) == len(ids)
    assert {epoch_ms(e.record.timestamp) for e in first_records} == {world.start_ms}
    assert {len(event_id) for event_id in ids} == {36}


def test_each_tick_holds_its_own_events_in_order() -> None:
    world = build_simulation(simulation_settings(stores=2))
    for n in range(1, DAY_TICKS + 1):
        tick = world.start_ms + n * 300_000
        emissions: list[Any] = world.advance(tick)
        order = [(epoch_ms(e.record.timestamp), e.record.event_id) for e in emissions]
        assert order == sorted(order)
        assert all(tick - 300_000 <= at < tick and at > world.start_ms for at, _ in order)


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    # A smaller seed is not a simpler world.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**31),
    customers=st.sampled_from([5, 60, 400, 1500]),
    tick_minutes=st.sampled_from([5, 37, 60]),
)
def test_books_add_up(seed: int, customers: int, tick_minutes: int) -> None:
    """Also in a shop that is too busy for its shelves (1,500 customers, 278 shelves)."""
    settings = simulation_settings(seed=seed, customers=customers, tick_ms=tick_minutes * 60_000)
    world = build_simulation(settings)
    auditor = Auditor()
    for _, facts, emissions in lock_step(world, settings, 2 * 24 * 60 // tick_minutes):
        auditor.hear(facts)
        auditor.read(emissions)
        auditor.check_sums()
    compare(auditor, world)
    assert not auditor.lost
    assert not auditor.impossible
    for customer, basket in auditor.baskets.items():
        if auditor.exits[customer] < world._now:
            assert not any(basket.values()), customer


def test_jobs_refill_shelves_and_clear_expired_goods() -> None:
    """All they state is possible when the world waits for them: the books of the jobs are right to the unit."""
    settings = simulation_settings(customers=100, tick_ms=3_600_000)
    world = build_simulation(settings)
    auditor = Auditor()
    for _, facts, emissions in lock_step(world, settings, 12 * 24):
        auditor.hear(facts)
        auditor.read(emissions)
    assert not auditor.impossible
    done = {(type(fact).__name__, getattr(fact, "event_type", "")) for fact in auditor.applied}
    assert done >= {
        ("WarehouseEvent", "wh_out"),
        ("WarehouseEvent", "removal"),
        ("ShelfEvent", "putback"),
        ("ShelfEvent", "removal"),
        ("StoreConfig", ""),
    }


def compare(auditor: Auditor, world: Estate) -> None:
    """The auditor's books are the world's own state."""
    state = world._models[0].state
    for place, plan in enumerate(world._models[0]._planner.shelves):
        shelf = plan.profile.shelf_id
        assert state.stock[place] == auditor.shelf[shelf]
        transit = {lot.code: lot.shelf for lot in state.transit[place]}
        assert transit == {code: n for code, n in auditor.transit[shelf].items() if n}
        lots = {lot.code: lot.shelf + lot.baskets for lot in state.shelves[place]}
        assert lots == {code: n for code, n in auditor.lots[shelf].items() if n}
        back = {lot.code: lot.shelf for lot in state.back_room[place]}
        assert back == {code: n for code, n in auditor.back[shelf].items() if n}


def test_default_store_has_work_for_the_alerts() -> None:
    """In a week of the default range some shelves fall under 30 % and recover, and some goods come near expiry."""
    settings = simulation_settings(scale=0.15, customers=1000, tick_ms=3_600_000)
    world = build_simulation(settings)
    state = world._models[0].state
    capacities = [plan.profile.capacity for plan in world._models[0]._planner.shelves]
    low_before: set[int] = set()
    fell: set[int] = set()
    recovered: set[int] = set()
    near: set[int] = set()
    for now, _, _ in lock_step(world, settings, 7 * 24):
        low = {s for s, capacity in enumerate(capacities) if state.stock[s] < 0.3 * capacity}
        fell |= low - low_before
        recovered |= low_before - low
        low_before = low
        today = now // 86_400_000
        near |= {
            s
            for s, lots in enumerate(state.shelves)
            for lot in lots
            if lot.shelf and 0 <= lot.expiry - today <= 5
        }
    assert len(fell) > 50
    assert len(recovered) > 50
    assert len(near) > 50
    assert len(low_before) < 0.2 * len(capacities)


def test_dates_count_from_the_day_the_run_begins() -> None:
    """Begun a hundred days later, it is the same world a hundred days later, whatever the day is today."""
    settings = simulation_settings()
    later = date(2026, 4, 11)
    source = replace(settings.source, simulation=replace(settings.source.simulation, start=later))
    dates = [_dates(build_simulation(one)) for one in (settings, replace(settings, source=source))]
    assert dates[1] == [day + timedelta(days=100) for day in dates[0]]


def _dates(world: Estate) -> list[date]:
    counts = [emission.record for emission in opening(world) if emission.line == "stock_counts"]
    lots = [lot for one in counts for lot in one.lots]
    return [day for lot in lots for day in (lot.received_date, lot.expiry_date)]


def test_what_is_on_promotion_is_taken_more_often() -> None:
    """Than its visibility would have it, by about the fifth that is off on average."""
    world = build_simulation(simulation_settings(customers=5000))
    store = world._models[0]._planner
    assert isinstance(store, SimulatedStore)
    day = world.start_ms // 86_400_000 + 1
    plan = store.day(day)
    picks = np.bincount(plan.shelf[plan.kind == PICK], minlength=len(store.shelves))
    promoted = list(discounts_of(42, day, len(store.shelves)))
    expected = picks.sum() * (store._visibility[promoted].sum() / store._visibility.sum())
    assert picks[promoted].sum() / expected == pytest.approx(1.2, abs=0.06)


def test_fresh_goods_do_not_keep_for_a_year() -> None:
    rows = [one.record for one in opening(build_simulation(simulation_settings()))]
    profiles = [row.profile for row in rows if getattr(row, "kind", "") == "profile"]
    life = {profile.item_category: profile.shelf_life_days for profile in profiles}
    fresh = {name: life.pop(name) for name in ("FISH", "MEAT", "FRUITS AND VEGETABLES", "REFRIGERATED")}
    assert all(1 < days <= 21 for days in fresh.values())
    assert life.pop("FROZEN") < 365 <= min(life.values())
