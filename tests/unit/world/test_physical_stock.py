"""Moves of goods: shelf, basket, back room."""

import pytest

from smartstore.world.physical.stock import Lot, forget_if_empty, pick, shelve, take

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


def test_refills_join_their_lot_and_keep_the_order_of_expiry() -> None:
    shelf = lots((1, 101, 5), (3, 103, 5))
    for arriving in lots((3, 103, 2), (2, 102, 4), (4, 103, 1)):
        shelve(shelf, arriving)
    assert [(lot.number, lot.shelf) for lot in shelf] == [(1, 5), (2, 4), (3, 7), (4, 1)]


def test_units_taken_leave_the_rest_of_their_lot() -> None:
    back = lots((1, 101, 5), (2, 102, 5))
    assert take(back, 2, 3) == Lot(2, 90, 102, 3)
    assert [(lot.number, lot.shelf) for lot in back] == [(1, 5), (2, 2)]


def test_a_lot_taken_whole_is_forgotten_but_for_baskets() -> None:
    shelf = [Lot(1, 90, 98, 2), Lot(2, 90, 99, 3, 2)]
    assert take(shelf, 1, 2) == Lot(1, 90, 98, 2)
    assert take(shelf, 2, 3) == Lot(2, 90, 99, 3)
    assert shelf == [Lot(2, 90, 99, 0, 2)]


@pytest.mark.parametrize(("number", "quantity"), [(1, 4), (2, 1)])
def test_what_is_not_there_cannot_be_taken(number: int, quantity: int) -> None:
    shelf = [Lot(1, 90, 98, 3, 9)]
    assert take(shelf, number, quantity) is None
    assert shelf == [Lot(1, 90, 98, 3, 9)]


def test_a_lot_is_forgotten_when_nothing_of_it_is_left() -> None:
    shelf = [Lot(1, 90, 98, 0, 1), Lot(2, 90, 99, 0, 0)]
    forget_if_empty(shelf, shelf[1])
    forget_if_empty(shelf, shelf[0])
    assert [lot.number for lot in shelf] == [1]
