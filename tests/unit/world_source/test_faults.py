"""Faults added on purpose: what is broken is refused, what is late or repeated is there exactly once more or later."""

from collections import Counter

import pytest
from msgspec import ValidationError

from smartstore.contracts.events import Event, FootTraffic, PosItem, PosTransaction, ShelfEvent
from smartstore.contracts.settings import FaultSettings
from smartstore.contracts.wire import decoder, encode, from_epoch_ms
from smartstore.world.breakage import _BREAKS, break_record
from smartstore.world.faults import EventRecord, Faults
from smartstore.world.ledger_lines import Record

pytestmark = pytest.mark.unit

TICK_MS = 300_000
MOMENT = from_epoch_ms(1_767_600_000_000)
SAMPLES: tuple[Event, ...] = (
    ShelfEvent(
        event_id="a",
        store_id="s1",
        timestamp=MOMENT,
        event_type="pickup",
        shelf_id="x",
        quantity=2,
        reason="Grüße",
    ),
    ShelfEvent(
        event_id="b",
        store_id="s1",
        timestamp=MOMENT,
        event_type="weight_change",
        shelf_id="x",
        delta_weight_g=-200,
    ),
    PosTransaction(
        event_id="c",
        store_id="s1",
        timestamp=MOMENT,
        transaction_id="t",
        items=[PosItem(line_no=1, shelf_id="x", quantity=2, unit_price_cents=100, total_cents=200)],
    ),
    FootTraffic(
        event_id="d",
        store_id="s1",
        timestamp=MOMENT,
        customer_id="k",
        entry_time=MOMENT,
        exit_time=MOMENT,
        trip_duration_minutes=0,
        weekday="Mon",
        time_slot="noon",
    ),
)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{type(sample).__name__}-{sample.event_id}")
@pytest.mark.parametrize("variant", range(len(_BREAKS)))
def test_broken_copies_are_refused(sample: Event, variant: int) -> None:
    """No variant of a broken copy satisfies its contract, and all are text."""
    broken = break_record(encode(sample), variant)
    broken.decode()
    with pytest.raises((ValidationError, ValueError)):
        decoder(type(sample)).decode(broken)


def run(faults: Faults, ticks: int, per_tick: int) -> list[list[Record]]:
    """What leaves, tick by tick."""
    data = encode(SAMPLES[0])
    leaving = []
    for tick in range(1, ticks + 1):
        events = [
            EventRecord(Record("event", "shelf_events", data), f"{tick}-{n}", "s1") for n in range(per_tick)
        ]
        leaving.append(faults.apply(tick * TICK_MS, events, last=tick == ticks))
    return leaving


def test_nothing_is_lost_and_percentages_hold() -> None:
    """Each event leaves once, held-back ones too; repeats and broken copies come on top."""
    settings = FaultSettings(malformed_pct=1, duplicate_pct=2, late_pct=5, late_max_minutes=15)
    leaving = run(Faults(settings, 42, TICK_MS), 400, 50)
    kinds = Counter(record.fault or record.kind for records in leaving for record in records)
    assert kinds["event"] + kinds["late"] == 20_000
    assert 900 < kinds["late"] < 1100
    assert 340 < kinds["duplicate"] < 460
    assert 150 < kinds["broken"] < 250


def test_late_by_one_to_three_ticks_of_five_minutes() -> None:
    """With 15 minutes and ticks of 5, an event leaves 1, 2 or 3 ticks after its own."""
    faults = Faults(FaultSettings(late_pct=100, late_max_minutes=15), 1, TICK_MS)
    events = [EventRecord(Record("event", "shelf_events", b"{}"), str(n), "s1") for n in range(300)]
    counts = [len(faults.apply(TICK_MS, events, last=False))]
    counts += [len(faults.apply(tick * TICK_MS, [], last=False)) for tick in range(2, 7)]
    assert (counts[0], counts[4:]) == (0, [0, 0])
    assert sum(counts) == 300
    assert min(counts[1:4]) > 60


def test_same_choice_after_a_snapshot() -> None:
    """Faults restored from a snapshot go on as if nothing had happened; other lines are never touched."""
    settings = FaultSettings(malformed_pct=3, duplicate_pct=10, late_pct=10)
    whole = run(Faults(settings, 7, TICK_MS), 6, 100)
    first = Faults(settings, 7, TICK_MS)
    data = encode(SAMPLES[0])
    again = []
    for tick in range(1, 7):
        if tick == 4:
            snapshot, first = first.snapshot(), Faults(settings, 7, TICK_MS)
            first.restore(snapshot)
        events = [EventRecord(Record("event", "shelf_events", data), f"{tick}-{n}", "s1") for n in range(100)]
        again.append(first.apply(tick * TICK_MS, events, last=tick == 6))
    assert again == whole
    counts = Record("event", "stock_counts", b"{}")
    assert first.apply(99 * TICK_MS, [EventRecord(counts, "e", "s1")], last=False) == [counts]
