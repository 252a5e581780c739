"""Configuration that arrives while a store runs: shelves, lots known beforehand, policies of the back room."""

from collections.abc import Mapping
from datetime import date

import pytest

from smartstore.contracts import topics
from smartstore.contracts.events import ShelfProfile, StoreConfig, WhPolicy
from smartstore.domain.policies import reorder_point, with_changes
from smartstore.domain.shelves import Shelves
from smartstore.domain.state_codec import decode_state, encode_parts, pack_parts, unpack_parts
from tests.unit.domain.lines_of_a_store import (
    STORE,
    Lines,
    at,
    back_room_event,
    count,
    known_lot,
    lot,
    minutes_of,
    of,
    profile,
    receipt,
    run,
    shelf_event,
    stored,
)

pytestmark = pytest.mark.unit

SOON, LATER = date(2026, 1, 3), date(2026, 1, 20)


# Profiles


def test_a_shelf_that_appears_while_running_lives_like_the_others() -> None:
    lines = Lines().write(profile("A"), count("A", [lot("a", 10)])).tick(1)
    lines.write(shelf_event("too-soon", 1.5, "pickup", "B", 1)).tick(2)
    lines.write(profile("B", capacity=10, minutes=2), count("B", [lot("b", 9)], minutes=2.5))
    lines.write(count("B", [lot("c", 30)], minutes=2.5, location="warehouse")).tick(3)
    lines.write(shelf_event("pick", 3.5, "pickup", "B", 8)).tick(4)
    state, outputs = run(lines, pick_minutes=0, travel_minutes=0, threshold_pct=50)
    assert state.shelves.ids == ("A", "B")
    (refused,) = of(outputs, topics.DEAD_LETTERS)
    assert refused.event_id == "too-soon"
    stock = [one.current_stock for one in of(outputs, topics.SHELF_STATE) if one.shelf_id == "B"]
    assert stock[:2] == [9, 1]
    (alert,) = of(outputs, topics.ALERTS)
    assert (alert.shelf_id, minutes_of(alert.created_at), alert.capacity) == ("B", 4, 10)
    plans = of(outputs, topics.SHELF_RESTOCK_PLAN)
    assert (plans[0].shelf_id, plans[0].suggested_qty) == ("B", 7)


def test_a_new_capacity_decides_from_the_next_tick_on() -> None:
    lines = Lines().write(profile("A", capacity=20), count("A", [lot("a", 10)])).tick(1)
    lines.write(profile("A", capacity=100, minutes=1)).tick(2)
    lines.write(profile("A", capacity=20, minutes=2)).tick(3)
    _, outputs = run(lines)
    lives = [(one.status, minutes_of(one.updated_at), one.capacity) for one in of(outputs, topics.ALERTS)]
    assert lives == [("open", 2, 100), ("resolved", 3, 20)]


# Lots known beforehand


def dates(
    lines: Lines, topic: topics.Topic = topics.SHELF_BATCH_STATE
) -> list[tuple[float, str, date | None]]:
    """When each lot's record was published, and which expiry date it had."""
    _, outputs = run(lines)
    return [(minutes_of(one.updated_at), one.batch_code, one.expiry_date) for one in of(outputs, topic)]


def opened() -> Lines:
    return Lines().write(profile("A"), count("A", [lot("a", 10, LATER)])).tick(1)


def test_a_lot_that_comes_without_dates_gets_those_of_the_catalogue() -> None:
    lines = opened().write(known_lot(1, "A", "b", SOON, date(2026, 1, 1))).tick(2)
    lines.write(shelf_event("r", 2.5, "putback", "A", 5, lots=[lot("b", 5, received=None)])).tick(3)
    _, outputs = run(lines)
    (coming,) = (one for one in of(outputs, topics.SHELF_BATCH_STATE) if one.batch_code == "b")
    assert (coming.received_date, coming.expiry_date) == (date(2026, 1, 1), SOON)


def test_a_lot_of_the_back_room_too() -> None:
    lines = opened().write(known_lot(1, "A", "b", SOON)).tick(2)
    lines.write(back_room_event("in", 2.5, "wh_in", "A", "b", 5)).tick(3)
    assert dates(lines, topics.WH_BATCH_STATE) == [(3, "b", SOON)]


def test_dates_that_a_lot_has_or_brings_along_stay() -> None:
    lines = opened().write(known_lot(1, "A", "a", SOON), known_lot(1, "A", "b", SOON)).tick(2)
    refill = shelf_event("r", 2.5, "putback", "A", 5, lots=[lot("b", 5, LATER)])
    lines.write(refill, known_lot(2.5, "A", "b", date(2026, 2, 2))).tick(3)
    assert dates(lines) == [(1, "a", LATER), (3, "b", LATER)]


def test_a_lot_that_is_there_already_gets_its_dates_at_once() -> None:
    lines = Lines().write(profile("A"), count("A", [lot("a", 10)])).tick(1)
    lines.write(known_lot(1, "A", "a", SOON)).tick(2)
    lines.write(known_lot(2, "A", "a", LATER)).tick(3)
    assert dates(lines) == [(1, "a", None), (2, "a", SOON)]
    _, outputs = run(lines, near_expiry_days=5)
    (alert,) = of(outputs, topics.ALERTS)
    assert (alert.alert_type, minutes_of(alert.created_at)) == ("near_expiry", 2)


def test_within_the_tick_of_its_coming_a_lot_is_sold_as_if_it_had_no_date() -> None:
    """What the catalogue knows holds after the tick; then the lot goes first."""
    lines = opened().write(known_lot(1, "A", "b", SOON)).tick(2)
    lines.write(shelf_event("r", 2.2, "putback", "A", 5, lots=[lot("b", 5)]))
    lines.write(receipt("first", 2.5, ("A", None, 2))).tick(3)
    lines.write(receipt("second", 3.5, ("A", None, 1))).tick(4)
    assert dates(lines)[1:] == [(3, "a", LATER), (3, "b", SOON), (4, "b", SOON)]


@pytest.mark.parametrize("own_first", [True, False])
def test_a_row_of_the_store_beats_one_for_all_date_by_date(own_first: bool) -> None:
    rows = [known_lot(1, "A", "b", SOON, store=STORE), known_lot(1, "A", "b", LATER, date(2026, 1, 1))]
    lines = opened().write(*rows[:: 1 if own_first else -1]).tick(2)
    lines.write(shelf_event("r", 2.5, "putback", "A", 5, lots=[lot("b", 5, received=None)])).tick(3)
    _, outputs = run(lines)
    coming = of(outputs, topics.SHELF_BATCH_STATE)[-1]
    assert (coming.received_date, coming.expiry_date) == (date(2026, 1, 1), SOON)


def test_a_deleted_row_says_nothing_any_more() -> None:
    lines = opened().write(known_lot(1, "A", "b", SOON)).tick(2)
    lines.write(known_lot(2, "A", "b", SOON, op="delete")).tick(3)
    lines.write(shelf_event("r", 3.5, "putback", "A", 5, lots=[lot("b", 5)])).tick(4)
    assert dates(lines)[-1] == (4, "b", None)


def test_a_state_from_before_there_was_a_catalogue_can_be_read() -> None:
    state, _ = run(opened())
    parts = unpack_parts(pack_parts(encode_parts(state)))
    del parts["catalog"]
    assert decode_state(pack_parts(parts)).catalog == stored(state).catalog


# Policies of the back room

SHELVES = Shelves().with_profiles(
    ShelfProfile(
        shelf_id=shelf,
        sku=shelf,
        item_category=category,
        item_subcategory=subcategory,
        capacity=10,
        item_weight_g=1,
        item_price_cents=1,
    )
    for shelf, category, subcategory in (("a", "X", "x1"), ("b", "X", "x2"), ("c", "Y", "y1"))
)


def wh_policy(policy_id: str, points: int | None, **scope: object) -> WhPolicy:
    return WhPolicy(policy_id=policy_id, reorder_point_qty=points, **scope)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policies", "points"),
    [
        ([], [-1, -1, -1]),
        ([wh_policy("1", 5)], [5, 5, 5]),
        ([wh_policy("1", 5, active=False)], [-1, -1, -1]),
        ([wh_policy("1", 5, store_id="elsewhere")], [-1, -1, -1]),
        ([wh_policy("1", 5), wh_policy("2", 6, item_category="X")], [6, 6, 5]),
        ([wh_policy("1", 5, item_subcategory="x1"), wh_policy("2", 6, item_category="X")], [5, 6, -1]),
        ([wh_policy("1", 5, shelf_id="c"), wh_policy("2", 6, store_id=STORE)], [6, 6, 5]),
        ([wh_policy("1", 5, store_id=STORE), wh_policy("2", 6)], [5, 5, 5]),
        ([wh_policy("1", 0), wh_policy("2", None, shelf_id="a")], [0, 0, 0]),
        ([wh_policy("1", 5, updated_at=at(2)), wh_policy("2", 6, updated_at=at(1))], [5, 5, 5]),
    ],
)
def test_the_most_specific_active_policy_sets_the_reorder_point(
    policies: list[WhPolicy], points: list[int]
) -> None:
    held = {policy.policy_id: policy for policy in policies}
    assert reorder_point(held, SHELVES, STORE).tolist() == points


def test_the_policies_received_follow_the_configuration() -> None:
    def row(policy: WhPolicy, op: str) -> StoreConfig:
        return StoreConfig(
            event_id="e",
            store_id=STORE,
            timestamp=at(0),
            kind="wh_policy",
            op=op,  # type: ignore[arg-type]
            wh_policy=policy,
        )

    one, two = wh_policy("1", 5), wh_policy("2", 6)
    rows = [row(one, "upsert"), row(two, "upsert"), row(one, "delete")]
    held: Mapping[str, WhPolicy] = with_changes({}, rows, "wh_policy")
    assert held == {"2": two}
    assert with_changes(held, [profile("A")], "wh_policy") is held
