"""Customers: their intents, one after the other, against what is really on the shelves.

Nobody takes what is not there: less is taken, or another product, or the sale is lost. What was picked is paid or put back.
"""

from smartstore.contracts.events import PosItem
from smartstore.world.chance import day_counter
from smartstore.world.physical.facts import Facts
from smartstore.world.physical.plan import DAY_MS, ENTER, PAY, PICK, DayPlan, ShelfPlan
from smartstore.world.physical.stock import Held, Lot, StoreState, find, forget_if_empty, pick

EARLIEST_LOT = 0.8
"""Share of customers who take the lot that expires first (the original system's PROB_EARLIEST_EXPIRY)."""


class Shoppers:
    """Realises the intents of one store's customers, which must come in time order."""

    def __init__(self, shelves: tuple[ShelfPlan, ...], state: StoreState, facts: Facts) -> None:
        self._state = state
        self._facts = facts
        self._prices = [plan.profile.item_price_cents for plan in shelves]
        self._substitutes = [plan.substitutes for plan in shelves]

    def realise(self, plan: DayPlan, place: int, at: int, kind: int, visit: int) -> None:
        """The intent at `place` of `plan`; the other arguments are its columns, already plain integers."""
        number = day_counter(plan.day) + place
        if kind == PICK:
            self._pick(plan, place, at, visit, number)
        elif kind == PAY:
            self._pay(plan, at, visit, number)
        elif kind == ENTER:
            self._facts.visit(at, number, plan.customers[visit], plan.exits[visit])
        else:
            self._put_back(plan, place, at, visit, number)

    def _pick(self, plan: DayPlan, place: int, at: int, visit: int, number: int) -> None:
        wanted = int(plan.shelf[place])
        quantity = int(plan.quantity[place])
        chance = float(plan.chance[place])
        shelf, taken = self._reach(wanted, quantity, chance, at // DAY_MS)
        got = sum(units for _, units in taken)
        if got < quantity and not self._substitutes[wanted]:
            self._facts.lost(at, number, wanted, quantity - got)
        if not got:
            return
        self._state.stock[shelf] -= got
        basket = self._state.baskets.setdefault(_basket_key(plan, visit), [])
        for lot, units, price, discount in self._priced(plan, place, shelf, quantity, taken):
            basket.append(Held(shelf, lot.number, units, price, discount))
        self._facts.customer_moved(at, number, plan.customers[visit], shelf, got, picked=True)

    def _reach(self, wanted: int, quantity: int, chance: float, today: int) -> tuple[int, list[tuple[Lot, int]]]:
        """Take what there is of the wanted product, or of the first substitute that is not empty."""
        shelves = self._state.shelves
        taken = pick(shelves[wanted], quantity, chance, today, EARLIEST_LOT)
        if taken:
            return wanted, taken
        for shelf in self._substitutes[wanted]:
            taken = pick(shelves[shelf], quantity, chance, today, EARLIEST_LOT)
            if taken:
                return shelf, taken
        return wanted, []

    def _priced(
        self, plan: DayPlan, place: int, shelf: int, quantity: int, taken: list[tuple[Lot, int]]
    ) -> list[tuple[Lot, int, int, int]]:
        """Each lot taken with its units, unit price and discount in cents.

        A recorded line's discount is shared out by units, rounded down cumulatively, so that the shares of a whole line
        add up to it.
        """
        if plan.paid is None:
            price, off = self._prices[shelf], plan.unit_discounts[shelf]
            return [(lot, units, price, off * units) for lot, units in taken]
        price, discount = int(plan.paid[0][place]), int(plan.paid[1][place])
        priced = []
        before = 0
        for lot, units in taken:
            after = before + units
            share = discount * after // quantity - discount * before // quantity
            priced.append((lot, units, price, share))
            before = after
        return priced

    def _put_back(self, plan: DayPlan, place: int, at: int, visit: int, number: int) -> None:
        key = _basket_key(plan, visit)
        basket = self._state.baskets.get(key)
        if not basket:
            return
        held = basket[int(float(plan.chance[place]) * len(basket))]
        quantity = 1 + int(plan.quantity[place]) % held.quantity
        discount = held.discount_cents * quantity // held.quantity
        held.quantity -= quantity
        held.discount_cents -= discount
        if not held.quantity:
            basket.remove(held)
            if not basket:
                del self._state.baskets[key]
        lot = find(self._state.shelves[held.shelf], held.lot)
        lot.baskets -= quantity
        lot.shelf += quantity
        self._state.stock[held.shelf] += quantity
        self._facts.customer_moved(at, number, plan.customers[visit], held.shelf, quantity, picked=False)

    def _pay(self, plan: DayPlan, at: int, visit: int, number: int) -> None:
        basket = self._state.baskets.pop(_basket_key(plan, visit), None)
        if basket is None:
            return
        lines: dict[tuple[int, int, int], list[int]] = {}
        for held in basket:
            line = lines.setdefault((held.shelf, held.lot, held.unit_price_cents), [0, 0])
            line[0] += held.quantity
            line[1] += held.discount_cents
        items: list[PosItem] = []
        for (shelf, lot_number, price), (quantity, discount) in lines.items():
            lots = self._state.shelves[shelf]
            lot = find(lots, lot_number)
            lot.baskets -= quantity
            items.append(self._facts.line(len(items) + 1, shelf, lot, quantity, price, discount))
            forget_if_empty(lots, lot)
        self._facts.paid(at, number, plan.customers[visit], plan.transactions[visit], items)


def _basket_key(plan: DayPlan, visit: int) -> int:
    return day_counter(plan.day) + visit
