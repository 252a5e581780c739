"""Visits of the simulated store."""

import numpy as np
import pytest

from smartstore.world.physical.plan import DAY_MS, ENTER, PAY, PICK, PUT_BACK
from smartstore.world.simulation.promotions import discounts_of
from smartstore.world.simulation.traffic import WEEKLY_WEIGHTS, daily_total, slot_counts, visits_of, weekday
from smartstore.world.simulation.visits import plan_day

THURSDAY = 20_454
"""2026-01-01."""


def test_weekday() -> None:
    assert weekday(THURSDAY) == 3


@pytest.mark.parametrize("total", [0, 1, 7, 800, 12345])
def test_parts_of_the_day_add_up_and_the_night_is_empty(total: int) -> None:
    for weights in WEEKLY_WEIGHTS:
        counts = slot_counts(total, weights)
        assert sum(counts) == total
        assert counts[0] == 0


def test_daily_totals_follow_the_weekday() -> None:
    totals = [daily_total(42, "s0001", THURSDAY + n, 1000, 0.8) for n in range(70)]
    mean = {day: np.mean(totals[(day - 3) % 7 :: 7]) for day in range(7)}
    assert mean[1] == min(mean.values())  # Tuesday
    assert mean[5] == max(mean.values())  # Saturday
    assert np.mean(totals) == pytest.approx(800, rel=0.05)


def test_visits_enter_within_opening_hours_and_stay_10_to_75_minutes() -> None:
    visits = visits_of(42, "s0001", THURSDAY, 5000)
    assert len(visits.entry) == 5000
    hours = (visits.entry - THURSDAY * DAY_MS) / 3_600_000
    assert hours.min() >= 7
    assert hours.max() < 24
    minutes = (visits.exit - visits.entry) // 60_000
    assert (minutes.min(), minutes.max()) == (10, 75)
    assert np.mean(minutes < 30) == pytest.approx(0.35, abs=0.03)
    assert np.mean(minutes >= 45) == pytest.approx(0.26, abs=0.03)


def test_intents_keep_the_order_of_a_visit() -> None:
    visits = visits_of(7, "s0001", THURSDAY, 400)
    plan = plan_day(7, "s0001", THURSDAY, visits, np.ones(50), [0] * 50)
    assert (np.diff(plan.at) >= 0).all()
    per_visit: dict[int, list[tuple[int, int]]] = {}
    for at, _, kind, visit, *_ in plan.intents(0, 1 << 60):
        per_visit.setdefault(visit, []).append((at, kind))
    for visit, intents in per_visit.items():
        kinds = [kind for _, kind in intents]
        assert kinds[0] == ENTER
        assert kinds[-1] == PAY
        assert set(kinds[1:-1]) <= {PICK, PUT_BACK}
        assert 3 <= len(kinds) - 2 <= 30
        assert intents[-1][0] < plan.exits[visit]
        assert intents[1][0] >= visits.entry[visit] + 60_000
    picks = plan.kind == PICK
    assert picks.sum() / (picks.sum() + (plan.kind == PUT_BACK).sum()) == pytest.approx(0.85, abs=0.02)
    assert plan.quantity[picks].mean() == pytest.approx(1.5, abs=0.05)
    assert picks.sum() / 400 > 9.8


def test_promotions_take_turns() -> None:
    monday = THURSDAY - 3
    weeks = [discounts_of(42, monday + 7 * n, 1142) for n in range(19)]
    assert all(len(week) == 60 for week in weeks)
    assert all(500 <= points <= 3_500 for week in weeks for points in week.values())
    assert discounts_of(42, monday + 6, 1142) == weeks[0]
    queue = [
        place for n in range(monday // 7, monday // 7 + 60) for place in discounts_of(42, 7 * n + 4, 1142)
    ]
    counts = np.bincount(queue, minlength=1142)
    assert counts.min() >= 2
    assert counts.max() <= 4
