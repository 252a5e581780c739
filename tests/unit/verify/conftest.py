"""A small ledger, written by hand, and what the recomputation makes of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from smartstore.contracts import topics
from smartstore.contracts.settings import PlanningSettings, RunSettings, SourceSettings
from smartstore.contracts.wire import epoch_ms, from_epoch_ms
from smartstore.verify.ledger import Ledger
from smartstore.verify.ledger_index import LedgerIndex, read_index
from smartstore.verify.replay import Replay, Stranger, Truth
from smartstore.verify.ticks import EPOCH

MINUTE = 60_000
START = epoch_ms(EPOCH.replace(year=2026, hour=8))


class SmallLedger:
    """Store `s1` with shelf `f1` (capacity 10, 100 g an item); ticks every 5 minutes; minutes count from 08:00."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "00000001.jsonl"
        self.lines: list[dict[str, Any]] = []
        self.last_tick = 0
        self._events = 0
        planning = PlanningSettings(
            threshold_pct=30,
            min_qty=1,
            target_pct=80,
            near_expiry_days=2,
            cooldown_minutes=20,
            lateness_minutes=10,
        )
        self.settings = RunSettings(
            name="small", source=SourceSettings(tick_ms=5 * MINUTE), planning=planning
        )
        self.put("run", settings=json.loads(msgspec.json.encode(self.settings)), stores=["s1"])

    def put(self, kind: str, **fields: Any) -> None:
        """One raw line."""
        self.lines.append({"kind": kind, "seq": len(self.lines), **fields})

    def event(self, line: str, minute: float, fault: str | None = None, **fields: Any) -> str:
        """One event; returns its id."""
        self._events += 1
        event_id = fields.pop("event_id", f"e{self._events}")
        data = {"event_id": event_id, "store_id": "s1", "timestamp": self.iso(minute), **fields}
        self.put("event", line=line, data=data, **({"fault": fault} if fault else {}))
        return event_id

    def profile(self, shelf: str = "f1", minute: float = 0, **fields: Any) -> None:
        """A shelf's profile."""
        wanted = {"sku": f"sku-{shelf}", "item_category": "dairy", "item_subcategory": "milk", "capacity": 10}
        profile = {"shelf_id": shelf, "item_weight_g": 100, "item_price_cents": 250} | wanted | fields
        self.event("store_config", minute, kind="profile", profile=profile)

    def count(self, minute: float, lots: dict[str, int], kind: str = "opening", shelf: str = "f1") -> None:
        """A count by lots; lot A expires on 2 January, lot B on the 9th."""
        expiry = {"A": "2026-01-02", "B": "2026-01-09"}
        named = [{"batch_code": c, "quantity": q, "expiry_date": expiry.get(c)} for c, q in lots.items() if q]
        quantity = sum(lots.values())
        self.event("stock_counts", minute, count_type=kind, shelf_id=shelf, quantity=quantity, lots=named)

    def move(self, minute: float, kind: str, quantity: int, shelf: str = "f1", **fields: Any) -> str:
        """A shelf event."""
        return self.event(
            "shelf_events", minute, event_type=kind, shelf_id=shelf, quantity=quantity, **fields
        )

    def sale(self, minute: float, quantity: int, lot: str | None, shelf: str = "f1", **fields: Any) -> str:
        """A receipt of one line at 250 cents a unit."""
        item = {
            "line_no": 1,
            "shelf_id": shelf,
            "quantity": quantity,
            "unit_price_cents": 250,
            "batch_code": lot,
        }
        item["total_cents"] = 250 * quantity
        transaction = f"t{self._events}"
        return self.event("pos_transactions", minute, transaction_id=transaction, items=[item], **fields)

    def tick(self, minute: float) -> None:
        """Close a tick."""
        self.last_tick = START + int(minute * MINUTE)
        self.put("tick", tick=self.iso(minute), stores=["s1"])

    def ticks(self, first: int, last: int) -> None:
        """Close several ticks, five minutes apart."""
        for minute in range(first, last + 1, 5):
            self.tick(minute)

    def open(self, lots: dict[str, int] | None = None) -> "SmallLedger":
        """Profile, opening count and the tick that takes them (08:05)."""
        self.profile()
        self.count(0, {"A": 4, "B": 4} if lots is None else lots)
        self.tick(5)
        return self

    def write(self) -> Ledger:
        """Put the lines on disk."""
        self.file.write_text("".join(json.dumps(line) + "\n" for line in self.lines))
        return Ledger(self.directory)

    def index(self) -> LedgerIndex:
        """Read the ledger with its last tick as the acknowledged one."""
        return read_index(self.write(), self.last_tick, print)

    def replay(self, *strangers: Stranger) -> Truth:
        """Recompute it."""
        return Replay(self.index(), self.last_tick).run(Ledger(self.directory), strangers, print)

    @staticmethod
    def iso(minute: float) -> str:
        """The wire form of a minute."""
        return from_epoch_ms(START + int(minute * MINUTE)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def small(tmp_path: Path) -> SmallLedger:
    """An empty small ledger."""
    return SmallLedger(tmp_path)


@pytest.fixture
def minute() -> Callable[[float], int]:
    """Epoch ms of a minute after 08:00."""
    return lambda value: START + int(value * MINUTE)


@pytest.fixture
def records() -> Callable[[Any], list[Any]]:
    """All records of one history."""
    return lambda history: [history.record(i) for i in range(len(history.versions))] if history else []


@pytest.fixture
def shelf_topic() -> topics.Topic:
    """The topic of shelf events."""
    return topics.SHELF_EVENTS
