"""The grid of the live source: no tick twice, missed ones in order, a long absence closed by one."""

import pytest

from smartstore.world.live import MOST_MISSED, next_tick

pytestmark = pytest.mark.unit

TICK = 500


def test_the_next_tick_follows_whatever_the_wall_clock_says() -> None:
    assert next_tick(10_000, 10_100, TICK) == 10_500
    assert next_tick(10_000, 10_700, TICK) == 10_500
    assert next_tick(10_000, 2_000, TICK) == 10_500


def test_ticks_missed_during_a_short_absence_come_in_order() -> None:
    last, now, ticks = 10_000, 12_250, []
    while (tick := next_tick(last, now, TICK)) <= now:
        ticks.append(tick)
        last = tick
    assert ticks == [10_500, 11_000, 11_500, 12_000]


def test_a_long_absence_is_closed_by_the_present_tick() -> None:
    now = 10_000 + (MOST_MISSED + 1) * TICK + 300
    assert next_tick(10_000, now, TICK) == 10_000 + (MOST_MISSED + 1) * TICK
    assert next_tick(10_000, now - TICK, TICK) == 10_500
