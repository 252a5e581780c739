"""Customers: their intents, one after the other, against what is really on the shelves.

Nobody takes what is not there: less is taken, or another product, or the sale is lost. What was picked is paid or
put back.
"""

from smartstore.contracts.events import PosItem
from smartstore.domain.prices import compounded, reduction
from smartstore.world.chance import day_counter
from smartstore.world.physical.facts import Facts
from smartstore.world.physical.plan import DAY_MS, ENTER, PAY, PICK, DayPlan, Intent, ShelfPlan
from smartstore.world.physical.stock import Held, Lot, StoreState, find, forget_if_empty, pick

EARLIEST_LOT = 0.8
"""Share of customers who take the lot that expires first."""


class Shoppers:
    """Realises the intents of one store's customers, which must come in time order."""

    def __init__(self, shelves: tuple[ShelfPlan, ...], state: StoreState, facts: Facts) -> None:
        self._state = state
        self._facts = facts
        self._prices = [plan.profile.item_price_cents for plan in shelves]
        self._substitutes = [plan.substitutes for plan in shelves]

    def realise(self, plan: DayPlan, intent: Intent) -> None:
        """One intent of `plan`."""
        at, number, kind, visit, shelf, quantity, chance, price, discount = intent
        customer = plan.customers[visit]
        key = day_counter(plan.day) + visit
        if kind == PICK:
            promotions = plan.promotions if plan.paid is None else None
            self._pick(at, number, key, customer, shelf, quantity, chance, price, discount, promotions)
        elif kind == PAY:
            self._pay(at, number, key, customer, plan.transactions[visit])
        elif kind == ENTER:
            self._facts.visit(at, number, customer, plan.exits[visit])
        else:
            self._put_back(at, number, key, customer, quantity, chance)

    def _pick(
        self,
        at: int,
        number: int,
        key: int,
        customer: str,
        wanted: int,
        quantity: int,
        chance: float,
        price: int,
        discount: int,
        promotions: list[int] | None,
    ) -> None:
        shelf, taken = self._reach(wanted, quantity, chance, at // DAY_MS)
        got = sum(units for _, units in taken)
        if got:
            basket = self._state.baskets.setdefault(key, [])
            markdown, before = self._markdown(shelf, at // DAY_MS), 0
            for lot, units in taken:
                if promotions is not None:
                    price = self._prices[shelf]
                    off = units * reduction(price, compounded(promotions[shelf], markdown))
                else:
                    off = share(discount, before, before + units, quantity)
                    off = max(off, units * reduction(price, markdown))
                basket.append(Held(shelf, lot.number, units, price, off))
                before += units
            self._state.stock[shelf] -= got
            self._facts.customer_moved(at, number, customer, shelf, got, picked=True)
        if got < quantity and not self._substitutes[wanted]:
            self._facts.lost(at, number, wanted, quantity - got)

    def _markdown(self, shelf: int, today: int) -> int:
        """What the shelf's label takes off today, in basis points."""
        day, points = self._state.labels.get(shelf, (today, 0))
        return points if day == today else 0

    def _reach(
        self, wanted: int, quantity: int, chance: float, today: int
    ) -> tuple[int, list[tuple[Lot, int]]]:
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

    def _put_back(self, at: int, number: int, key: int, customer: str, draw: int, chance: float) -> None:
        basket = self._state.baskets.get(key)
        if not basket:
            return
        held = basket[int(chance * len(basket))]
        quantity = 1 + draw % held.quantity
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
        self._facts.customer_moved(at, number, customer, held.shelf, quantity, picked=False)

    def _pay(self, at: int, number: int, key: int, customer: str, transaction: str) -> None:
        basket = self._state.baskets.pop(key, None)
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
        self._facts.paid(at, number, customer, transaction, items)


def share(discount: int, before: int, after: int, quantity: int) -> int:
    """The part of a line's discount that falls on its units `before` to `after`.

    Rounded down cumulatively, so that the parts of a whole line add up to its discount.
    """
    return discount * after // quantity - discount * before // quantity
