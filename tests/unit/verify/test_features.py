"""Daily features against hand-counted ones, and rows that were tampered with."""

from datetime import date
from typing import Any

import msgspec
import pytest

from smartstore.verify.compare import Comparison
from smartstore.verify.differences import Check

MIDNIGHT = 16 * 60
NEW_YEAR, SECOND = date(2026, 1, 1), date(2026, 1, 2)
KEY = ("s1", "f1", NEW_YEAR)


@pytest.fixture
def truth(small: Any) -> Any:
    """Eight units, of which two are sold and four removed on the first day, and all the rest after midnight."""
    small.open()
    small.move(6, "pickup", 2)
    small.sale(7, 2, "B")
    small.move(8, "removal", 4, lots=[{"batch_code": "A", "quantity": 4}])
    small.ticks(10, MIDNIGHT - 5)
    small.move(MIDNIGHT - 4, "pickup", 2)
    small.sale(MIDNIGHT - 3, 2, "B")
    small.ticks(MIDNIGHT, MIDNIGHT + 10)
    planning = msgspec.structs.replace(small.settings.planning, execution="Reported")
    settings = msgspec.structs.replace(small.settings, planning=planning)
    small.lines[0]["settings"] = msgspec.to_builtins(settings)
    return small.replay()


def test_a_day_is_told_as_it_ended(truth: Any, minute: Any) -> None:
    (row,) = truth.features.find(KEY).records
    assert row.version == minute(MIDNIGHT)
    assert (row.sales_qty, row.people_count, row.expired_qty_shelf) == (2, 1, 4)
    assert (row.current_stock_shelf, row.shelf_fill_ratio, row.stockout_events) == (2, 0.2, 0)
    assert (row.min_expiration_days, row.qty_expiring_next_7d) == (8, 0)
    assert (row.shelf_threshold_qty, row.is_shelf_alert, row.discount_pct) == (3, True, 30.0)
    assert truth.features.find(("s1", "f1", SECOND)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"sales_qty": 4},
        {"current_stock_shelf": 0},
        {"stockout_events": 1},
        {"discount_pct": 0.0},
        {"is_shelf_alert": False},
        {"min_expiration_days": None},
        {"wh_reorder_point_qty": 0},
        {"version": 1},
        {"feature_date": SECOND},
    ],
)
def test_a_row_that_was_tampered_with_is_found(truth: Any, changes: dict[str, Any]) -> None:
    (row,) = truth.features.find(KEY).records
    kinds = []
    for record in (row, msgspec.structs.replace(row, **changes)):
        check = Check("x")
        comparison = Comparison(check, truth.features, row.version + 1)
        comparison.row((record.store_id, record.shelf_id, record.feature_date), record)
        comparison.finish()
        kinds.append(bool(check.total))
    assert kinds == [False, True]
