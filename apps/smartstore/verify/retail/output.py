"""The report for people and for machines."""

from typing import Any

import msgspec

from smartstore.contracts.wire import from_epoch_ms
from smartstore.verify.retail.figures import LeadTimes, StoreFigures

HEADINGS = (
    *("STORE", "RECEIPTS", "UNITS", "REVENUE", "LOST", "SERVICE", "ON SHELF", "STOCK-OUTS"),
    *("WASTE", "SHARE", "DELIVERED", "RESTOCK", "SUPPLIER"),
)
LEGEND = """\
SERVICE units sold of units wanted · ON SHELF shelf time with stock · WASTE expired units taken away, SHARE of all that
left · RESTOCK plan to shelf, SUPPLIER order to back room: median and 95th percentile"""


def as_text(stores: list[StoreFigures], whole: StoreFigures, tick: int) -> str:
    """One line per store, then all of them."""
    rows = [_row(one) for one in (*stores, whole)]
    widths = [max(len(row[i]) for row in (HEADINGS, *rows)) for i in range(len(HEADINGS))]
    lines = [
        "  ".join(text.ljust(width) if not i else text.rjust(width) for i, (text, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in (HEADINGS, *rows))
    ]
    return "\n".join([f"up to {_moment(tick)}", "", *lines, "", LEGEND])


def as_json(stores: list[StoreFigures], whole: StoreFigures, tick: int) -> str:
    """{tick, stores: [...], all: {...}}; shares from 0 to 1, money in cents, lead times in minutes."""
    document = {"tick": _moment(tick), "stores": [_object(one) for one in stores], "all": _object(whole)}
    return msgspec.json.encode(document).decode()


def _row(one: StoreFigures) -> tuple[str, ...]:
    return (
        one.store_id,
        f"{one.receipts:,}",
        f"{one.units_sold:,}",
        f"{one.revenue_cents / 100:,.2f}",
        "–" if one.lost_units is None else f"{one.lost_units:,}",
        _percent(one.service_level),
        _percent(one.availability),
        f"{one.stock_outs:,}",
        f"{one.wasted:,}",
        _percent(one.waste_share),
        f"{one.delivered_units:,}",
        _minutes(one.restock),
        _minutes(one.supplier),
    )


def _object(one: StoreFigures) -> dict[str, Any]:
    return {
        "store_id": one.store_id,
        "receipts": one.receipts,
        "units_sold": one.units_sold,
        "revenue_cents": one.revenue_cents,
        "lost_units": one.lost_units,
        "service_level": one.service_level,
        "on_shelf_availability": one.availability,
        "stock_outs": one.stock_outs,
        "wasted_on_shelf": one.wasted_on_shelf,
        "wasted_in_back_room": one.wasted_in_back_room,
        "waste_share": one.waste_share,
        "delivered_units": one.delivered_units,
        "restock_minutes": _quantiles(one.restock),
        "supplier_minutes": _quantiles(one.supplier),
    }


def _quantiles(times: LeadTimes) -> dict[str, Any]:
    return {"count": len(times.minutes), "p50": times.quantile(0.5), "p95": times.quantile(0.95)}


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


def _minutes(times: LeadTimes) -> str:
    middle, high = times.quantile(0.5), times.quantile(0.95)
    if middle is None or high is None:
        return "–"
    return f"{_span(middle)} · {_span(high)}"


def _span(minutes: float) -> str:
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _moment(tick: int) -> str:
    return from_epoch_ms(tick).isoformat().replace("+00:00", "Z")
