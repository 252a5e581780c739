"""Ways in which a record can be bad, and what the gateway must answer to each."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.client_day import Record


def spoilt(rnd: random.Random, record: Record) -> tuple[Any, str, str | None]:
    """A bad copy of a good record, the first word of the reason that must be told, and the field."""
    other = "s0002" if record["store_id"] == "s0001" else "s0001"
    now, days = datetime.now(UTC), timedelta(days=2)
    faults: list[tuple[Any, str, str | None]] = [
        ({**record, "topic": "shelf_state"}, "unknown_topic", "topic"),
        ({**record, "topic": "commands"}, "unknown_topic", "topic"),
        ({name: record[name] for name in record if name != "topic"}, "unknown_topic", "topic"),
        ({**record, "store_id": other}, "forbidden", "store_id"),
        ({**record, "store_id": f"{record['store_id']}\n"}, "malformed", "store_id"),
        ({name: record[name] for name in record if name != "event_id"}, "malformed", "event_id"),
        ({**record, "event_id": ""}, "malformed", "event_id"),
        ({**record, "event_id": 7}, "malformed", "event_id"),
        ({**record, "timestamp": "2026-05-04T10:00:00"}, "malformed", "timestamp"),
        ({**record, "timestamp": (now - days).isoformat()}, "too_old", "timestamp"),
        ({**record, "timestamp": (now + days).isoformat()}, "too_early", "timestamp"),
        ({**record, "quantty": 3}, "malformed", "quantty"),
        ({**record, "event_id": "x\0y"}, "malformed", None),
        ([record], "malformed", None),
        ("not a record", "malformed", None),
        (None, "malformed", None),
    ]
    if record["topic"] == "shelf_events" and record["event_type"] in ("pickup", "putback"):
        lots = [{"batch_code": "A", "quantity": record["quantity"] + 1}]
        faults += [
            ({**record, "quantity": 0}, "malformed", "quantity"),
            ({**record, "quantity": 1.5}, "malformed", "quantity"),
            ({**record, "quantity": str(record["quantity"])}, "malformed", "quantity"),
            ({**record, "shelf_id": "LATE 1"}, "malformed", "shelf_id"),
            ({**record, "event_type": "theft"}, "malformed", "event_type"),
            ({**record, "event_type": "removal", "lots": None}, "malformed", "lots"),
            ({**record, "event_type": "putback", "lots": lots}, "malformed", "quantity"),
            ({**record, "event_type": "weight_change"}, "malformed", "delta_weight_g"),
        ]
    if record["topic"] == "pos_transactions":
        first = record["items"][0]
        faults += [
            ({**record, "items": []}, "malformed", "items"),
            ({**record, "items": [first, first]}, "malformed", "items"),
            (
                {**record, "items": [{**first, "total_cents": first["total_cents"] + 1}]},
                "malformed",
                "items[0].total_cents",
            ),
            ({**record, "items": [{**first, "colour": "red"}]}, "malformed", "items[0].colour"),
        ]
    if record["topic"] == "wh_events":
        faults.append(({**record, "event_type": "shortage", "batch_code": "A"}, "malformed", "batch_code"))
    if record["topic"] == "store_config":
        faults += [
            ({**record, record["kind"]: None, "kind": "status", "status": "closed"}, "forbidden", "kind"),
            ({**record, "status": "closed"}, "malformed", "status"),
        ]
    return rnd.choice(faults)
