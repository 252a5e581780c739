"""The promise of the engine: only the order within each line matters, not how lines are cut into micro-batches."""

import random
from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from smartstore.contracts import topics
from smartstore.contracts.events import StoreConfig
from smartstore.domain.engine import StoreState
from smartstore.domain.state_codec import encode_state
from tests.unit.domain.lines_of_a_store import (
    STORE,
    Entry,
    Lines,
    acknowledge,
    back_room_event,
    count,
    each_batch,
    facts_of,
    known_lot,
    lot,
    of,
    plan_command,
    plan_id,
    policy,
    profile,
    promotion,
    receipt,
    run,
    run_batches,
    shelf_event,
    stored,
    supplier_plan_id,
    tick_by_tick,
    wh_policy,
)

MIDNIGHT = 17 * 60
"""Minutes after the start."""
SHELVES = ("A1", "A2", "B1", "B2")
ALERT_TYPES = ("refill_request", "refill_request", "expired_removal", "near_expiry_discount")


def planning(seed: int) -> dict[str, Any]:
    """Short times; removals and discounts before the store opens, at once, or while nothing else happens; the supplier
    too."""
    return {
        "lateness_minutes": 5,
        "cooldown_minutes": 3,
        "pick_minutes": (0, 1, 9)[seed % 3],
        "travel_minutes": (2, 0, 70)[seed // 3 % 3],
        "removal_hour": (0, 7, 8, 12)[seed % 4],
        "delivery_weekdays": ((3,), (3, 4), (0, 2, 4))[seed % 3],
        "delivery_hour": (12, 8, 12)[seed // 2 % 3],
        "order_lead_hours": (4, 0, 5, 1)[seed // 5 % 4],
        "discount_hour": (0, 8, 7)[seed % 3],
        "execution": "Reported" if seed % 5 == 4 else "Assumed",
    }


def scenario(rnd: random.Random) -> Lines:
    """A store's hours: picks, sales, deliveries, counts, policies, commands; some late, some ahead of their tick."""
    lines = Lines()
    for shelf in SHELVES:
        lots = [lot(f"{shelf}-1", rnd.randint(1, 9), _expiry(rnd)), lot(f"{shelf}-2", 5)]
        behind = [lot(f"{shelf}-{n}", rnd.randint(1, 6), _expiry(rnd)) for n in range(rnd.randint(0, 3))]
        lines.write(profile(shelf, rnd.randint(8, 40), f"cat{shelf[0]}"), count(shelf, lots))
        lines.write(count(shelf, behind, location="warehouse"))
        lines.write(promotion(0.5, shelf, rnd.uniform(0, 50), date(2026, 1, 1), date(2026, 1, 2)))
    lines.tick(1)
    for minute in range(2, rnd.randint(3, 20)):
        for n in range(rnd.randint(0, 6)):
            lines.write(_anything(rnd, f"{minute:02}-{n}", minute - 1 + rnd.uniform(-3, 1.9)))
        lines.tick(minute * 20 if rnd.random() < 0.1 else minute)
    lines.ticks(400, 403)
    for shelf in rnd.sample(SHELVES, 2):  # perhaps after the cut-off
        lines.write(plan_command(403.5, "cancel", supplier_plan_id(shelf, rnd.choice([0, 0, 1]))))
    # After every tick above, and with a last record: a store that only ticks need not keep how far it has read.
    lines.ticks(404, 405).ticks(MIDNIGHT - 2, MIDNIGHT + 2)
    return lines.write(shelf_event("last", MIDNIGHT + 2.5, "pickup", "A1", 1)).tick(MIDNIGHT + 3)


def _expiry(rnd: random.Random) -> date | None:
    soon, later = (date(2026, 1, rnd.randint(1, last)) for last in (2, 9))
    return rnd.choice([None, date(2025, 12, 31), soon, later])


def _anything(rnd: random.Random, name: str, minutes: float) -> Struct:
    shelf, quantity = rnd.choice(SHELVES), rnd.randint(1, 4)
    code = rnd.choice([f"{shelf}-1", f"{shelf}-2", f"{shelf}-3"])
    kind = rnd.randrange(16)
    if kind == 0:
        return receipt(name, minutes, (shelf, rnd.choice([code, None]), quantity))
    if kind == 1:
        return shelf_event(name, minutes, "putback", shelf, quantity, lots=[lot(code, quantity)])
    if kind == 2:
        where = rnd.choice(["store", "warehouse"])
        return count(shelf, [lot(code, quantity, _expiry(rnd))], minutes, "recount", where)
    if kind == 3:
        return policy(
            minutes, rnd.choice("pq"), op=rnd.choice(["upsert", "delete"]), threshold_pct=rnd.uniform(0, 99)
        )
    if kind == 4:
        return acknowledge(minutes, shelf, rnd.choice(ALERT_TYPES))
    if kind == 13:
        first = date(2026, 1, rnd.randint(1, 3))
        op = rnd.choice(["upsert", "upsert", "delete"])
        return promotion(minutes, shelf, rnd.uniform(0, 100), first, date(2026, 1, 3), op)
    if kind in (5, 8, 9):
        plan = rnd.choice([plan_id, supplier_plan_id])(shelf, rnd.choice([0, 0, 1, 2]))
        return plan_command(minutes, rnd.choice(["approve", "cancel"]), plan)
    if kind in (6, 7):
        what = rnd.choice(["wh_in", "wh_in", "wh_in", "wh_out", "removal"])
        return back_room_event(name, minutes, what, shelf, code, quantity * 2, expiry_date=_expiry(rnd))
    if kind >= 14:
        return _configured(rnd, minutes, shelf, code)
    return shelf_event(name, minutes, rnd.choice(["pickup", "pickup", "putback"]), shelf, quantity)


def _configured(rnd: random.Random, minutes: float, shelf: str, code: str) -> StoreConfig:
    """A lot known beforehand, a profile, or a policy of the back room."""
    kind, op, category = rnd.randrange(3), rnd.choice(["upsert", "delete"]), f"cat{shelf[0]}"
    if kind == 0:
        store = rnd.choice([None, STORE])
        return known_lot(minutes, shelf, code, _expiry(rnd), store=store, op=op)
    if kind == 1:
        return profile(rnd.choice([*SHELVES, "NEW"]), rnd.randint(8, 40), category, minutes=minutes)
    scope = rnd.choice([{}, {"shelf_id": shelf}, {"item_category": category}, {"store_id": STORE}])
    points = rnd.choice([None, 0, 5, 60])
    return wh_policy(minutes, rnd.choice("pq"), op=op, reorder_point_qty=points, **scope)


def cut(rnd: random.Random, lines: Lines) -> list[dict[str, list[Entry]]]:
    """Random micro-batches: each line is read at its own pace; sometimes a stretch is sent again."""
    batches, read = [], dict.fromkeys(lines.entries, 0)
    while any(read[name] < len(entries) for name, entries in lines.entries.items()):
        batch = {}
        for name, entries in lines.entries.items():
            start = max(0, read[name] - rnd.choice([0, 0, 0, 1, 5]))
            stop = min(len(entries), read[name] + rnd.choice([0, 1, 2, 7, 40]))
            batch[name], read[name] = entries[start:stop], max(read[name], stop)
        batches.append(batch)
    return batches


@settings(max_examples=70, deadline=None)
@given(st.integers(0, 2**32))
def test_state_and_decisions_do_not_depend_on_how_lines_are_cut_and_interleaved(seed: int) -> None:
    lines = scenario(random.Random(seed))
    state, outputs = run(lines, **planning(seed))
    for other in range(3):
        cut_state, cut_outputs = run_batches(cut(random.Random(seed + other), lines), **planning(seed))
        assert cut_outputs == outputs
        assert _comparable(cut_state) == _comparable(state)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_a_state_read_back_after_any_tick_goes_on_as_if_it_had_been_kept(seed: int) -> None:
    batches = tick_by_tick(scenario(random.Random(seed)))
    kept = each_batch(batches, lambda state: state, **planning(seed))
    read_back = each_batch(batches, stored, **planning(seed))
    for (state, outputs), (other_state, other_outputs) in zip(kept, read_back, strict=True):
        assert other_outputs == outputs
        assert encode_state(other_state) == encode_state(state)
        assert other_state.inbox == state.inbox


def test_the_scenarios_make_plans_facts_and_removals() -> None:
    """Otherwise the tests above would show nothing about them."""
    seen: Counter[str] = Counter()
    for seed in range(45):
        for state, outputs in each_batch(tick_by_tick(scenario(random.Random(seed))), **planning(seed)):
            seen.update(one.status for one in of(outputs, topics.SHELF_RESTOCK_PLAN))
            seen.update(f"supplier {one.status}" for one in of(outputs, topics.WH_SUPPLIER_PLAN))
            seen.update(f"order {one.status}" for one in of(outputs, topics.SUPPLIER_ORDERS))
            seen.update(f"{type(one).__name__} {getattr(one, 'event_type', '')}" for one in facts_of(outputs))
            seen.update(f"{one.alert_type} {one.status}" for one in of(outputs, topics.ALERTS))
            seen["promotion in force"] += sum(one.base_pct > 0 for one in of(outputs, topics.DAILY_DISCOUNTS))
            seen["facts that wait"] += len(state.inbox.facts)
            # Every record satisfies its contract, or it would test nothing.
            assert all(one.event_id is not None for one in of(outputs, topics.DEAD_LETTERS))
    expected = {"pending", "issued", "partial", "backordered", "completed", "cancelled", "facts that wait"}
    expected |= {f"WarehouseEvent {kind}" for kind in ("wh_in", "wh_out", "shortage", "removal")}
    expected |= {f"supplier {status}" for status in ("pending", "issued", "completed", "cancelled")}
    expected |= {f"order {status}" for status in ("ordered", "delivered", "cancelled")}
    expected |= {"ShelfEvent putback", "ShelfEvent removal", "StoreConfig ", "promotion in force"}
    expected |= {f"{kind} {status}" for kind in ALERT_TYPES[1:] for status in ("open", "resolved")}
    assert {one for one in expected if not seen[one]} == set()


def _comparable(state: StoreState) -> bytes:
    """Repeats and late records are counted per reading; everything else must be equal."""
    return encode_state(replace(state, late=0, repeats=0))
