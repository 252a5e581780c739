"""shelf-refill-bridge: goods taken for a plan → goods on the shelf, after the way (docs/stock-rules.md, Restocking).

Works only where jobs stand in for people (`execution: Assumed`).
"""

from smartstore.contracts import topics
from smartstore.contracts.events import LotQuantity, ShelfEvent, WarehouseEvent
from smartstore.contracts.limits import portions
from smartstore.contracts.wire import derived_id, epoch_ms, from_epoch_ms
from smartstore.domain.tick import MINUTE_MS, Emitted, Moment, Records

NAME = "shelf-refill-bridge"


def step(records: Records, moment: Moment) -> Emitted:
    """One putback for each plan that goods were taken for in this tick, several where one record cannot name all.

    Its time is in the inbox's hands.
    """
    emitted = Emitted()
    if moment.planning.execution != "Assumed":
        return emitted
    taken: dict[tuple[str, str], list[WarehouseEvent]] = {}
    known = records.warehouse.shelf >= 0
    for event, is_known in zip(records.warehouse.records, known.tolist(), strict=True):
        if is_known and event.event_type == "wh_out" and event.plan_id is not None:
            taken.setdefault((event.plan_id, event.shelf_id), []).append(event)
            emitted.events_in += 1
    for (plan, shelf_id), events in taken.items():
        lots = [
            LotQuantity(
                batch_code=event.batch_code or "",
                quantity=event.quantity,
                received_date=event.received_date,
                expiry_date=event.expiry_date,
            )
            for event in events
        ]
        left = max(epoch_ms(event.timestamp) for event in events)
        arrives = max(left + moment.planning.travel_minutes * MINUTE_MS, moment.tick_ms)
        for n, portion in enumerate(portions(lots)):
            more = (n,) if n else ()
            emitted.fact(
                topics.SHELF_EVENTS,
                ShelfEvent(
                    event_id=derived_id(NAME, events[0].event_id, *more),
                    store_id=moment.store_id,
                    timestamp=from_epoch_ms(arrives),
                    event_type="putback",
                    shelf_id=shelf_id,
                    quantity=sum(lot.quantity for lot in portion),
                    lots=portion,
                    plan_id=plan,
                    reason="refill",
                ),
            )
    return emitted
