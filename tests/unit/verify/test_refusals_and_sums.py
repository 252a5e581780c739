"""Dead letters, adjustments, counts and conservation."""

import pytest
from msgspec.structs import replace

from smartstore.contracts.outputs import Adjustment, DeadLetter
from smartstore.contracts.wire import from_epoch_ms
from smartstore.verify.conservation import Conservation
from smartstore.verify.corrections import CorrectionComparison
from smartstore.verify.dead_letters import DeadLetterComparison
from smartstore.verify.differences import Check
from smartstore.verify.verification import _check_counts


def letter(n=1, value="{", reason="malformed: not JSON", event_id=None, store_id=None):
    return DeadLetter(
        dead_letter_id=f"d{n}",
        source="t_shelf_events",
        position=f"{n}-0",
        store_id=store_id,
        event_id=event_id,
        reason=reason,
        field=None,
        value=value,
    )


def dead_letters(small, *letters):
    check = Check("dead letters")
    index, truth = small.index(), small.replay()
    comparison = DeadLetterComparison(
        check,
        index.refused,
        index.refused_due,
        truth.refusals,
        small.last_tick,
        lambda e: e.startswith("e"),
        "t_",
    )
    for one in letters:
        comparison.record(one)
    comparison.finish()
    return check


@pytest.fixture
def broken(small):
    """A ledger with one broken record and one event of an unknown shelf."""
    small.open()
    small.put("broken", line="shelf_events", raw="{", store_id="s1")
    small.move(6, "pickup", 1, shelf="f9", event_id="e9")
    small.tick(10)
    return small


UNKNOWN = letter(2, "…", "unknown_shelf: the store has no profile of this shelf", "e9", "s1")


def test_each_refusal_is_there_once(broken):
    assert dead_letters(broken, letter(), UNKNOWN).kinds() == {}
    assert dead_letters(broken, UNKNOWN).kinds() == {"is missing": 1}
    assert dead_letters(broken, letter()).kinds() == {"is missing": 1}
    assert dead_letters(broken, letter(), letter(3), UNKNOWN).kinds() == {"refused twice": 1}
    assert dead_letters(broken, letter(reason=""), UNKNOWN).kinds() == {"has no reason": 1}


def test_a_refusal_is_of_its_store(broken):
    """Another store may use the same event id."""
    elsewhere = replace(UNKNOWN, store_id="s2")
    assert dead_letters(broken, letter(), elsewhere).kinds() == {"refused without cause": 1, "is missing": 1}


def test_a_good_event_must_not_be_refused_and_garbage_of_others_may(broken):
    good, foreign = letter(4, "good", "too_old", "e1"), letter(5, "junk")
    assert dead_letters(broken, letter(), UNKNOWN, good).kinds() == {"refused without cause": 1}
    check = dead_letters(broken, letter(), UNKNOWN, foreign)
    assert check.total == 0
    assert "1 refused records are not from the ledger" in check.notes[0]


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({}, {}),
        ({"quantity": 9}, {"should not exist": 1, "is missing": 1}),
        ({"version": 7}, {"version differs": 1}),
    ],
)
def test_adjustments_are_matched_by_content(small, minute, change, kinds):
    small.open({"B": 2})
    small.move(6, "pickup", 5)
    small.ticks(10, 20)
    adjustment = Adjustment(
        adjustment_id="any",
        store_id="s1",
        shelf_id="f1",
        batch_code=None,
        quantity=3,
        cause="unexplained_deficit",
        adjusted_at=from_epoch_ms(minute(20)),
        version=minute(20),
    )
    check = Check("adjustments")
    comparison = CorrectionComparison(check, small.replay().corrections, minute(25))
    comparison.record(replace(adjustment, **change))
    comparison.finish()
    assert check.kinds() == kinds


def test_ledger_lines_are_accepted_or_duplicates_or_refused(broken):
    index = broken.index()
    found: dict[str, int | None] = {"store_config": 1, "stock_counts": 1, "shelf_events": 1}
    assert _check_counts(index, found, {"store_config": 0, "stock_counts": 0, "shelf_events": 1}).total == 0
    assert _check_counts(index, found, {"store_config": 0, "stock_counts": 0, "shelf_events": 0}).total == 1


def conservation(small, shelf_change=0, lot_change=0):
    truth = small.replay()
    sums = Conservation(small.last_tick + 1, {("s1", "f1"): "sku-f1"})
    shelf = truth.shelves.find(("s1", "f1"))
    row = shelf.record(len(shelf.versions) - 1)
    sums.shelf(replace(row, current_stock=row.current_stock + shelf_change))
    for _, lot in truth.lots.all():
        last = lot.record(len(lot.versions) - 1)
        sums.lot(replace(last, quantity_store=last.quantity_store + lot_change))
        lot_change = 0
    for correction in truth.corrections:
        sums.correction(correction)
    check = Check("conservation")
    sums.finish(check, truth.flows, faultless=True)
    return check.kinds()


def test_units_are_conserved_in_shelf_lots_and_baskets(small):
    small.open()
    small.move(6, "pickup", 3)
    small.move(7, "putback", 1)
    small.sale(8, 1, "A")
    small.move(9, "putback", 2, lots=[{"batch_code": "B", "quantity": 2}])
    small.move(9, "removal", 1, lots=[{"batch_code": "A", "quantity": 1}])
    small.tick(10)
    assert conservation(small) == {}
    assert conservation(small, shelf_change=1) == {"lots and shelf disagree": 1, "units are not conserved": 1}
    assert conservation(small, lot_change=-1) == {"lots and shelf disagree": 1}


def test_what_was_paid_was_picked_before(small):
    small.open().sale(6, 1, "A")
    small.tick(10)
    assert conservation(small) == {"baskets are negative": 1}


def test_without_faults_nothing_is_adjusted(small):
    small.open().move(6, "pickup", 9)
    small.ticks(10, 20)
    assert conservation(small) == {"adjusted without a fault": 1}
