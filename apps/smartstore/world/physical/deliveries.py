"""Supplier deliveries to the back room, on fixed days; stands in for the supplier job."""

from heapq import heappush
from math import ceil

from smartstore.world.chance import generator
from smartstore.world.physical.facts import Facts
from smartstore.world.physical.plan import DAY_MS, ShelfPlan
from smartstore.world.physical.stock import Lot, StoreState, Task, units

HOUR_MS = 3_600_000
MINUTE_MS = 60_000

TASK_MS = 20_000
"""Time between two tasks of a delivery, at most."""
DELIVERY_DAYS = (0, 2, 4)
"""Monday, Wednesday, Friday."""
DELIVERY_HOUR = 8
UNLOADING_MS = 30 * MINUTE_MS
COVER_DAYS = 2
"""An order covers the days until the next delivery and so many more."""
DELIVERY, RECEIVE = "delivery", "receive"


class Deliveries:
    """The deliveries of one store. `run` does one task; tasks must come in the agenda's order."""

    def __init__(
        self, seed: int, store_id: str, shelves: tuple[ShelfPlan, ...], state: StoreState, facts: Facts
    ) -> None:
        self._name = (seed, store_id)
        self._plans = shelves
        self._state = state
        self._facts = facts

    def begin(self, start_ms: int) -> None:
        """Put the first delivery after `start_ms` on the agenda."""
        self._plan_task(next_delivery(start_ms), DELIVERY)

    def run(self, task: Task) -> None:
        """Do the task."""
        if task.kind == DELIVERY:
            self._delivery(task)
        else:
            self._receive(task)

    def _plan_task(self, at: int, kind: str, shelf: int = 0, lots: list[Lot] | None = None) -> None:
        state = self._state
        heappush(state.agenda, Task(at, state.next_task, kind, shelf, 0, lots or []))
        state.next_task += 1

    def _number(self) -> int:
        self._state.next_fact += 1
        return self._state.next_fact

    def _delivery(self, task: Task) -> None:
        """The supplier's truck: what each shelf lacks to its order-up-to level, in whole batches, as far as it
        fits."""
        self._plan_task(next_delivery(task.at), DELIVERY)
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
            self._plan_task(moment, RECEIVE, shelf, [lot])

    def _order(self, shelf: int, cover_days: float) -> int:
        """Units to order: up to a full shelf and the demand of `cover_days`, whole batches, within the back room."""
        plan, state = self._plans[shelf], self._state
        profile = plan.profile
        in_back = units(state.back_room[shelf])
        lacking = profile.capacity + plan.demand_per_day * cover_days
        lacking -= in_back + units(state.transit[shelf]) + state.stock[shelf]
        if lacking <= 0:
            return 0
        batches = ceil(lacking / profile.standard_batch_size)
        room = max(0, (profile.warehouse_capacity - in_back) // profile.standard_batch_size)
        return min(batches, room) * profile.standard_batch_size

    def _receive(self, task: Task) -> None:
        """One lot is unloaded into the back room."""
        lot = task.lots[0]
        self._state.back_room[task.shelf].append(lot)
        self._facts.delivered(task.at, self._number(), task.shelf, lot)


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
