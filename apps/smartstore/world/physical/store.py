"""One store: merges what customers intend with what people have on their agenda, strictly in time order."""

from heapq import heappop, merge
from typing import Literal

from smartstore.contracts.events import JobRecord, StockCount, Store, StoreConfig
from smartstore.contracts.topics import STOCK_COUNTS, STORE_CONFIG, STORES
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.world.chance import COUNTER_BITS, id_prefix
from smartstore.world.model import Emission, status_record
from smartstore.world.physical.announcements import Announcements
from smartstore.world.physical.execution import Execution
from smartstore.world.physical.facts import Dated, Facts, lot_quantity
from smartstore.world.physical.plan import DAY_MS, PLAN_MARGIN_MS, DayPlan, Intent, StorePlanner
from smartstore.world.physical.shoppers import Shoppers
from smartstore.world.physical.stock import NEVER, Lot, StoreState, units


class StoreModel:
    """A store from `start_ms` on, which may be closed and opened again.

    Day plans are made when their time comes and dropped when it is over.
    """

    def __init__(self, seed: int, planner: StorePlanner, start_ms: int) -> None:
        self._seed = seed
        self._planner = planner
        self._start_ms = start_ms
        self._plans: dict[int, DayPlan] = {}
        self._facts = Facts(seed, planner.store_id, planner.shelves)
        self._announcements = Announcements(seed, planner)
        self._live(self._opening_state())

    @property
    def state(self) -> StoreState:
        """The dynamic state; not to be changed from outside."""
        return self._state

    def restore(self, state: StoreState) -> None:
        """Continue from `state`."""
        self._live(state)

    @property
    def settled(self) -> bool:
        """Whether nothing more happens here by itself: closed, the customers gone, nothing under way."""
        state = self._state
        return state.is_closed and not state.agenda and state.now > state.left

    def close(self, ordinal: int) -> list[Emission]:
        """Let nobody in from now on; customers inside still pay, goods under way still arrive."""
        state = self._state
        state.closures.append((state.now, NEVER))
        state.left = self._last_leaves()
        return self._status(ordinal, "closed")

    def reopen(self, ordinal: int, at_ms: int) -> list[Emission]:
        """Go on as things were left, from `at_ms` on; promotions announced meanwhile become known."""
        state = self._state
        missed = self._announcements.made_up(at_ms, state.now)
        begin, _ = state.closures.pop()
        state.closures.append((begin, at_ms))
        state.now, state.resting = at_ms, False
        return self._status(ordinal, "open") + [emission for _, _, emission in missed]

    def opening(self, ordinal: int) -> list[Emission]:
        """The store, its shelves' profiles, the opening counts of shelves and back room, the promotions known."""
        store_id, moment = self._planner.store_id, from_epoch_ms(self._start_ms)
        prefix = id_prefix(self._seed, store_id, "opening")
        store = Store(
            event_id=f"{prefix}{0:012x}",
            store_id=store_id,
            timestamp=moment,
            ordinal=ordinal,
            name=self._planner.name,
        )
        out = [Emission(STORES.name, store)]
        for place, (plan, on_shelf, in_back) in enumerate(
            zip(self._planner.shelves, *self._planner.opening_lots(), strict=True)
        ):
            ids = [f"{prefix}{3 * place + n:012x}" for n in (1, 2, 3)]
            shelf_id = plan.profile.shelf_id
            config = StoreConfig(
                event_id=ids[0], store_id=store_id, timestamp=moment, kind="profile", profile=plan.profile
            )
            out.append(Emission(STORE_CONFIG.name, config))
            out.append(self._counted(ids[1], "store", shelf_id, on_shelf))
            out.append(self._counted(ids[2], "warehouse", shelf_id, in_back))
        return out + [emission for _, _, emission in self._announcements.made_up(self._start_ms)]

    def advance(self, until_ms: int) -> list[Dated]:
        """What happens from the state's `now` up to, not including, `until_ms`, in the order it happens."""
        state, plans = self._state, self._active_plans(until_ms)
        announced = self._announcements.between(state.now, until_ms)
        agenda, run, realise = state.agenda, self._execution.run, self._shoppers.realise
        for intent in self._intents(plans, until_ms):
            while agenda and agenda[0].at <= intent[0]:
                run(heappop(agenda))
            realise(plans[intent[1] >> COUNTER_BITS], intent)
        while agenda and agenda[0].at < until_ms:
            run(heappop(agenda))
        state.now = until_ms
        happened = self._facts.take()
        return sorted([*announced, *happened], key=lambda dated: dated[:2]) if announced else happened

    def plan(self, line: str, record: JobRecord) -> None:
        """Take in a job's fact."""
        self._execution.plan(line, record)

    def _status(self, ordinal: int, status: Literal["open", "closed"]) -> list[Emission]:
        """The store's record, and the same in band."""
        store_id, now = self._planner.store_id, self._state.now
        store = Store(
            event_id=derived_id("store", store_id, status, now),
            store_id=store_id,
            timestamp=from_epoch_ms(now),
            ordinal=ordinal,
            name=self._planner.name,
            status=status,
            version=now,
        )
        config = status_record(store_id, status, now)
        return [Emission(STORES.name, store), Emission(STORE_CONFIG.name, config)]

    def _last_leaves(self) -> int:
        """When a customer who came before the last closure wants something for the last time, epoch ms."""
        state = self._state
        plans = self._active_plans(state.now + 1).values()
        return max((int(plan.at[plan.without(state.closures)].max(initial=0)) for plan in plans), default=0)

    def _counted(
        self, event_id: str, location: Literal["store", "warehouse"], shelf_id: str, lots: list[Lot]
    ) -> Emission:
        record = StockCount(
            event_id=event_id,
            store_id=self._planner.store_id,
            timestamp=from_epoch_ms(self._start_ms),
            count_type="opening",
            location=location,
            shelf_id=shelf_id,
            quantity=units(lots),
            lots=[lot_quantity(lot) for lot in lots],
        )
        return Emission(STOCK_COUNTS.name, record)

    def _live(self, state: StoreState) -> None:
        planner = self._planner
        self._state = state
        self._shoppers = Shoppers(planner.shelves, state, self._facts)
        self._execution = Execution(planner.shelves, state, self._facts)

    def _opening_state(self) -> StoreState:
        on_shelves, in_back_room = self._planner.opening_lots()
        for lots in on_shelves:
            lots.sort(key=lambda lot: (lot.expiry, lot.number))
        return StoreState(
            now=self._start_ms,
            start=self._start_ms,
            shelves=on_shelves,
            back_room=in_back_room,
            stock=[units(lots) for lots in on_shelves],
            transit=[[] for _ in on_shelves],
            baskets={},
            agenda=[],
        )

    def _active_plans(self, until_ms: int) -> dict[int, DayPlan]:
        """The plans that may have intents from now to `until_ms`."""
        first = max((self._state.now - PLAN_MARGIN_MS) // DAY_MS, self._start_ms // DAY_MS)
        last = (until_ms - 1 + PLAN_MARGIN_MS) // DAY_MS
        for day in [day for day in self._plans if not first <= day <= last]:
            del self._plans[day]
        for day in range(first, last + 1):
            if day not in self._plans:
                self._plans[day] = self._planner.day(day)
        return self._plans

    def _intents(self, plans: dict[int, DayPlan], until_ms: int) -> list[Intent]:
        now, closures = self._state.now, self._state.closures
        if len(plans) == 1:
            return list(next(iter(plans.values())).intents(now, until_ms, closures))
        return list(merge(*(plan.intents(now, until_ms, closures) for plan in plans.values())))
