"""Moves of goods: shelf, basket, back room."""

import pytest

from smartstore.world.physical.stock import Lot, draw, forget_if_empty, pick, shelve, take_expired

TODAY = 100


def lots(*rows: tuple[int, int, int]) -> list[Lot]:
    """Lots of (number, expiry, units on the shelf), received on day 90."""
    return [Lot(number, 90, expiry, on_shelf) for number, expiry, on_shelf in rows]


def taken(shelf: list[Lot], quantity: int, chance: float) -> list[tuple[int, int]]:
    return [(lot.number, units) for lot, units in pick(shelf, quantity, chance, TODAY, 0.8)]


def test_most_customers_take_the_lot_that_expires_first() -> None:
    shelf = lots((1, 101, 5), (2, 102, 5), (3, 103, 5))
    assert taken(shelf, 2, 0.79) == [(1, 2)]
    assert [(lot.shelf, lot.baskets) for lot in shelf] == [(3, 2), (5, 0), (5, 0)]


@pytest.mark.parametrize(("chance", "number"), [(0.8, 2), (0.89, 2), (0.91, 3), (0.999999, 3)])
def test_the_others_take_any_other_lot(chance: float, number: int) -> None:
    assert taken(lots((1, 101, 5), (2, 102, 5), (3, 103, 5)), 1, chance) == [(number, 1)]


def test_what_one_lot_lacks_comes_from_the_next() -> None:
    assert taken(lots((1, 101, 2), (2, 102, 2), (3, 103, 9)), 6, 0.0) == [(1, 2), (2, 2), (3, 2)]
    assert taken(lots((1, 101, 2), (2, 102, 2)), 9, 0.95) == [(2, 2), (1, 2)]


def test_nobody_takes_expired_goods_or_from_an_empty_shelf() -> None:
    assert taken(lots((1, 99, 5), (2, 100, 1)), 3, 0.0) == [(2, 1)]
    assert taken(lots((1, 99, 5)), 1, 0.9) == []
    assert taken([], 1, 0.5) == []


def test_goods_are_drawn_first_in_first_out() -> None:
    back = [Lot(3, 95, 120, 10), Lot(1, 90, 130, 4), Lot(2, 90, 120, 5), Lot(4, 80, 99, 50)]
    assert [(lot.number, lot.shelf) for lot in draw(back, 12, TODAY)] == [(2, 5), (1, 4), (3, 3)]
    assert [(lot.number, lot.shelf) for lot in back] == [(3, 7), (4, 50)]


def test_refills_join_their_lot_and_keep_the_order_of_expiry() -> None:
    shelf = lots((1, 101, 5), (3, 103, 5))
    for arriving in lots((3, 103, 2), (2, 102, 4), (4, 103, 1)):
        shelve(shelf, arriving)
    assert [(lot.number, lot.shelf) for lot in shelf] == [(1, 5), (2, 4), (3, 7), (4, 1)]


def test_expired_units_leave_the_shelf_but_not_the_baskets() -> None:
    shelf = [Lot(1, 90, 98, 0, 1), Lot(2, 90, 99, 3, 2), Lot(3, 90, 100, 4)]
    assert [(lot.number, lot.shelf) for lot in take_expired(shelf, TODAY)] == [(2, 3)]
    assert [(lot.number, lot.shelf, lot.baskets) for lot in shelf] == [(1, 0, 1), (2, 0, 2), (3, 4, 0)]
    assert take_expired(shelf, TODAY) == []


def test_a_lot_is_forgotten_when_nothing_of_it_is_left() -> None:
    shelf = [Lot(1, 90, 98, 0, 1), Lot(2, 90, 99, 0, 0)]
    forget_if_empty(shelf, shelf[1])
    forget_if_empty(shelf, shelf[0])
    assert [lot.number for lot in shelf] == [1]
