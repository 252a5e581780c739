"""What expires is marked down once a day: docs/stock-rules.md, Discounts."""

from datetime import date

import pytest

from smartstore.contracts import topics
from smartstore.contracts.events import LotQuantity, StoreConfig
from smartstore.contracts.outputs import Alert, DailyDiscount
from smartstore.contracts.wire import derived_id
from smartstore.domain.prices import basis_points, compounded, reduction
from tests.unit.domain.lines_of_a_store import (
    STORE,
    Lines,
    acknowledge,
    at,
    count,
    facts_of,
    lot,
    minutes_of,
    of,
    profile,
    promotion,
    receipt,
    run,
    shelf_event,
    status,
)

TODAY, TOMORROW = date(2026, 1, 1), date(2026, 1, 2)
YESTERDAY, LATER = date(2025, 12, 31), date(2026, 1, 3)
MIDNIGHT = 17 * 60
"""Minutes after the start."""
DAY = 1440
DAY_NUMBER = TODAY.toordinal() - date(1970, 1, 1).toordinal()


def opened(*lots: LotQuantity) -> Lines:
    """A full shelf with these lots beside a fresh one, so that no plan is made."""
    return Lines().write(profile("A1"), count("A1", [*lots, lot("FRESH", 18)])).tick(1)


def discounts(lines: Lines, **planning: object) -> list[DailyDiscount]:
    return of(run(lines, **planning)[1], topics.DAILY_DISCOUNTS)


def shares(lines: Lines, **planning: object) -> list[tuple[float, float, float, float]]:
    """Minute, base, markdown and both together, in percent."""
    return [
        (minutes_of(one.created_at), one.base_pct, one.markdown_pct, one.discount_pct)
        for one in discounts(lines, **planning)
    ]


def labels(lines: Lines, **planning: object) -> list[StoreConfig]:
    return [one for one in facts_of(run(lines, **planning)[1]) if isinstance(one, StoreConfig)]


def alerts(lines: Lines, **planning: object) -> list[Alert]:
    found = of(run(lines, **planning)[1], topics.ALERTS)
    return [one for one in found if one.alert_type == "near_expiry_discount"]


def lives(found: list[Alert]) -> list[tuple[float, str]]:
    return [(minutes_of(one.updated_at), one.status) for one in found]


def test_what_expires_today_is_marked_down_more_than_what_expires_tomorrow() -> None:
    (found,) = discounts(opened(lot("E", 2, TODAY)).ticks(2, 9))
    assert found == DailyDiscount(
        store_id=STORE,
        shelf_id="A1",
        discount_date=TODAY,
        expiry_date=TODAY,
        base_pct=0.0,
        markdown_pct=50.0,
        discount_pct=50.0,
        created_at=at(1),
        updated_at=at(1),
        version=found.version,
    )
    assert shares(opened(lot("E", 2, TOMORROW)).ticks(2, 9)) == [(1, 0, 30, 30)]
    assert shares(opened(lot("E", 2, TOMORROW), lot("F", 1, TODAY)).ticks(2, 9)) == [(1, 0, 50, 50)]


@pytest.mark.parametrize("expiry", [YESTERDAY, LATER, None])
def test_what_has_expired_or_expires_later_or_never_is_not_marked_down(expiry: date | None) -> None:
    assert discounts(opened(lot("E", 2, expiry)).ticks(2, 9)) == []


def test_empty_lots_and_shelves_that_were_never_counted_are_not_marked_down() -> None:
    lines = opened(lot("E", 2, TODAY)).write(receipt("r", 1.2, ("A1", "E", 2))).ticks(2, 70)
    assert discounts(lines, discount_hour=8) == []
    lines = Lines().write(profile("A1"), shelf_event("e", 0.5, "putback", "A1", 3, lots=[lot("E", 3, TODAY)]))
    assert discounts(lines.ticks(1, 3)) == []


def test_a_second_run_the_same_day_changes_nothing() -> None:
    lines = opened(lot("E", 2, TODAY)).ticks(2, 20)
    lines.write(shelf_event("e", 20.5, "putback", "A1", 3, lots=[lot("E", 3, TODAY)])).ticks(21, 400)
    assert shares(lines) == [(1, 0, 50, 50)]
    assert len(labels(lines)) == 1


def test_the_next_day_starts_again_from_the_list_price() -> None:
    lines = opened(lot("E", 2, TOMORROW)).ticks(2, MIDNIGHT + 20)
    assert shares(lines) == [(1, 0, 30, 30), (MIDNIGHT, 0, 50, 50)]
    first, second = discounts(lines)
    assert (first.discount_date, second.discount_date) == (TODAY, TOMORROW)


def test_each_day_of_a_shelf_has_a_discount_of_its_own() -> None:
    """One does not take the place of the other."""
    _, outputs = run(opened(lot("E", 2, TOMORROW)).ticks(2, MIDNIGHT + 20))
    keys = [output.key for output in outputs if output.topic == topics.DAILY_DISCOUNTS.name]
    assert keys == [f"{STORE}/A1/{day}" for day in (TODAY, TOMORROW)]


def test_the_round_is_at_the_first_tick_from_the_hour_on() -> None:
    assert shares(opened(lot("E", 2, TODAY)).ticks(2, 59), discount_hour=8) == []
    assert shares(opened(lot("E", 2, TODAY)).ticks(2, 90), discount_hour=8) == [(60, 0, 50, 50)]
    late = opened(lot("E", 2, TODAY)).ticks(2, 9).ticks(75, 90)
    assert shares(late, discount_hour=8) == [(75, 0, 50, 50)]


def test_a_store_that_sleeps_over_a_round_does_not_make_it_up() -> None:
    assert shares(opened(lot("E", 2, TOMORROW)).ticks(3 * DAY, 3 * DAY + 5)) == [(1, 0, 30, 30)]


def test_a_markdown_of_nothing_is_none() -> None:
    lines = opened(lot("E", 2, TOMORROW)).ticks(2, MIDNIGHT + 5)
    assert shares(lines, markdown_tomorrow_pct=0) == [(MIDNIGHT, 0, 50, 50)]


def test_a_promotion_and_a_markdown_compound() -> None:
    lines = Lines().write(promotion(0.5, "A1", 33.33, TODAY, TOMORROW))
    lines.write(profile("A1"), count("A1", [lot("E", 2, TODAY)])).ticks(1, 9)
    # 1 − 0.6667 × 0.5 = 0.66665: half up.
    assert shares(lines) == [(1, 33.33, 50, 66.67)]


def test_the_largest_promotion_of_the_day_holds_and_only_on_its_days() -> None:
    lines = opened(lot("E", 2, LATER))
    lines.write(
        promotion(1.1, "A1", 10, YESTERDAY, TOMORROW),
        promotion(1.2, "A1", 20, TODAY, LATER),
        promotion(1.3, "A1", 40, LATER, LATER),
        promotion(1.4, "A1", 90, TODAY, TODAY),
        promotion(1.5, "A1", 5, TODAY, TODAY),
    )
    lines.ticks(2, MIDNIGHT + DAY + 5)
    # The fourth replaced the second, and the fifth the fourth: they begin on the same day.
    assert shares(lines) == [(MIDNIGHT, 10, 30, 37), (MIDNIGHT + DAY, 40, 50, 70)]


def test_a_deleted_promotion_holds_no_more() -> None:
    lines = opened(lot("E", 2, TOMORROW)).write(
        promotion(1.1, "A1", 10, TODAY, LATER), promotion(1.2, "A1", 10, TODAY, TODAY, "delete")
    )
    assert shares(lines.ticks(2, MIDNIGHT + 5))[1] == (MIDNIGHT, 0, 50, 50)


def test_a_promotion_of_an_unknown_shelf_is_refused() -> None:
    _, outputs = run(opened().write(promotion(1.1, "Z9", 10, TODAY, LATER)).tick(2))
    (letter,) = of(outputs, topics.DEAD_LETTERS)
    assert letter.reason.startswith("unknown_shelf:")
    assert (letter.source, letter.field) == ("store_config", "promotion.shelf_id")


def test_the_labels_are_changed_where_jobs_stand_in_for_people() -> None:
    lines = opened(lot("E", 2, TODAY)).ticks(2, 9)
    (label,) = labels(lines)
    assert label.event_id == derived_id("daily-discount-manager", f"{STORE}/A1", "markdown", DAY_NUMBER)
    assert (label.timestamp, label.kind) == (at(1), "markdown")
    assert label.markdown is not None
    assert (label.markdown.shelf_id, label.markdown.pct, label.markdown.date) == ("A1", 50.0, TODAY)
    assert labels(lines, execution="Reported") == []
    assert len(discounts(lines, execution="Reported")) == 1


def test_an_alert_holds_as_long_as_such_goods_are_there() -> None:
    lines = opened(lot("E", 2, TODAY)).ticks(2, 9)
    lines.write(receipt("r", 9.5, ("A1", "E", 1))).tick(10).write(receipt("s", 10.5, ("A1", "E", 1))).ticks(
        11, 20
    )
    found = alerts(lines)
    assert lives(found) == [(1, "open"), (11, "resolved")]
    assert (found[0].location, found[0].expiry_date, found[0].current_stock) == ("store", TODAY, 20)
    assert found[0].alert_id == derived_id("daily-discount-manager", f"{STORE}/A1", "near_expiry_discount", 0)


def test_an_alert_goes_on_with_a_new_discount_and_ends_with_the_day_without_one() -> None:
    lines = opened(lot("E", 2, TOMORROW)).ticks(2, MIDNIGHT + DAY + 9)
    assert lives(alerts(lines)) == [(1, "open"), (MIDNIGHT + DAY, "resolved")]


def test_until_the_round_of_the_day_there_is_no_alert() -> None:
    lines = opened(lot("E", 2, TOMORROW)).ticks(2, MIDNIGHT + DAY)
    found = lives(alerts(lines, discount_hour=2))
    assert found == [
        (1, "open"),
        (MIDNIGHT, "resolved"),
        (MIDNIGHT + 120, "open"),
        (MIDNIGHT + DAY, "resolved"),
    ]


def test_goods_that_come_later_in_the_day_open_it_again_after_the_cooldown() -> None:
    lines = opened(lot("E", 1, TODAY)).write(receipt("r", 1.5, ("A1", "E", 1))).ticks(2, 9)
    lines.write(shelf_event("e", 9.5, "putback", "A1", 3, lots=[lot("E", 3, TODAY)])).ticks(10, 99)
    assert lives(alerts(lines)) == [(1, "open"), (2, "resolved"), (61, "open")]


def test_without_a_discount_there_is_no_alert() -> None:
    lines = opened().ticks(2, 9)
    lines.write(shelf_event("e", 9.5, "putback", "A1", 3, lots=[lot("E", 3, TODAY)])).ticks(10, 99)
    assert alerts(lines) == []


def test_it_can_be_acknowledged_by_shelf_and_type() -> None:
    lines = (
        opened(lot("E", 2, TODAY)).ticks(2, 9).write(acknowledge(9.5, "A1", "near_expiry_discount")).tick(10)
    )
    assert lives(alerts(lines)) == [(1, "open"), (10, "acknowledged")]


@pytest.mark.parametrize(
    ("pct", "points"), [(0, 0), (12.345, 1235), (28.995, 2900), (0.004, 0), (100, 10_000), (33.33, 3333)]
)
def test_percent_count_to_two_decimals_half_up(pct: float, points: int) -> None:
    assert basis_points(pct) == points


@pytest.mark.parametrize(
    ("first", "second", "both"), [(0, 5000, 5000), (10_000, 1, 10_000), (3333, 5000, 6667), (1, 1, 2)]
)
def test_two_reductions_compound_half_up(first: int, second: int, both: int) -> None:
    assert compounded(first, second) == compounded(second, first) == both


@pytest.mark.parametrize(
    ("cents", "points", "off"), [(99, 5000, 50), (100, 1549, 15), (100, 1550, 16), (0, 1, 0)]
)
def test_cents_are_rounded_half_up(cents: int, points: int, off: int) -> None:
    assert reduction(cents, points) == off


def test_a_promotion_that_ended_is_forgotten() -> None:
    lines = opened().write(promotion(1.1, "A1", 10, TODAY, TOMORROW)).ticks(2, MIDNIGHT + 5)
    state, _ = run(lines)
    assert len(state.discounts.promotions) == 1
    state, _ = run(lines.ticks(MIDNIGHT + DAY, MIDNIGHT + DAY + 2))
    assert len(state.discounts.promotions) == 0


def test_a_closed_store_marks_nothing_down_and_makes_it_up_when_it_opens() -> None:
    lines = opened(lot("E", 2, TOMORROW)).ticks(2, 9).write(status(9.5, "closed"))
    lines.ticks(10, MIDNIGHT + 9).write(status(MIDNIGHT + 9.5, "open")).ticks(MIDNIGHT + 10, MIDNIGHT + 20)
    assert shares(lines) == [(1, 0, 30, 30), (MIDNIGHT + 10, 0, 50, 50)]
    assert lives(alerts(lines)) == [
        (1, "open"),
        (10, "resolved"),
        (MIDNIGHT + 10, "open"),
    ]
