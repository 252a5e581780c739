"""Staff: hourly rounds that refill shelves and clear expired goods, and supplier deliveries to the back room.

Stands in for restock and supplier jobs. Everything staff do is a task on the store's agenda; what a task moves is
decided when it is done, from what is there.
"""

from bisect import bisect_right
from heapq import heappush
from math import ceil

from smartstore.world.chance import fraction, generator
from smartstore.world.physical.facts import Facts
from smartstore.world.physical.plan import DAY_MS, ShelfPlan, StaffHours
from smartstore.world.physical.stock import Lot, StoreState, Task, draw, shelve, take_expired, units

HOUR_MS = 3_600_000
MINUTE_MS = 60_000

REFILL_BELOW_PCT = 35
"""A round refills shelves that are filled less than this."""
REFILL_TO_PCT = (80, 100)
"""Filled again up to somewhere between these."""
REFILL_SHARE = 10
"""One round refills at most one of so many shelves, the emptiest first; so alerts stay open for a while on busy
days."""
ROUND_MS = 50 * MINUTE_MS
"""A round's tasks are spread over this time at most."""
TASK_MS = 20_000
"""Time between two tasks of a round or a delivery, at most."""
TRAVEL_MS = (150_000, 210_000)
"""From the back room to the shelf: about three minutes."""
DELIVERY_DAYS = (0, 2, 4)
"""Monday, Wednesday, Friday."""
DELIVERY_HOUR = 8
UNLOADING_MS = 30 * MINUTE_MS
COVER_DAYS = 2
"""An order covers the days until the next delivery and so many more."""


class Staff:
    """The staff of one store. `run` does one task; tasks must come in the agenda's order."""

    def __init__(
        self,
        seed: int,
        store_id: str,
        shelves: tuple[ShelfPlan, ...],
        hours: StaffHours,
        state: StoreState,
        facts: Facts,
    ) -> None:
        self._name = (seed, store_id)
        self._plans = shelves
        self._capacities = [plan.profile.capacity for plan in shelves]
        self._refill_levels = [plan.profile.capacity * REFILL_BELOW_PCT / 100 for plan in shelves]
        self._hours = hours
        self._phase_ms = int(fraction(seed, store_id, "round") * HOUR_MS)
        self._state = state
        self._facts = facts
        self._tasks = {
            "round": self._round,
            "sweep": self._sweep,
            "pull": self._pull,
            "shelve": self._shelve,
            "delivery": self._delivery,
            "receive": self._receive,
        }

    def begin(self, start_ms: int) -> None:
        """Put the first round and the first delivery after `start_ms` on the agenda."""
        self._plan_task(self._next_round(start_ms), "round")
        self._plan_task(next_delivery(start_ms), "delivery")

    def run(self, task: Task) -> None:
        """Do the task."""
        self._tasks[task.kind](task)

    def _plan_task(
        self, at: int, kind: str, shelf: int = 0, quantity: int = 0, lots: list[Lot] | None = None
    ) -> None:
        state = self._state
        heappush(state.agenda, Task(at, state.next_task, kind, shelf, quantity, lots or []))
        state.next_task += 1

    def _number(self) -> int:
        self._state.next_fact += 1
        return self._state.next_fact

    def _next_round(self, after_ms: int) -> int:
        day, within = divmod(after_ms, DAY_MS)
        starts = [hour * HOUR_MS + self._phase_ms for hour in range(self._hours.first, self._hours.last + 1)]
        place = bisect_right(starts, within)
        return day * DAY_MS + (starts[place] if place < len(starts) else DAY_MS + starts[0])

    def _round(self, task: Task) -> None:
        self._plan_task(self._next_round(task.at), "round")
        today = task.at // DAY_MS
        if self._state.swept_day != today:
            self._state.swept_day = today
            self._plan_sweep(task.at, today)
        self._plan_refills(task.at)

    def _plan_sweep(self, at: int, today: int) -> None:
        """The day's first round looks for expired goods."""
        state = self._state
        concerned = [
            shelf
            for shelf, (lots, back) in enumerate(zip(state.shelves, state.back_room, strict=True))
            if any(lot.expiry < today for lot in lots) or any(lot.expiry < today for lot in back)
        ]
        for moment, shelf in zip(_spread(at, len(concerned), ROUND_MS), concerned, strict=True):
            self._plan_task(moment, "sweep", shelf)

    def _plan_refills(self, at: int) -> None:
        state = self._state
        low = [
            (on_shelf / capacity, shelf)
            for shelf, (on_shelf, coming, level, capacity) in enumerate(
                zip(state.stock, state.transit, self._refill_levels, self._capacities, strict=True)
            )
            if on_shelf + coming < level and state.back_room[shelf]
        ]
        low.sort()
        low = low[: max(8, len(self._plans) // REFILL_SHARE)]
        if not low:
            return
        lowest, highest = REFILL_TO_PCT
        fills = (lowest + (highest - lowest) * generator(*self._name, at, "refill").random(len(low))).tolist()
        for moment, (_, shelf), fill in zip(_spread(at, len(low), ROUND_MS), low, fills, strict=True):
            self._plan_task(moment, "pull", shelf, ceil(self._capacities[shelf] * fill / 100))

    def _sweep(self, task: Task) -> None:
        """Take expired units off the shelf and out of the back room."""
        state, shelf, today = self._state, task.shelf, task.at // DAY_MS
        taken = take_expired(state.shelves[shelf], today)
        if taken:
            state.stock[shelf] -= units(taken)
            self._facts.staff_moved(task.at, self._number(), shelf, taken, reason="expired")
        for lot in take_expired(state.back_room[shelf], today):
            self._facts.back_room_moved(task.at, self._number(), shelf, lot, arrived=False, reason="expired")

    def _pull(self, task: Task) -> None:
        """Take goods from the back room, up to `task.quantity` units on the shelf; they arrive after the way."""
        state, shelf = self._state, task.shelf
        need = task.quantity - state.stock[shelf] - state.transit[shelf]
        lots = draw(state.back_room[shelf], need, task.at // DAY_MS) if need > 0 else []
        if not lots:
            return
        for lot in lots:
            self._facts.back_room_moved(task.at, self._number(), shelf, lot, arrived=False, reason="refill")
        state.transit[shelf] += units(lots)
        shortest, longest = TRAVEL_MS
        way = shortest + int(fraction(*self._name, task.number, "way") * (longest - shortest))
        self._plan_task(task.at + way, "shelve", shelf, 0, lots)

    def _shelve(self, task: Task) -> None:
        """Goods from the back room reach the shelf."""
        state, shelf = self._state, task.shelf
        for lot in task.lots:
            shelve(state.shelves[shelf], lot)
        arrived = units(task.lots)
        state.transit[shelf] -= arrived
        state.stock[shelf] += arrived
        self._facts.staff_moved(task.at, self._number(), shelf, task.lots, reason="refill")

    def _delivery(self, task: Task) -> None:
        """The supplier's truck: what each shelf lacks to its order-up-to level, in whole batches, as far as it
        fits."""
        self._plan_task(next_delivery(task.at), "delivery")
        today = task.at // DAY_MS
        cover = (next_delivery(task.at) - task.at) / DAY_MS + COVER_DAYS
        orders = [
            (shelf, quantity) for shelf in range(len(self._plans)) if (quantity := self._order(shelf, cover))
        ]
        keeps = generator(*self._name, task.at, "delivery").random(len(self._plans))
        state = self._state
        for moment, (shelf, quantity) in zip(
            _spread(task.at, len(orders), UNLOADING_MS), orders, strict=True
        ):
            least, most = self._plans[shelf].life_days
            life = least + int(keeps[shelf] * (most - least + 1))
            lot = Lot(state.next_lot, today, today + life, quantity)
            state.next_lot += 1
            self._plan_task(moment, "receive", shelf, 0, [lot])

    def _order(self, shelf: int, cover_days: float) -> int:
        """Units to order: up to a full shelf and the demand of `cover_days`, whole batches, within the back room."""
        plan, state = self._plans[shelf], self._state
        profile = plan.profile
        in_back = units(state.back_room[shelf])
        lacking = profile.capacity + plan.demand_per_day * cover_days
        lacking -= in_back + state.transit[shelf] + state.stock[shelf]
        if lacking <= 0:
            return 0
        batches = ceil(lacking / profile.standard_batch_size)
        room = max(0, (profile.warehouse_capacity - in_back) // profile.standard_batch_size)
        return min(batches, room) * profile.standard_batch_size

    def _receive(self, task: Task) -> None:
        """One lot is unloaded into the back room."""
        lot = task.lots[0]
        self._state.back_room[task.shelf].append(lot)
        self._facts.back_room_moved(
            task.at, self._number(), task.shelf, lot, arrived=True, reason="supplier_delivery"
        )


def next_delivery(after_ms: int) -> int:
    """The first supplier delivery after a moment, epoch ms."""
    day = after_ms // DAY_MS
    while True:
        # 1970-01-01 was a Thursday.
        at = day * DAY_MS + DELIVERY_HOUR * HOUR_MS
        if at > after_ms and (day + 3) % 7 in DELIVERY_DAYS:
            return at
        day += 1


def _spread(at: int, count: int, at_most_ms: int) -> list[int]:
    """`count` moments from `at` on, not more than `at_most_ms` in all."""
    step = min(TASK_MS, at_most_ms // max(1, count))
    return [at + place * step + (place * 373) % 1000 for place in range(count)]
