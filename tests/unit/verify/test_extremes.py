"""Whatever the gateway lets in, however large or far away: it stops no job, and both codes keep the same books."""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smartstore.contracts import topics
from smartstore.contracts.wire import decoder
from smartstore.gateway.admission import EVENT_TOPICS, Accepted, Admission
from smartstore.gateway.keys import ValidKey
from tests.unit.domain.lines_of_a_store import STORE, Lines, at, order_id, plan_id, supplier_plan_id
from tests.unit.verify.agreement import demand_agreement

pytestmark = pytest.mark.unit

SHELVES = ("A1", "B2", "C" * 48)
LOTS = ("l1", "l2", "unknown", "Z" * 48)
UNITS, COUNTS, GRAMS = (1, 2, 1_000_000), (0, 1, 1_000_000_000), (0, 1, 1_000_000_000_000)
DAYS = ("0001-01-01", "2025-12-31", "2026-01-01", "2026-01-02", "9999-12-31")
PLANS = ("p", plan_id("A1"), order_id(supplier_plan_id("A1")))
MINUTES = (1, 2, 3, 540, 1020, 1440, 1441, 4420)


def lots(rnd: random.Random) -> dict[str, Any]:
    """Lots and the quantity that they add up to."""
    named = [
        {
            "batch_code": rnd.choice(LOTS),
            "quantity": rnd.choice((1, 2, 333_333)),
            "received_date": rnd.choice((None, *DAYS)),
            "expiry_date": rnd.choice((None, *DAYS)),
        }
        for _ in range(rnd.randint(1, 3))
    ]
    return {"quantity": sum(lot["quantity"] for lot in named), "lots": named}


def profile(rnd: random.Random) -> dict[str, Any]:
    described = {
        "shelf_id": rnd.choice(SHELVES),
        "sku": "x",
        "item_category": "",
        "item_subcategory": "c" * 128,
        "capacity": rnd.choice(UNITS),
        "item_weight_g": rnd.choice(GRAMS),
        "item_price_cents": rnd.choice((0, 100_000_000_000)),
        "standard_batch_size": rnd.choice(UNITS),
        "warehouse_capacity": rnd.choice(COUNTS),
        "shelf_life_days": rnd.choice((None, *COUNTS)),
    }
    return {"topic": "store_config", "kind": "profile", "profile": described}


def promotion(rnd: random.Random) -> dict[str, Any]:
    first, last = sorted(rnd.choices(DAYS, k=2))
    announced = {"shelf_id": rnd.choice(SHELVES), "pct": rnd.choice((0, 100, 1e-9, 33.333333))}
    days = {"first_day": first, "last_day": last}
    return {"topic": "store_config", "kind": "promotion", "promotion": announced | days}


def on_shelf(rnd: random.Random) -> dict[str, Any]:
    kind = rnd.choice(("pickup", "putback", "weight_change", "removal"))
    moved: dict[str, Any] = {"quantity": rnd.choice(UNITS)}
    if kind == "weight_change":
        moved = {"delta_weight_g": rnd.choice((-1, 1)) * rnd.choice(GRAMS)}
    elif kind == "removal" or (kind == "putback" and rnd.random() < 0.5):
        moved = lots(rnd) | {"plan_id": rnd.choice(PLANS)}
    return {"topic": "shelf_events", "event_type": kind, "shelf_id": rnd.choice(SHELVES), **moved}


def receipt(rnd: random.Random) -> dict[str, Any]:
    """Of one of a few transactions, so that several use the same id, in one tick too."""
    items = []
    for n in range(rnd.randint(1, 3)):
        quantity, price = rnd.choice(UNITS), rnd.choice((0, 1, 100_000))
        discount = rnd.choice((0, quantity * price))
        item = {"line_no": n + 1, "shelf_id": rnd.choice(SHELVES), "quantity": quantity}
        lot = {"batch_code": rnd.choice((None, *LOTS)), "expiry_date": rnd.choice((None, *DAYS))}
        cents = {"unit_price_cents": price, "discount_cents": discount}
        items.append({**item, **lot, **cents, "total_cents": quantity * price - discount})
    return {"topic": "pos_transactions", "transaction_id": f"t{rnd.randint(1, 3)}", "items": items}


def in_back_room(rnd: random.Random) -> dict[str, Any]:
    kind = rnd.choice(("wh_in", "wh_in", "wh_out", "removal", "shortage"))
    return {
        "topic": "wh_events",
        "event_type": kind,
        "shelf_id": rnd.choice(SHELVES),
        "batch_code": None if kind == "shortage" else rnd.choice(LOTS),
        "quantity": rnd.choice(UNITS),
        "received_date": rnd.choice((None, *DAYS)),
        "expiry_date": rnd.choice((None, *DAYS)),
        "plan_id": rnd.choice((None, *PLANS)),
    }


def count(rnd: random.Random) -> dict[str, Any]:
    counted = lots(rnd) if rnd.random() < 0.6 else {"quantity": rnd.choice(COUNTS)}
    kind, place = rnd.choice(("opening", "recount")), rnd.choice(("store", "warehouse"))
    where = {"count_type": kind, "location": place, "shelf_id": rnd.choice(SHELVES)}
    return {"topic": "stock_counts", **where, **counted}


MAKERS = (profile, promotion, on_shelf, on_shelf, receipt, in_back_room, in_back_room, count, count)


def let_in(rnd: random.Random, now: datetime) -> Iterator[tuple[str, bytes]]:
    """Records as they stand in their streams behind the gateway, whose last tick was `now`."""
    door = Admission(ValidKey("k", STORE, b""), frozenset((STORE,)), now, EVENT_TOPICS)
    for _ in range(15):
        moment = now + timedelta(hours=rnd.choice((-23.9, 0, 0, 0, 0.001, 23.9)))
        record = {"event_id": f"e{rnd.random()}", "store_id": STORE, "timestamp": moment.isoformat()}
        verdict = door.judge(0, json.dumps(record | rnd.choice(MAKERS)(rnd)).encode())
        assert isinstance(verdict, Accepted), verdict
        yield verdict.topic, verdict.value


@pytest.mark.parametrize("seed", [*range(12), 36, 58, 158, 169, 192])
def test_what_is_let_in_stops_nothing(seed: int, tmp_path: Path) -> None:
    rnd = random.Random(seed)
    lines = Lines()
    for minute in MINUTES:
        for topic, value in let_in(rnd, at(minute - 1)):
            lines.raw(topic, value)
        lines.tick(minute)
    rules = {"execution": "Reported" if seed % 4 == 3 else "Assumed", "lateness_minutes": 5}
    for output in demand_agreement(lines, rules, tmp_path):
        decoder(topics.BY_NAME[output.topic].value).decode(output.value)
