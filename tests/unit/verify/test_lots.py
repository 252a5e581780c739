"""Lot balances and receipt lines, against hand-computed values."""

from datetime import date

from smartstore.verify.stock import Correction


def balances(truth, tick, *codes):
    return [truth.lots.find(("s1", "f1", code)).balance_at(tick) for code in codes]


def test_a_scanned_lot_is_taken_from(small):
    small.open().sale(6, 3, "B")
    small.tick(10)
    truth = small.replay()
    assert balances(truth, small.last_tick, "A", "B") == [4, 1]
    assert truth.lots.find(("s1", "f1", "B")).record(0).expiry_date == date(2026, 1, 9)


def test_without_a_lot_what_expires_first_is_taken_and_the_rest_is_unknown(small):
    small.open().sale(6, 10, None)
    small.tick(10)
    assert balances(small.replay(), small.last_tick, "A", "B", "unknown") == [0, 0, -2]


def test_records_of_all_lines_apply_in_one_order(small):
    """The refill of 08:07 comes before the sale of 08:08, whatever their lines."""
    small.open({"B": 1})
    small.sale(8, 2, None)
    small.move(7, "putback", 2, lots=[{"batch_code": "A", "quantity": 2, "expiry_date": "2026-01-02"}])
    small.tick(10)
    assert balances(small.replay(), small.last_tick, "A", "B") == [0, 1]


def test_a_recount_empties_the_lots_it_does_not_name(small, minute):
    small.open().count(6, {"A": 5}, "recount")
    small.tick(10)
    truth = small.replay()
    assert balances(truth, small.last_tick, "A", "B") == [5, 0]
    by_lot = {c.batch_code: c.quantity for c in truth.corrections}
    assert by_lot == {None: -3, "A": 1, "B": -4}


def test_an_unexplained_lot_deficit_is_corrected(small, minute):
    small.open({"A": 1}).sale(6, 3, "A")
    small.ticks(10, 20)
    truth = small.replay()
    assert balances(truth, minute(15), "A") == [-2]
    assert Correction("s1", "f1", "A", "unexplained_deficit", minute(20), 2) in truth.corrections


def test_an_empty_lot_is_forgotten_after_seven_days_but_its_row_stays(small, minute):
    small.open({"A": 1}).sale(6, 1, "A")
    small.tick(10)
    week = 8 * 24 * 60
    small.tick(week)
    small.move(week + 1, "putback", 2, lots=[{"batch_code": "A", "quantity": 2}])
    small.tick(week + 5)
    history = small.replay().lots.find(("s1", "f1", "A"))
    assert history.record(1).expiry_date == date(2026, 1, 2)
    assert (history.record(2).expiry_date, history.record(2).quantity_store) == (None, 2)


def test_a_receipt_line_is_kept_as_the_till_wrote_it(small):
    small.open().sale(6, 2, None, customer_id="c1")
    small.tick(10)
    sales = small.replay().sales
    (key, history), *rest = sales.all()
    line = history.record(0)
    assert not rest
    assert key == ("s1", line.transaction_id, 1)
    assert (line.quantity, line.total_cents, line.batch_code, line.customer_id) == (2, 500, None, "c1")
    assert line.version == small.last_tick
    assert sales.find(("s1", line.transaction_id, 2)) is None


def test_a_receipt_for_an_unknown_shelf_is_kept_but_has_no_lot(small):
    event = small.open().sale(6, 1, "A", shelf="f9")
    small.tick(10)
    truth = small.replay()
    assert len(truth.sales) == 1
    assert truth.lots.find(("s1", "f9", "A")) is None
    assert [(r.event_id, r.reason) for r in truth.refusals] == [(event, "unknown_shelf")]


def known(small, minute, code, *, store=None, op="upsert", **dates):
    """A row of the batch catalogue."""
    row = {"row_key": f"{store or '*'}/f1/{code}", "store_id": store, "shelf_id": "f1", "batch_code": code}
    small.event("store_config", minute, kind="lot", op=op, lot=row | dates)


def refill(small, minute, code, **dates):
    small.move(minute, "putback", 2, lots=[{"batch_code": code, "quantity": 2} | dates])


def expiries(truth, code):
    history = truth.lots.find(("s1", "f1", code))
    return [history.record(i).expiry_date for i in range(len(history.versions))]


def test_a_lot_without_dates_gets_those_of_the_catalogue(small):
    """When it comes, or when the catalogue learns of it; the first known ones stay."""
    known(small.open(), 6, "C", expiry_date="2026-01-03")
    refill(small, 7, "D")
    small.tick(10)
    refill(small, 11, "C")
    known(small, 11, "D", expiry_date="2026-01-04")
    small.tick(15)
    known(small, 16, "C", expiry_date="2026-01-08")
    known(small, 16, "A", expiry_date="2026-01-08")
    small.tick(20)
    truth = small.replay()
    assert expiries(truth, "C") == [date(2026, 1, 3)]
    assert expiries(truth, "D") == [None, date(2026, 1, 4)]
    assert expiries(truth, "A") == [date(2026, 1, 2)]


def test_the_store_s_own_row_of_the_catalogue_comes_first_and_a_deleted_one_is_forgotten(small):
    known(small.open(), 6, "C", store="s1", expiry_date="2026-01-03")
    known(small, 6, "C", expiry_date="2026-01-05", received_date="2026-01-01")
    known(small, 6, "D", expiry_date="2026-01-05")
    small.tick(10)
    known(small, 11, "D", op="delete")
    refill(small, 12, "C")
    refill(small, 12, "D")
    small.tick(15)
    truth = small.replay()
    lot = truth.lots.find(("s1", "f1", "C")).record(0)
    assert (lot.received_date, lot.expiry_date) == (date(2026, 1, 1), date(2026, 1, 3))
    assert expiries(truth, "D") == [None]
