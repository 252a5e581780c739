"""The promise of the engine: only the order within each line matters, not how lines are cut into micro-batches."""

import random
from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from smartstore.domain.engine import StoreState
from smartstore.domain.state_codec import encode_state
from tests.unit.domain.lines_of_a_store import (
    Entry,
    Lines,
    acknowledge,
    count,
    lot,
    policy,
    profile,
    receipt,
    run,
    run_batches,
    shelf_event,
)

SHELVES = ("A1", "A2", "B1", "B2")


def scenario(rnd: random.Random) -> Lines:
    """A store's hours: picks, refills, sales, counts, policies, commands; some late, some ahead of their tick."""
    lines = Lines()
    for shelf in SHELVES:
        lots = [lot(f"{shelf}-1", rnd.randint(1, 9), date(2026, 1, rnd.randint(1, 9))), lot(f"{shelf}-2", 5)]
        lines.write(profile(shelf, rnd.randint(8, 20), f"cat{shelf[0]}"), count(shelf, lots))
    lines.tick(1)
    for minute in range(2, rnd.randint(3, 14)):
        for n in range(rnd.randint(0, 6)):
            lines.write(_anything(rnd, f"{minute:02}-{n}", minute - 1 + rnd.uniform(-3, 1.9)))
        lines.tick(minute * 20 if rnd.random() < 0.1 else minute)
    lines.ticks(300, 301)
    # A last record: a store that only ticks need not keep how far it has read.
    return lines.write(shelf_event("last", 301.5, "pickup", "A1", 1)).tick(302)


def _anything(rnd: random.Random, name: str, minutes: float) -> Struct:
    shelf, quantity = rnd.choice(SHELVES), rnd.randint(1, 4)
    code = rnd.choice([f"{shelf}-1", f"{shelf}-2", f"{shelf}-3"])
    kind = rnd.randrange(8)
    if kind == 0:
        return receipt(name, minutes, (shelf, rnd.choice([code, None]), quantity))
    if kind == 1:
        return shelf_event(name, minutes, "putback", shelf, quantity, lots=[lot(code, quantity)])
    if kind == 2:
        return count(shelf, [lot(code, quantity)], minutes, "recount")
    if kind == 3:
        return policy(
            minutes, rnd.choice("pq"), op=rnd.choice(["upsert", "delete"]), threshold_pct=rnd.uniform(0, 99)
        )
    if kind == 4:
        return acknowledge(minutes, shelf)
    return shelf_event(name, minutes, rnd.choice(["pickup", "pickup", "putback"]), shelf, quantity)


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


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_state_and_decisions_do_not_depend_on_how_lines_are_cut_and_interleaved(seed: int) -> None:
    lines = scenario(random.Random(seed))
    state, outputs = run(lines, lateness_minutes=5, cooldown_minutes=3)
    for other in range(3):
        batches = cut(random.Random(seed + other), lines)
        cut_state, cut_outputs = run_batches(batches, lateness_minutes=5, cooldown_minutes=3)
        assert cut_outputs == outputs
        assert _comparable(cut_state) == _comparable(state)


def _comparable(state: StoreState) -> bytes:
    """Repeats and late records are counted per reading; everything else must be equal."""
    return encode_state(replace(state, late=0, repeats=0))
