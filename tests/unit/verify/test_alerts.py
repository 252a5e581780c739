"""Alert life cycles, against hand-computed ones (30 %, at least 1, target 80 %, 2 days, cooldown 20 min)."""

from datetime import date

from smartstore.contracts.wire import derived_id


def life(truth, alert_type="refill_request", n=0, shelf="f1"):
    alert_id = derived_id("shelf-alert-engine", f"s1/{shelf}", alert_type, n)
    history = truth.alerts.find(("s1", alert_id))
    return history.records if history else []


def refill(small, at, quantity):
    small.move(at, "putback", quantity, lots=[{"batch_code": "B", "quantity": quantity}])


def acknowledge(small, at, **fields):
    return small.event("commands", at, command="acknowledge", **fields)


def test_it_opens_below_the_threshold_and_resolves_when_the_shelf_recovers(small, minute):
    small.open({"B": 3})
    small.move(6, "pickup", 1)
    small.tick(10)
    refill(small, 11, 3)
    small.tick(15)
    opened, resolved = life(small.replay())
    assert (opened.status, opened.version, opened.stock_pct, opened.suggested_qty) == (
        "open",
        minute(10),
        20.0,
        6,
    )
    assert (resolved.status, resolved.current_stock, resolved.version) == ("resolved", 5, minute(15))
    assert (resolved.created_at, resolved.resolved_at) == (opened.created_at, resolved.updated_at)


def test_exactly_the_threshold_is_enough(small):
    small.open({"B": 3})
    assert life(small.replay()) == []


def test_a_new_one_waits_for_the_end_of_the_cooldown(small, minute):
    small.open({"B": 2})
    refill(small, 6, 3)
    small.tick(10)
    small.move(11, "pickup", 4)
    small.ticks(15, 30)
    truth = small.replay()
    assert [record.version for record in life(truth)] == [minute(5), minute(10)]
    assert [record.version for record in life(truth, n=1)] == [minute(25)]


def test_acknowledged_and_resolved_in_one_tick_are_two_versions(small, minute):
    small.open({"B": 2})
    acknowledge(small, 6, shelf_id="f1", alert_type="refill_request")
    refill(small, 7, 6)
    small.tick(10)
    opened, acknowledged, resolved = life(small.replay())
    assert (acknowledged.status, acknowledged.version) == ("acknowledged", minute(10))
    assert (resolved.status, resolved.version) == ("resolved", minute(10) + 1)
    assert resolved.acknowledged_at == resolved.resolved_at != opened.created_at


def test_a_command_for_an_alert_that_is_not_open_is_refused(small):
    small.open({"B": 2})
    acknowledge(small, 6, alert_id=derived_id("shelf-alert-engine", "s1/f1", "refill_request", 0))
    second = acknowledge(small, 7, shelf_id="f1", alert_type="refill_request")
    small.tick(10)
    truth = small.replay()
    assert [record.status for record in life(truth)] == ["open", "acknowledged"]
    assert [(r.event_id, r.reason) for r in truth.refusals] == [(second, "alert_not_open")]


def test_near_expiry_ends_when_the_lot_is_gone_or_has_expired(small, minute):
    small.open({"A": 4, "B": 6})
    two_days = 2 * 24 * 60 - 8 * 60
    small.tick(two_days)
    opened, resolved = life(small.replay(), "near_expiry")
    assert (opened.version, opened.expiry_date, opened.suggested_qty) == (minute(5), date(2026, 1, 2), 0)
    assert resolved.version == minute(two_days)


def test_a_day_brings_an_expiry_date_nearer(small, minute):
    small.open({"B": 9})
    small.ticks(10, 15)
    midnights = [16 * 60 + day * 24 * 60 for day in range(7)]
    for midnight in midnights:
        small.tick(midnight)
    (opened,) = life(small.replay(), "near_expiry")
    assert opened.version == minute(midnights[5])


def test_the_most_specific_policy_decides_each_field(small, minute):
    small.open({"B": 5})
    policies = [
        {"policy_id": "all", "threshold_pct": 90.0, "min_qty": 0},
        {"policy_id": "category", "item_category": "dairy", "threshold_pct": 80.0},
        {"policy_id": "other-shelf", "shelf_id": "f2", "threshold_pct": 0.0},
        {"policy_id": "off", "shelf_id": "f1", "threshold_pct": 0.0, "active": False},
    ]
    for policy in policies:
        small.event("store_config", 6, kind="policy", policy=policy)
    small.tick(10)
    small.event("store_config", 11, kind="policy", op="delete", policy={"policy_id": "category"})
    small.event(
        "store_config",
        12,
        kind="policy",
        policy={"policy_id": "here", "store_id": "s1", "threshold_pct": 9.0},
    )
    small.tick(15)
    opened, resolved = life(small.replay())
    assert (opened.version, opened.threshold_pct, opened.min_qty) == (minute(10), 80.0, 0)
    assert (resolved.version, resolved.threshold_pct) == (minute(15), 9.0)


def test_a_shelf_that_was_never_counted_has_no_alerts(small):
    small.profile()
    small.move(1, "pickup", 1)
    small.ticks(5, 10)
    assert len(small.replay().alerts) == 0
