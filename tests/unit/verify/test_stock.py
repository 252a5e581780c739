"""Shelf balances, against hand-computed values."""

import pytest

from smartstore.verify.stock import Correction


def shelf(truth, name="f1"):
    return truth.shelves.find(("s1", name))


def test_counts_and_moves_add_up(small, records):
    small.open()
    small.move(6, "pickup", 3)
    small.move(7, "putback", 1)
    small.move(8, "putback", 2, lots=[{"batch_code": "B", "quantity": 2}])
    small.move(9, "removal", 1, lots=[{"batch_code": "A", "quantity": 1}])
    small.event("shelf_events", 9, event_type="weight_change", shelf_id="f1", delta_weight_g=-120)
    small.tick(10)
    first, second = records(shelf(small.replay()))
    assert (first.current_stock, first.shelf_weight_g, first.last_event_at) == (8, 800, None)
    assert (second.current_stock, second.deficit, second.shelf_weight_g) == (7, 0, 680)
    assert second.last_event_at.isoformat() == "2026-01-01T08:09:00+00:00"
    assert second.version == small.last_tick


def test_a_second_opening_count_is_ignored(small):
    small.open().count(6, {"A": 1})
    small.tick(10)
    truth = small.replay()
    assert shelf(truth).balance_at(small.last_tick) == 8
    assert len(shelf(truth).versions) == 1


def test_a_recount_writes_the_difference_in_its_place_among_the_events(small):
    small.open()
    small.move(6, "pickup", 1)
    small.count(7, {"A": 2, "B": 3}, "recount")
    small.move(8, "pickup", 2)
    small.tick(10)
    truth = small.replay()
    assert shelf(truth).balance_at(small.last_tick) == 3
    assert Correction("s1", "f1", None, "recount", small.last_tick, -2) in truth.corrections


@pytest.mark.parametrize(("explained", "balance", "corrected"), [(True, 0, False), (False, 0, True)])
def test_a_deficit_lasts_for_the_lateness_bound(small, minute, explained, balance, corrected):
    small.open({"A": 2})
    small.move(6, "pickup", 5)
    small.tick(10)
    if explained:
        small.move(9, "putback", 3, "f1", lots=[{"batch_code": "A", "quantity": 3}])
    small.ticks(15, 25)
    truth = small.replay()
    history = shelf(truth)
    assert history.record(1).deficit == 3
    assert history.balance_at(small.last_tick) == balance
    wanted = Correction("s1", "f1", None, "unexplained_deficit", minute(20), 3)
    assert (wanted in truth.corrections) is corrected
    assert history.versions[-1] == (minute(20) if corrected else minute(15))


def test_an_event_of_an_unknown_shelf_is_refused(small):
    event = small.open().move(6, "pickup", 1, shelf="f9")
    small.tick(10)
    truth = small.replay()
    assert shelf(truth, "f9") is None
    assert [(r.event_id, r.reason) for r in truth.refusals] == [(event, "unknown_shelf")]


def test_a_duplicate_counts_once_and_a_late_event_in_its_tick(small, minute):
    small.open()
    small.move(6, "pickup", 1)
    small.event("shelf_events", 6, "duplicate", event_id="e3", event_type="pickup", shelf_id="f1", quantity=1)
    small.tick(10)
    small.move(7, "pickup", 2, fault="late")
    small.tick(15)
    history = shelf(small.replay())
    assert [history.balance_at(minute(t)) for t in (5, 10, 15)] == [8, 7, 5]
