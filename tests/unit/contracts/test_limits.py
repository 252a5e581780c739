"""Records of jobs stay within what one record may say."""

from datetime import date

import pytest

from smartstore.contracts.events import LotQuantity
from smartstore.contracts.limits import days_after, portions

pytestmark = pytest.mark.unit


def lot(code: str, quantity: int) -> LotQuantity:
    return LotQuantity(batch_code=code, quantity=quantity, expiry_date=date(2026, 1, 1))


def test_lots_are_cut_where_a_record_is_full_and_nothing_is_lost() -> None:
    few = [lot("A", 1), lot("B", 999_999)]
    assert list(portions(few)) == [few]
    assert list(portions([])) == []
    parts = list(portions([lot("A", 1), lot("B", 2_500_000), lot("C", 1)]))
    assert [[(one.batch_code, one.quantity) for one in part] for part in parts] == [
        [("A", 1), ("B", 999_999)],
        [("B", 1_000_000)],
        [("B", 500_001), ("C", 1)],
    ]
    assert {one.expiry_date for part in parts for one in part} == {date(2026, 1, 1)}


def test_no_day_is_after_the_last_one() -> None:
    assert days_after(date(2026, 12, 31), 1) == date(2027, 1, 1)
    assert days_after(date(2026, 1, 1), 10**9) == date.max
