"""Retail figures, against hand-computed ones: minutes from 08:00, ticks of 5 minutes."""

import json
from typing import Any

import pytest

from smartstore.verify.ledger import Ledger
from smartstore.verify.retail.figures import LeadTimes, StoreFigures, lost_sales, measure, total
from smartstore.verify.retail.output import as_json, as_text


def figures(small: Any) -> StoreFigures:
    """Those of the one store of the ledger, at its last tick."""
    index = small.index()
    lost = lost_sales(Ledger(small.directory), index.last_seq)
    (only,) = measure(small.replay(), small.last_tick, lost)
    return only


def note(small: Any, minute: float, kind: str, quantity: int) -> None:
    """A truth that only the world knows."""
    small.put(
        "note",
        data={
            "note_id": f"n{minute}",
            "store_id": "s1",
            "kind": kind,
            "shelf_id": "f1",
            "quantity": quantity,
            "event_id": None,
            "timestamp": small.iso(minute),
        },
    )


def test_what_was_sold_and_what_was_lost_make_the_service_level(small: Any) -> None:
    small.open()
    small.sale(6, 3, "A")
    small.tick(10)
    note(small, 11, "lost_sale", 1)
    note(small, 12, "applied", 7)
    small.tick(15)
    found = figures(small)
    assert (found.receipts, found.units_sold, found.revenue_cents, found.lost_units) == (1, 3, 750, 1)
    assert found.service_level == 0.75


def test_a_shelf_is_empty_from_the_tick_that_shows_it_to_the_one_that_ends_it(small: Any) -> None:
    small.open()
    small.move(6, "pickup", 8)
    small.ticks(10, 20)
    small.move(21, "putback", 2, lots=[{"batch_code": "B", "quantity": 2}])
    small.ticks(25, 45)
    found = figures(small)
    assert found.stock_outs == 1
    assert (found.empty_ms, found.shelf_ms) == (15 * 60_000, 40 * 60_000)
    assert found.availability == pytest.approx(1 - 15 / 40)


def test_a_shelf_that_stays_empty_counts_up_to_the_last_tick(small: Any) -> None:
    small.open()
    small.move(6, "pickup", 8)
    small.ticks(10, 25)
    assert figures(small).empty_ms == 15 * 60_000


def test_waste_is_what_was_taken_away(small: Any) -> None:
    small.open()
    small.move(6, "removal", 2, lots=[{"batch_code": "A", "quantity": 2}])
    small.sale(7, 2, "B")
    small.tick(10)
    found = figures(small)
    assert (found.wasted_on_shelf, found.wasted_in_back_room, found.waste_share) == (2, 0, 0.5)


def test_nobody_knows_lost_sales_of_real_stores(small: Any) -> None:
    small.open()
    (found,) = measure(small.replay(), small.last_tick, None)
    assert (found.lost_units, found.service_level) == (None, None)


@pytest.mark.parametrize(("share", "value"), [(0.5, 2.0), (0.95, 4.0), (0.25, 1.0)])
def test_quantiles_are_values_that_occurred(share: float, value: float) -> None:
    assert LeadTimes([4.0, 1.0, 3.0, 2.0]).quantile(share) == value


def test_without_a_value_there_is_no_quantile() -> None:
    assert LeadTimes().quantile(0.5) is None


def test_the_estate_is_the_sum_of_its_stores() -> None:
    stores = [
        StoreFigures("s1", units_sold=8, lost_units=2, shelf_ms=100, empty_ms=10, supplier=LeadTimes([60.0])),
        StoreFigures("s2", units_sold=10, lost_units=0, shelf_ms=100, supplier=LeadTimes([120.0])),
    ]
    whole = total(stores)
    assert (whole.units_sold, whole.lost_units, whole.service_level) == (18, 2, 0.9)
    assert whole.availability == 0.95
    assert whole.supplier.minutes == [60.0, 120.0]


def test_people_get_a_line_for_each_store_and_machines_the_same_numbers() -> None:
    stores = [StoreFigures("s1", units_sold=8, lost_units=2, revenue_cents=123_456)]
    text = as_text(stores, total(stores), 0)
    assert [line.split()[0] for line in text.splitlines()[2:5]] == ["STORE", "s1", "all"]
    assert "1,234.56" in text
    assert "80.00 %" in text
    document = json.loads(as_json(stores, total(stores), 0))
    assert document["stores"][0]["service_level"] == document["all"]["service_level"] == 0.8
