"""Alerts and their life: docs/stock-rules.md, Alerts."""

from datetime import date

from msgspec import Struct

from smartstore.contracts import topics
from smartstore.contracts.outputs import Alert
from tests.unit.domain.lines_of_a_store import (
    Lines,
    acknowledge,
    at,
    count,
    lot,
    of,
    policy,
    profile,
    run,
    shelf_event,
)


def opened(stock: int = 10, capacity: int = 20, expiry: date | None = None) -> Lines:
    return Lines().write(profile("A1", capacity), count("A1", [lot("B1", stock, expiry)])).tick(1)


def alerts(lines: Lines, **planning: object) -> list[Alert]:
    """Those of the shelf-alert-engine."""
    found = of(run(lines, **planning)[1], topics.ALERTS)
    return [one for one in found if one.alert_type in {"refill_request", "near_expiry"}]


def take(event: str, minutes: float, quantity: int) -> Struct:
    return shelf_event(event, minutes, "pickup", "A1", quantity)


def refill(event: str, minutes: float, quantity: int) -> Struct:
    return shelf_event(event, minutes, "putback", "A1", quantity, lots=[lot("B2", quantity)])


def lives(found: list[Alert]) -> list[tuple[str, str]]:
    return [(one.alert_type, one.status) for one in found]


def test_refill_request_opens_below_the_threshold_and_says_how_much() -> None:
    (alert,) = alerts(opened().write(take("e1", 1.1, 5)).tick(2))
    assert (alert.status, alert.current_stock, alert.stock_pct, alert.suggested_qty) == ("open", 5, 25.0, 11)
    assert alert.created_at == alert.updated_at == at(2)


def test_exactly_at_the_threshold_there_is_no_alert() -> None:
    assert alerts(opened().write(take("e1", 1.1, 4)).tick(2)) == []


def test_below_the_minimum_quantity_alerts_even_on_a_tiny_shelf() -> None:
    (alert,) = alerts(opened(stock=1, capacity=1).write(take("e1", 1.1, 1)).tick(2))
    assert (alert.current_stock, alert.min_qty) == (0, 1)


def test_the_opening_state_is_evaluated() -> None:
    assert lives(alerts(opened(stock=2))) == [("refill_request", "open")]


def test_only_the_stock_after_the_tick_alerts() -> None:
    lines = opened().write(take("e1", 1.1, 9), refill("e2", 1.5, 9)).tick(2)
    assert alerts(lines) == []


def test_one_alert_while_stock_keeps_falling() -> None:
    lines = (
        opened()
        .write(take("e1", 1.1, 5))
        .tick(2)
        .write(take("e2", 2.1, 1))
        .tick(3)
        .write(take("e3", 3.1, 1))
        .tick(4)
    )
    assert lives(alerts(lines)) == [("refill_request", "open")]


def test_empty_and_expired_lots_neither_raise_nor_hide_near_expiry() -> None:
    lots = [
        lot("OLD", 2, date(2025, 12, 20)),
        lot("SOON", 3, date(2026, 1, 4)),
        lot("FAR", 9, date(2026, 3, 1)),
    ]
    lines = Lines().write(profile("A1"), count("A1", lots)).tick(1)
    (alert,) = alerts(lines)
    assert (alert.alert_type, alert.expiry_date) == ("near_expiry", date(2026, 1, 4))
    gone = lines.write(shelf_event("e1", 1.1, "removal", "A1", 3, lots=[lot("SOON", 3)])).tick(2)
    assert lives(alerts(gone)) == [("near_expiry", "open"), ("near_expiry", "resolved")]


def test_near_expiry_comes_by_the_calendar_alone() -> None:
    lines = opened(expiry=date(2026, 1, 8)).ticks(2, 2 * 1440)
    (alert,) = alerts(lines)
    assert alert.created_at == at(2 * 1440 - 7 * 60).replace(hour=0)
    assert alert.created_at.date() == date(2026, 1, 3)


def test_without_any_policy_the_defaults_hold() -> None:
    assert alerts(opened().write(take("e1", 1.1, 5)).tick(2), threshold_pct=10.0) == []


def test_the_most_specific_policy_wins_field_by_field() -> None:
    lines = opened().write(
        policy(1, "all", threshold_pct=90.0, min_qty=15),
        policy(1, "category", item_category="BEERS", threshold_pct=10.0),
        policy(1, "other", item_category="WINES", threshold_pct=99.0),
        policy(1, "subcategory", item_subcategory="Premium", min_qty=2),
        policy(1, "elsewhere", store_id="s0002", shelf_id="A1", threshold_pct=99.0),
    )
    assert alerts(lines.tick(2)) == []


def test_a_policy_of_another_store_does_not_apply() -> None:
    assert alerts(opened().write(policy(1, "x", store_id="s0002", threshold_pct=99.0)).tick(2)) == []


def test_a_policy_change_acts_at_the_next_tick_and_its_deletion_too() -> None:
    lines = opened().write(policy(1, threshold_pct=60.0)).tick(2).write(policy(2, op="delete")).tick(3)
    found = alerts(lines)
    assert lives(found) == [("refill_request", "open"), ("refill_request", "resolved")]
    assert [one.threshold_pct for one in found] == [60.0, 30.0]


def test_an_inactive_policy_does_not_apply() -> None:
    assert alerts(opened().write(policy(1, threshold_pct=60.0, active=False)).tick(2)) == []


def test_open_acknowledged_resolved() -> None:
    lines = opened().write(take("e1", 1.1, 6)).tick(2).write(acknowledge(2.5, "A1")).tick(3)
    found = alerts(lines.write(refill("e2", 3.1, 10)).tick(4))
    assert lives(found) == [("refill_request", s) for s in ("open", "acknowledged", "resolved")]
    assert len({one.alert_id for one in found}) == 1
    assert (found[2].created_at, found[2].acknowledged_at, found[2].resolved_at) == (at(2), at(3), at(4))
    assert [one.version for one in found] == sorted({one.version for one in found})


def test_acknowledged_and_resolved_in_one_tick_are_two_versions() -> None:
    lines = (
        opened()
        .write(take("e1", 1.1, 6))
        .tick(2)
        .write(acknowledge(2.5, "A1"), refill("e2", 2.6, 10))
        .tick(3)
    )
    found = alerts(lines)
    assert [one.status for one in found] == ["open", "acknowledged", "resolved"]
    assert found[2].version == found[1].version + 1


def test_a_healthy_shelf_says_nothing() -> None:
    lines = opened()
    for minute in range(2, 8):
        lines.write(take(f"e{minute}", minute - 0.5, 1), refill(f"f{minute}", minute - 0.4, 1)).tick(minute)
    assert alerts(lines) == []


def test_the_cooldown_keeps_a_flapping_shelf_quiet_and_then_alerts_if_it_is_still_low() -> None:
    lines = (
        opened()
        .write(take("e1", 1.1, 6))
        .tick(2)
        .write(refill("e2", 2.1, 6))
        .tick(3)
        .write(take("e3", 3.1, 6))
        .ticks(4, 90)
    )
    found = alerts(lines, cooldown_minutes=60)
    assert [(one.status, one.created_at) for one in found] == [
        ("open", at(2)),
        ("resolved", at(2)),
        ("open", at(62)),
    ]
    assert found[0].alert_id != found[2].alert_id


def test_a_command_for_an_alert_that_is_not_open_is_kept_with_its_reason() -> None:
    _, outputs = run(opened().write(acknowledge(1.5, "A1")).tick(2))
    (letter,) = of(outputs, topics.DEAD_LETTERS)
    assert letter.reason.startswith("alert_not_open")


def test_acknowledge_by_alert_id() -> None:
    lines = opened().write(take("e1", 1.1, 6)).tick(2)
    (alert,) = alerts(lines)
    command = acknowledge(2.5, "A1").__class__(
        event_id="c", store_id="s0001", timestamp=at(2.5), command="acknowledge", alert_id=alert.alert_id
    )
    assert alerts(lines.write(command).tick(3))[-1].status == "acknowledged"


def test_no_alert_before_the_opening_count() -> None:
    assert alerts(Lines().write(profile("A1"), policy(0, threshold_pct=99.0)).tick(1)) == []
