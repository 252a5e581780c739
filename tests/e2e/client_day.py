"""What happens in one store on a random day, as records for the gateway.

Everything is possible by the client's own books, unless its name says otherwise. Timestamps rise from record to record,
so that the order of effect is known (docs/gateway.md, Order); only on `LATE` shelves, whose books are plain sums, do
some records come late or early.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.client_books import Books

Record = dict[str, Any]
LATE = ("LATE-1", "LATE-2", "LATE-3")
"""The till scans lots; records may come late, or ahead of their time."""
COUNTED = ("COUNTED-1", "COUNTED-2")
"""Counted again and again."""
FIFO = ("FIFO-1", "FIFO-2")
"""The till does not scan lots."""
SHELVES = LATE + COUNTED + FIFO
WRONG, PLANNED, GHOST = "WRONG-1", "PLANNED-1", "GHOST-1"
"""For facts that cannot be, for a restock plan, and without a profile."""
OPENING_LOTS = 3
_RECEIVED = "2026-01-02"
_EXPIRIES = (None, "0001-01-01", "2026-12-31", "2030-02-28", "9999-12-31")
_EAST = timedelta(hours=5, minutes=30)


def milliseconds() -> int:
    """The time of the wall clock since 1970."""
    return time.time_ns() // 1_000_000


class Day:
    """Makes the records of one store. `books` must have every good record that it has made so far."""

    def __init__(self, rnd: random.Random, books: Books, now: Callable[[], int] = milliseconds) -> None:
        """`now`: the time in milliseconds since 1970."""
        self.rnd, self.books, self._now = rnd, books, now
        self._last = 0
        self._numbers: Counter[str] = Counter()
        self._expiry: dict[tuple[str, str], str | None] = {}
        self._under_way: list[tuple[str, Record]] = []

    def record(self, topic: str, **fields: Any) -> Record:
        """A record of now. Ids count within store and topic: every store and every topic has the same ones."""
        self._numbers[topic] += 1
        self._last = max(self._now(), self._last + 1)
        at = datetime.fromtimestamp(self._last / 1000, UTC)
        event_id = f"e-{self._numbers[topic]}"
        named = {"topic": topic, "event_id": event_id, "store_id": self.books.store}
        return {**named, "timestamp": self._written(at), **fields}

    def opening(self) -> list[Record]:
        """The store's name, what its shelves are, and what lies there."""
        records = [self.record("stores", ordinal=0, name=f"Shop {self.rnd.random()}", version=1)]
        for shelf in (*SHELVES, WRONG, PLANNED):
            records += [self.profile(shelf), self._opening_count(shelf, "store")]
            records.append(self._opening_count(shelf, "warehouse"))
        records.append(self._opening_count(SHELVES[0], "store"))  # a second one is ignored
        return records

    def some(self) -> list[Record]:
        """A few records of something that happens."""
        weighted: dict[Callable[[], list[Record]], int] = {
            self._purchase: 30,
            self._return: 6,
            self._refill: 10,
            self._delivery: 6,
            self._expired: 5,
            self._recount: 6,
            self._visit: 8,
            self._weighing: 6,
            self._ghost: 4,
            self._shortage: 2,
            self._announcement: 2,
            self._new_profile: 2,
        }
        return self.rnd.choices(list(weighted), list(weighted.values()))[0]()

    def closing(self) -> list[Record]:
        """Something on every shelf and behind it, so that the rows show the profiles in force."""
        records = []
        for shelf in SHELVES:
            records.append(self.record("shelf_events", event_type="putback", shelf_id=shelf, quantity=1))
            records.append(self._arrival(shelf, 1))
        return records

    def impossible(self) -> list[Record]:
        """More than there is: picked up, sold of a lot, of a lot that never came, without a lot, and moved behind."""
        behind = {"batch_code": "W-0", "quantity": self.books.rooms[WRONG].lots["W-0"].units + 7}
        items: list[Record] = [
            {"batch_code": "S-0", "quantity": self.books.shelves[WRONG].lots["S-0"].units + 4},
            {"batch_code": "NEVER-CAME", "quantity": 2},
            {"quantity": 1000},
        ]
        return [
            self.record("shelf_events", event_type="pickup", shelf_id=WRONG, quantity=1234),
            self._receipt([{"shelf_id": WRONG, **item} for item in items]),
            self.record("wh_events", event_type="removal", shelf_id=WRONG, **behind),
        ]

    def ahead_of_its_cause(self) -> tuple[list[Record], list[Record]]:
        """Units that are taken before the record that brought them comes."""
        taken = [{"batch_code": "EARLY", "quantity": 5}]
        brought = self._on_shelf("putback", LATE[0], taken)
        return [self._on_shelf("removal", LATE[0], taken)], [brought]

    def refill(self, shelf: str, quantity: int, plan_id: str) -> list[Record]:
        """People bring so many units from the back room for a plan."""
        left, records, lots = quantity, [], []
        for code, lot in self.books.rooms[shelf].lots.items():
            part = min(left, lot.units)
            if part > 0:
                named = {"batch_code": code, "quantity": part}
                records.append(
                    self.record("wh_events", event_type="wh_out", shelf_id=shelf, plan_id=plan_id, **named)
                )
                lots.append(named)
                left -= part
        return [*records, self._on_shelf("putback", shelf, lots, plan_id=plan_id)]

    def profile(self, shelf: str) -> Record:
        """What a shelf is; the planned one is nearly empty."""
        described = {
            "shelf_id": shelf,
            "sku": f"sku-{shelf}",
            "item_category": self.rnd.choice(("DAIRY", "Käse & Co", "酒 🍺")),
            "item_subcategory": "any",
            "capacity": 100 if shelf == PLANNED else self.rnd.randint(40, 90),
            "item_weight_g": 250,
            "item_price_cents": self.rnd.randint(50, 900),
            "warehouse_capacity": self.rnd.randint(500, 900),
        }
        return self.record("store_config", kind="profile", profile=described)

    def _opening_count(self, shelf: str, location: str) -> Record:
        letter = "S" if location == "store" else "W"
        units = {f"{letter}-{n}": self.rnd.randint(10, 30) for n in range(OPENING_LOTS)}
        if shelf == PLANNED:
            units = dict.fromkeys(units, 1 if location == "store" else 30)
        counted = [self._named(shelf, code, quantity) for code, quantity in units.items()]
        where = {"count_type": "opening", "location": location, "shelf_id": shelf}
        return self.record("stock_counts", **where, quantity=sum(units.values()), lots=counted)

    def _purchase(self) -> list[Record]:
        """Units are taken off shelves, most of them paid for, the others put back."""
        picked, items = [], []
        for shelf in self.rnd.sample(SHELVES, self.rnd.randint(1, 4)):
            place = self.books.shelves[shelf]
            stocked = self.books.stocked(shelf)
            most = min(place.units, sum(lot.units for _, lot in stocked), 5)
            if most < 1:
                continue
            quantity = self.rnd.randint(1, most)
            picked.append(self.record("shelf_events", event_type="pickup", shelf_id=shelf, quantity=quantity))
            self._shift(shelf, picked[-1])
            code, lot = self.rnd.choice(stocked)
            if shelf in FIFO:
                items.append({"shelf_id": shelf, "quantity": quantity})
            else:
                items.append({"shelf_id": shelf, "quantity": min(quantity, lot.units), "batch_code": code})
        return [*picked, self._receipt(items)] if items else []

    def _return(self) -> list[Record]:
        shelf = self.rnd.choice(SHELVES)
        back = self.record(
            "shelf_events", event_type="putback", shelf_id=shelf, quantity=self.rnd.randint(1, 3)
        )
        self._shift(shelf, back)
        return [back]

    def _refill(self) -> list[Record]:
        """Goods of a lot leave the back room, and lie on the shelf at once, later, or never."""
        if self._under_way and self.rnd.random() < 0.4:
            return [self._arrived(*self._under_way.pop(0))]
        shelf = self.rnd.choice(SHELVES)
        stocked = [(code, lot.units) for code, lot in self.books.rooms[shelf].lots.items() if lot.units > 0]
        if not stocked:
            return self._delivery()
        code, units = self.rnd.choice(stocked)
        named = self._named(shelf, code, self.rnd.randint(1, min(units, 12)))
        out = self.record("wh_events", event_type="wh_out", shelf_id=shelf, **named)
        if self.rnd.random() < 0.3:
            self._under_way.append((shelf, named))
            return [out]
        return [out, self._arrived(shelf, named)]

    def _arrived(self, shelf: str, named: Record) -> Record:
        back = self._on_shelf("putback", shelf, [named], reason="refill")
        self._shift(shelf, back)
        return back

    def _delivery(self) -> list[Record]:
        order = {"plan_id": f"order-{self.rnd.randint(1, 9)}"} if self.rnd.random() < 0.6 else {}
        return [self._arrival(self.rnd.choice(SHELVES), self.rnd.randint(1, 40), **order)]

    def _arrival(self, shelf: str, quantity: int, **fields: Any) -> Record:
        named = self._named(shelf, f"D-{self.rnd.randint(0, 5)}", quantity)
        return self.record("wh_events", event_type="wh_in", shelf_id=shelf, **named, **fields)

    def _expired(self) -> list[Record]:
        """Goods of a lot leave the shelf, or the back room, for good."""
        shelf = self.rnd.choice(SHELVES)
        stocked = self.books.stocked(shelf)
        most = min(self.books.shelves[shelf].units, 4)
        if self.rnd.random() < 0.5 and stocked and most > 0:
            code, lot = self.rnd.choice(stocked)
            gone = self._on_shelf("removal", shelf, [self._named(shelf, code, min(most, lot.units))])
            self._shift(shelf, gone)
            return [gone]
        behind = [(code, lot.units) for code, lot in self.books.rooms[shelf].lots.items() if lot.units > 0]
        if not behind:
            return []
        code, units = self.rnd.choice(behind)
        named = self._named(shelf, code, self.rnd.randint(1, units))
        return [self.record("wh_events", event_type="removal", shelf_id=shelf, reason="expired", **named)]

    def _recount(self) -> list[Record]:
        """Some of the lots are found, one that nobody knew of too; or only units are counted."""
        shelf, location = self.rnd.choice(COUNTED), self.rnd.choice(("store", "warehouse"))
        where = {"count_type": "recount", "location": location, "shelf_id": shelf}
        if self.rnd.random() < 0.3:
            return [self.record("stock_counts", **where, quantity=self.rnd.randint(0, 60))]
        places = self.books.shelves if location == "store" else self.books.rooms
        known = [*places[shelf].lots, f"FOUND-{self.rnd.randint(0, 3)}"]
        named = self.rnd.choices(known, k=self.rnd.randint(0, 4))  # one may be named twice
        lots = [self._named(shelf, code, self.rnd.randint(1, 25)) for code in named]
        return [
            self.record("stock_counts", **where, quantity=sum(lot["quantity"] for lot in lots), lots=lots)
        ]

    def _visit(self) -> list[Record]:
        times = {
            "entry_time": self._written(datetime.now(UTC)),
            "exit_time": self._written(datetime.now(UTC)),
        }
        words = {"weekday": "Monday", "time_slot": "09-12"}
        return [self.record("foot_traffic", customer_id="c-1", trip_duration_minutes=10, **times, **words)]

    def _weighing(self) -> list[Record]:
        shelf = self.rnd.choice(SHELVES)
        grams = self.rnd.choice((-250, -1, 0, 77, 12_000))
        seen = self.record("shelf_events", event_type="weight_change", shelf_id=shelf, delta_weight_g=grams)
        self._shift(shelf, seen)
        return [seen]

    def _ghost(self) -> list[Record]:
        """Something with a shelf that the store does not have: let in, and told in the dead letters."""
        price = {"unit_price_cents": 100, "total_cents": 100}
        items = [{"line_no": 1, "shelf_id": FIFO[0], "quantity": 1, **price}]
        items.append({"line_no": 2, "shelf_id": GHOST, "quantity": 1, **price})
        days = {"first_day": "2026-01-01", "last_day": "2026-12-31"}
        promotion = {"shelf_id": GHOST, "pct": 12.5, **days}
        lot = {"batch_code": "G", "quantity": 1}
        made: list[Callable[[], Record]] = [
            lambda: self.record("shelf_events", event_type="pickup", shelf_id=GHOST, quantity=1),
            lambda: self.record("wh_events", event_type="wh_in", shelf_id=GHOST, plan_id="order-1", **lot),
            lambda: self.record("stock_counts", count_type="opening", shelf_id=GHOST, quantity=1),
            lambda: self.record("store_config", kind="promotion", promotion=promotion),
        ]
        if self.books.stocked(FIFO[0]):
            made.append(
                lambda: self.record("pos_transactions", transaction_id=self._transaction(), items=items)
            )
        return [self.rnd.choice(made)()]

    def _shortage(self) -> list[Record]:
        shelf = self.rnd.choice(SHELVES)
        return [
            self.record("wh_events", event_type="shortage", shelf_id=shelf, quantity=3, plan_id="nobody's")
        ]

    def _announcement(self) -> list[Record]:
        promotion = {"shelf_id": self.rnd.choice(SHELVES), "pct": self.rnd.uniform(0, 100)}
        days = {"first_day": "2026-01-01", "last_day": "9999-12-31"}
        return [self.record("store_config", kind="promotion", promotion=promotion | days)]

    def _new_profile(self) -> list[Record]:
        return [self.profile(self.rnd.choice(SHELVES))]

    def _receipt(self, items: list[Record]) -> Record:
        lines = []
        for n, item in enumerate(items, 1):
            price, discount = self.rnd.randint(1, 999), self.rnd.choice((0, 0, 1))
            total = item["quantity"] * price - discount
            cents = {"unit_price_cents": price, "discount_cents": discount, "total_cents": total}
            lines.append({"line_no": n, **item, **cents})
        customer = self.rnd.choice(({}, {"customer_id": "c-1"}))
        return self.record("pos_transactions", transaction_id=self._transaction(), items=lines, **customer)

    def _transaction(self) -> str:
        """Now and then a number that was used before: the last receipt's lines are kept."""
        number = self._numbers["pos_transactions"] + 1
        return f"t-{number - 3 if number > 3 and self.rnd.random() < 0.05 else number}"

    def _on_shelf(self, kind: str, shelf: str, lots: list[Record], **fields: Any) -> Record:
        quantity = sum(lot["quantity"] for lot in lots)
        return self.record(
            "shelf_events", event_type=kind, shelf_id=shelf, quantity=quantity, lots=lots, **fields
        )

    def _named(self, shelf: str, code: str, quantity: int) -> Record:
        """A lot as a record names it: with its dates, or without."""
        expiry = self._expiry.setdefault((shelf, code), self.rnd.choice(_EXPIRIES))
        dates = {"received_date": _RECEIVED, "expiry_date": expiry} if self.rnd.random() < 0.6 else {}
        return {"batch_code": code, "quantity": quantity, **dates}

    def _shift(self, shelf: str, record: Record) -> None:
        """On a `LATE` shelf now and then a record is up to a day late, or some seconds ahead of its time."""
        if shelf in LATE and self.rnd.random() < 0.2:
            late = timedelta(seconds=self.rnd.choice((-85_000, -3_600, -5, 4)))
            record["timestamp"] = self._written(datetime.fromisoformat(record["timestamp"]) + late)

    def _written(self, at: datetime) -> str:
        """A moment with or without microseconds, in UTC or in another zone."""
        at = at.astimezone(UTC) + timedelta(microseconds=self.rnd.choice((0, 0, 999)))
        if self.rnd.random() < 0.3:
            return (at + _EAST).replace(tzinfo=None).isoformat() + "+05:30"
        return at.isoformat().replace("+00:00", "Z")
