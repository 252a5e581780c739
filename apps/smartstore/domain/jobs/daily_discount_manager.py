"""daily-discount-manager: lots that expire today or tomorrow → a discount a day (docs/stock-rules.md, Discounts).

Where jobs stand in for people (`execution: Assumed`) it also states that the labels were changed.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from smartstore.contracts import topics
from smartstore.contracts.events import Markdown, Promotion, StoreConfig
from smartstore.contracts.outputs import DailyDiscount
from smartstore.contracts.wire import derived_id, from_epoch_ms
from smartstore.domain import daily_round
from smartstore.domain.alert_book import AlertBook, AlertDesk, Kind, Situation
from smartstore.domain.daily_round import NO_DAY
from smartstore.domain.goods import Goods
from smartstore.domain.lots import NO_DATE, day_of
from smartstore.domain.prices import basis_points, compounded, percent
from smartstore.domain.promotions import Promotions
from smartstore.domain.shelves import IntArray, Shelves, grown, no_ints
from smartstore.domain.tick import Emitted, Moment, Records, Refusal
from smartstore.domain.unit_book import UNKNOWN_SHELF

NAME = "daily-discount-manager"
KIND = Kind(NAME, "near_expiry_discount", "store")


@dataclass(frozen=True)
class State:
    """What is announced, what was marked down last, and the alerts that say so."""

    promotions: Promotions = field(default_factory=Promotions)
    day: int = NO_DAY
    """Of the last round, since 1970-01-01."""
    discount: IntArray = field(default_factory=no_ints)
    """Per shelf, what the last round took off, in basis points; 0 = nothing was marked down."""
    book: AlertBook = field(default_factory=AlertBook)
    next_due_ms: int = 0


def step(
    state: State, records: Records, goods: Goods, shelves: Shelves, moment: Moment
) -> tuple[State, Emitted]:
    """Apply one tick; `goods`: in the store after it."""
    emitted = Emitted()
    hour = moment.planning.discount_hour
    state = replace(
        state,
        promotions=_announced(state.promotions, records, shelves, emitted),
        discount=grown(state.discount, len(shelves), 0),
        book=state.book.sized(len(shelves)),
    )
    earliest = goods.lots.earliest_expiry(len(shelves), moment.today)
    if moment.tick_ms >= daily_round.due_ms(state.day, hour, moment):
        state = _round(state, np.where(goods.counted, earliest, NO_DATE), shelves, moment, emitted)
    _alert(state, earliest, goods, records, shelves, moment, emitted)
    due_ms = min(state.book.next_due(moment), daily_round.due_ms(state.day, hour, moment))
    return replace(state, next_due_ms=due_ms), emitted


def _announced(promotions: Promotions, records: Records, shelves: Shelves, emitted: Emitted) -> Promotions:
    """The promotions after the tick's announcements; the same object when there are none."""
    changes: list[tuple[int, Promotion, bool]] = []
    for row in records.config:
        if row.promotion is None:
            continue
        emitted.events_in += 1
        shelf = shelves.index.get(row.promotion.shelf_id)
        if shelf is None:
            refusal = Refusal(topics.STORE_CONFIG.name, row, UNKNOWN_SHELF, "promotion.shelf_id")
            emitted.refusals.append(refusal)
        else:
            changes.append((shelf, row.promotion, row.op == "upsert"))
    return promotions.changed(changes) if changes else promotions


def _round(state: State, earliest: IntArray, shelves: Shelves, moment: Moment, emitted: Emitted) -> State:
    """Mark down what expires today or tomorrow, once for the day; `earliest`: expiry by shelf."""
    planning, today = moment.planning, moment.today
    promotions = state.promotions.ending_from(today)
    base = promotions.in_force(len(shelves), today, today)
    markdowns = {
        today: basis_points(planning.markdown_today_pct),
        today + 1: basis_points(planning.markdown_tomorrow_pct),
    }
    discount = np.zeros(len(shelves), np.int64)
    for shelf in np.flatnonzero(np.isin(earliest, list(markdowns))).tolist():
        markdown = markdowns[int(earliest[shelf])]
        if not markdown:
            continue
        emitted.events_in += 1
        discount[shelf] = compounded(int(base[shelf]), markdown)
        tick = from_epoch_ms(moment.tick_ms)
        emitted.emit(
            topics.DAILY_DISCOUNTS,
            DailyDiscount(
                store_id=moment.store_id,
                shelf_id=shelves.ids[shelf],
                discount_date=tick.date(),
                expiry_date=day_of(int(earliest[shelf])) or tick.date(),
                base_pct=percent(int(base[shelf])),
                markdown_pct=percent(markdown),
                discount_pct=percent(int(discount[shelf])),
                created_at=tick,
                updated_at=tick,
                version=moment.tick_ms,
            ),
        )
        if planning.execution == "Assumed":
            emitted.fact(topics.STORE_CONFIG, _labelled(shelves.ids[shelf], markdown, moment))
    return replace(state, promotions=promotions, day=today, discount=discount)


def _labelled(shelf_id: str, markdown: int, moment: Moment) -> StoreConfig:
    tick = from_epoch_ms(moment.tick_ms)
    return StoreConfig(
        event_id=derived_id(NAME, f"{moment.store_id}/{shelf_id}", "markdown", moment.today),
        store_id=moment.store_id,
        timestamp=tick,
        kind="markdown",
        markdown=Markdown(shelf_id=shelf_id, pct=percent(markdown), date=tick.date()),
    )


def _alert(
    state: State,
    earliest: IntArray,
    goods: Goods,
    records: Records,
    shelves: Shelves,
    moment: Moment,
    emitted: Emitted,
) -> None:
    """An alert holds while the day's discount does and such goods are there."""

    def situation(shelf: int) -> Situation:
        return Situation(
            units=int(goods.units[shelf]),
            capacity=int(shelves.capacity[shelf]),
            threshold_pct=0.0,
            min_qty=0,
            suggested_qty=0,
            expiry=int(earliest[shelf]),
        )

    desk = AlertDesk(KIND, state.book, shelves, situation, moment, emitted)
    for command in records.commands:
        if command.command == "acknowledge" and desk.acknowledge(command):
            emitted.obeyed.add(command.event_id)
    ending = (earliest != NO_DATE) & (earliest <= moment.today + 1)
    holds = ending & (state.discount > 0) & (state.day == moment.today) & moment.open
    desk.evaluate(np.arange(len(shelves)), holds)
