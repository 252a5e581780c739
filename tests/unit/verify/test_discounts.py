"""Daily discounts, promotions, and the alerts of discounts and removals, against hand-computed ones.

Lot A expires on 2 January, lot B on the 9th; the ledger begins on 1 January at 08:00.
"""

from datetime import date
from typing import Any

import msgspec
import pytest

from smartstore.contracts.wire import derived_id
from smartstore.verify.compare import Comparison
from smartstore.verify.differences import Check
from smartstore.verify.discounts import hundredths

MIDNIGHT, DAY = 16 * 60, 24 * 60
NEW_YEAR, SECOND = date(2026, 1, 1), date(2026, 1, 2)


def promotion(small: Any, at: float, pct: float, first: str, last: str, **fields: Any) -> str:
    announced = {"shelf_id": "f1", "pct": pct, "first_day": first, "last_day": last}
    identity: str = small.event(
        "store_config", at, kind="promotion", promotion=announced | fields.pop("named", {}), **fields
    )
    return identity


def shares(truth: Any, day: date) -> list[tuple[float, float, float]]:
    """Base, markdown and both, in percent."""
    history = truth.discounts.find(("s1", "f1", day))
    records = history.records if history else []
    return [(one.base_pct, one.markdown_pct, one.discount_pct) for one in records]


def life(truth: Any, job: str, name: str, n: int = 0) -> list[tuple[str, int]]:
    """Status and version of each change of an alert."""
    history = truth.alerts.find(("s1", derived_id(job, "s1/f1", name, n)))
    return [(record.status, record.version) for record in history.records] if history else []


def facts(truth: Any, kind: str) -> list[Any]:
    return [fact.record for fact in truth.facts.values() if getattr(fact.record, "kind", "") == kind]


def test_what_expires_tomorrow_and_then_today(small: Any, minute: Any) -> None:
    small.open()
    small.ticks(10, MIDNIGHT + 10)
    truth = small.replay()
    assert shares(truth, NEW_YEAR) == [(0, 30, 30)]
    assert shares(truth, SECOND) == [(0, 50, 50)]
    assert len(truth.discounts) == 2
    labels = [(one.timestamp, one.markdown.pct, one.markdown.date) for one in facts(truth, "markdown")]
    assert [label[1:] for label in labels] == [(30, NEW_YEAR), (50, SECOND)]
    alert = life(truth, "daily-discount-manager", "near_expiry_discount")
    assert alert == [("open", minute(5))]


def test_promotions_compound_and_the_largest_in_force_counts(small: Any) -> None:
    promotion(small, 0, 33.333, "2025-12-30", "2026-01-01")
    small.open()
    promotion(small, 6, 20, "2026-01-01", "2026-01-05")
    promotion(small, 7, 90, "2026-01-03", "2026-01-05")
    small.ticks(10, MIDNIGHT + 10)
    truth = small.replay()
    assert shares(truth, NEW_YEAR) == [(33.33, 30, 53.33)]
    assert shares(truth, SECOND) == [(20, 50, 60)]


def test_a_promotion_is_replaced_deleted_or_refused(small: Any) -> None:
    small.open()
    promotion(small, 6, 20, "2026-01-01", "2026-01-05")
    promotion(small, 7, 10, "2026-01-01", "2026-01-05")
    promotion(small, 8, 60, "2025-12-31", "2026-01-05")
    promotion(small, 9, 60, "2025-12-31", "2026-01-05", op="delete")
    unknown = promotion(small, 9.5, 5, "2026-01-01", "2026-01-05", named={"shelf_id": "f9"})
    small.ticks(10, MIDNIGHT + 10)
    truth = small.replay()
    assert shares(truth, SECOND) == [(10, 50, 55)]
    assert [(one.event_id, one.reason) for one in truth.refusals] == [(unknown, "unknown_shelf")]


def test_the_alert_ends_with_the_goods_and_with_the_day(small: Any, minute: Any) -> None:
    small.open()
    small.tick(10)
    small.sale(11, 4, "A")
    small.tick(15)
    truth = small.replay()
    alert = life(truth, "daily-discount-manager", "near_expiry_discount")
    assert alert == [("open", minute(5)), ("resolved", minute(15))]
    assert shares(truth, NEW_YEAR) == [(0, 30, 30)]


def reported(small: Any) -> None:
    """People do and report what is to be done."""
    planning = msgspec.structs.replace(small.settings.planning, execution="Reported")
    settings = msgspec.structs.replace(small.settings, planning=planning)
    small.lines[0]["settings"] = msgspec.to_builtins(settings)


def test_without_people_to_stand_in_for_no_label_is_stated(small: Any) -> None:
    small.open()
    small.tick(10)
    reported(small)
    truth = small.replay()
    assert shares(truth, NEW_YEAR) == [(0, 30, 30)]
    assert facts(truth, "markdown") == []


def test_an_alert_of_expired_goods_waits_for_people(small: Any, minute: Any) -> None:
    """The round is at 04:00."""
    small.open()
    round_at = MIDNIGHT + DAY + 4 * 60
    small.ticks(10, round_at + 10)
    small.move(round_at + 11, "removal", 4, lots=[{"batch_code": "A", "quantity": 4}])
    small.tick(round_at + 15)
    reported(small)
    truth = small.replay()
    alert = life(truth, "removal-scheduler", "expired_removal")
    assert alert == [("open", minute(round_at)), ("resolved", minute(round_at + 15))]
    assert life(truth, "removal-scheduler", "wh_expired_removal") == []


def test_an_alert_of_expired_goods_ends_with_their_removal(small: Any, minute: Any) -> None:
    small.open()
    round_at = MIDNIGHT + DAY + 4 * 60
    small.ticks(10, round_at + 10)
    alert = life(small.replay(), "removal-scheduler", "expired_removal")
    assert alert == [("open", minute(round_at)), ("resolved", minute(round_at + 5))]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"markdown_pct": 31.0}, "markdown_pct differs"),
        ({"base_pct": 1.0}, "base_pct differs"),
        ({"discount_pct": 29.99}, "discount_pct differs"),
        ({"expiry_date": NEW_YEAR}, "expiry_date differs"),
        ({"version": 1}, "unexpected version"),
        ({"discount_date": date(2026, 1, 3)}, "should not exist"),
        ({}, None),
    ],
)
def test_a_discount_that_was_tampered_with_is_found(
    small: Any, changes: dict[str, Any], what: str | None
) -> None:
    small.open()
    small.tick(10)
    truth = small.replay()
    check = Check("x")
    comparison = Comparison(check, truth.discounts, small.last_tick)
    record = msgspec.structs.replace(truth.discounts.find(("s1", "f1", NEW_YEAR)).records[0], **changes)
    comparison.row((record.store_id, record.shelf_id, record.discount_date), record)
    comparison.finish()
    assert (what in check.kinds()) if what else not check.total


def test_a_discount_that_is_missing_is_found(small: Any) -> None:
    small.open()
    small.tick(10)
    check = Check("x")
    Comparison(check, small.replay().discounts, small.last_tick).finish()
    assert check.kinds() == {"is missing": 1}


@pytest.mark.parametrize(("pct", "counted"), [(12.345, 12.35), (28.995, 29.0), (33.33, 33.33), (0.004, 0)])
def test_percent_count_to_two_decimals_half_up(pct: float, counted: float) -> None:
    assert float(hundredths(pct)) == counted
