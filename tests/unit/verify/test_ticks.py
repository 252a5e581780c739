"""Effective ticks."""

from smartstore.verify.ticks import EPOCH, NO_MOMENT, TickGrid, from_microseconds, microseconds


def test_a_record_belongs_to_the_first_tick_after_it():
    grid = TickGrid(1000)
    assert grid.effective("s", EPOCH.replace(second=1)) == 2000
    assert grid.effective("s", EPOCH.replace(second=1, microsecond=999_999)) == 2000


def test_a_late_record_joins_the_tick_after_the_last_one_read():
    grid = TickGrid(1000)
    grid.read(5000, ["s"])
    assert grid.effective("s", EPOCH.replace(second=2)) == 6000
    assert grid.effective("s", EPOCH.replace(second=8)) == 9000
    assert grid.effective("other", EPOCH.replace(second=2)) == 3000


def test_moments_survive_as_microseconds():
    moment = EPOCH.replace(year=2031, microsecond=123_457)
    assert from_microseconds(microseconds(moment)) == moment
    assert from_microseconds(NO_MOMENT) is None
