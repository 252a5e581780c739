"""A client's own books of one store: what its facts must come to, by docs/stock-rules.md alone.

Nothing of SmartStore's code is used. Records are the dicts that are sent (docs/gateway.md); `post` takes them in the
order of their effect, which is that of their timestamps.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

Row = tuple[Any, ...]
UNKNOWN = "unknown_shelf"


@dataclass
class Lot:
    """Units of one lot; its dates are the first known."""

    units: int = 0
    received: date | None = None
    expiry: date | None = None
    last_event: datetime | None = None

    def date_by(self, named: dict[str, Any]) -> None:
        """Take the dates that a record names."""
        self.received = self.received or _day(named.get("received_date"))
        self.expiry = self.expiry or _day(named.get("expiry_date"))


@dataclass
class Place:
    """One shelf, or what lies behind it."""

    units: int = 0
    counted: bool = False
    last_event: datetime | None = None
    profile: dict[str, Any] = field(default_factory=dict)
    """As it was at the last change."""
    lots: dict[str, Lot] = field(default_factory=dict)

    def lot(self, code: str) -> Lot:
        """A lot, new if need be."""
        return self.lots.setdefault(code, Lot())

    def move(self, units: int, at: datetime) -> None:
        """So many units came (or, below zero, went)."""
        self.units += units
        self.last_event = max(self.last_event or at, at)

    def move_lot(self, code: str, units: int, at: datetime) -> None:
        """So many units of a lot came or went."""
        lot = self.lot(code)
        lot.units += units
        lot.last_event = max(lot.last_event or at, at)


@dataclass
class Books:
    """All books of one store."""

    store: str
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    shelves: dict[str, Place] = field(default_factory=dict)
    rooms: dict[str, Place] = field(default_factory=dict)
    weight_g: Counter[str] = field(default_factory=Counter)
    transit: Counter[str] = field(default_factory=Counter)
    lines: dict[tuple[str, int], Row] = field(default_factory=dict)
    movements: dict[str, Row] = field(default_factory=dict)
    deliveries: Counter[Row] = field(default_factory=Counter)
    adjustments: Counter[Row] = field(default_factory=Counter)
    letters: Counter[Row] = field(default_factory=Counter)
    """Records that were let in and that no job can apply: topic, event id, first word of the reason, field."""
    name: str | None = None
    taken: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Event ids by topic."""

    def post(self, record: dict[str, Any]) -> None:
        """Take a record that was let in; a repeat of its id on its topic changes nothing."""
        topic, event_id = record["topic"], record["event_id"]
        if event_id in self.taken[topic]:
            return
        self.taken[topic].add(event_id)
        {
            "shelf_events": self._shelf_event,
            "pos_transactions": self._receipt,
            "stock_counts": self._count,
            "store_config": self._config,
            "wh_events": self._movement,
            "stores": self._store,
            "foot_traffic": lambda _: None,
            "commands": self._command,
        }[topic](record)

    def write_off(self) -> None:
        """What is missing for longer than the lateness bound is written off."""
        for location, places in (("store", self.shelves), ("warehouse", self.rooms)):
            for shelf, place in places.items():
                if place.units < 0:
                    self._adjust(shelf, None, location, -place.units, "unexplained_deficit")
                    place.units = 0
                for code, lot in place.lots.items():
                    if lot.units < 0:
                        self._adjust(shelf, code, location, -lot.units, "unexplained_deficit")
                        lot.units = 0

    def stocked(self, shelf: str) -> list[tuple[str, Lot]]:
        """The lots of a shelf with units, in the order in which sales without a lot take them."""
        lots = [(code, lot) for code, lot in self.shelves[shelf].lots.items() if lot.units > 0]
        return sorted(lots, key=lambda one: (one[1].expiry is None, one[1].expiry or date.max, one[0]))

    def _shelf_event(self, event: dict[str, Any]) -> None:
        shelf = event["shelf_id"]
        if shelf not in self.profiles:
            self._refuse(event, "shelf_id")
            return
        place, at, quantity = self._at(self.shelves, shelf), moment(event), event.get("quantity") or 0
        sign = {"putback": 1, "pickup": -1, "removal": -1, "weight_change": 0}[event["event_type"]]
        place.move(sign * quantity, at)
        if event["event_type"] == "weight_change":
            self.weight_g[shelf] += event["delta_weight_g"]
        for named in event.get("lots") or ():
            place.move_lot(named["batch_code"], sign * named["quantity"], at)
            place.lot(named["batch_code"]).date_by(named)
        if event.get("lots") and sign > 0:
            self.transit[shelf] -= quantity
            self._at(self.rooms, shelf)

    def _receipt(self, receipt: dict[str, Any]) -> None:
        for n, item in enumerate(receipt["items"]):
            self.lines[receipt["transaction_id"], item["line_no"]] = (
                item["shelf_id"],
                item.get("batch_code"),
                _day(item.get("expiry_date")),
                receipt.get("customer_id"),
                instant(receipt["timestamp"]),
                item["quantity"],
                item["unit_price_cents"],
                item.get("discount_cents", 0),
                item["total_cents"],
            )
            if item["shelf_id"] in self.profiles:
                self._sell(item, moment(receipt))
            else:
                self._refuse(receipt, f"items[{n}].shelf_id")

    def _sell(self, item: dict[str, Any], at: datetime) -> None:
        place = self.shelves.setdefault(item["shelf_id"], Place())
        code, left = item.get("batch_code"), item["quantity"]
        if code is not None:
            place.move_lot(code, -left, at)
            place.lot(code).date_by({"expiry_date": item.get("expiry_date")})
            return
        for stocked, lot in self.stocked(item["shelf_id"]):
            part = min(left, lot.units)
            if part:
                place.move_lot(stocked, -part, at)
            left -= part
        if left:
            place.move_lot("unknown", -left, at)

    def _count(self, count: dict[str, Any]) -> None:
        shelf, location = count["shelf_id"], count.get("location", "store")
        if shelf not in self.profiles:
            self._refuse(count, "shelf_id")
            return
        places = self.shelves if location == "store" else self.rooms
        opening = count["count_type"] == "opening"
        if opening and shelf in places and places[shelf].counted:
            return
        place = self._at(places, shelf)
        if opening and location == "store":
            self.weight_g[shelf] = count["quantity"] * self.profiles[shelf]["item_weight_g"]
        if not opening and count["quantity"] != place.units:
            self._adjust(shelf, None, location, count["quantity"] - place.units, "recount")
        place.units, place.counted = count["quantity"], True
        if count.get("lots") is not None:
            self._count_lots(place, count, location, opening=opening)

    def _count_lots(self, place: Place, count: dict[str, Any], location: str, *, opening: bool) -> None:
        found: Counter[str] = Counter()
        for named in count["lots"]:
            found[named["batch_code"]] += named["quantity"]
            place.lot(named["batch_code"]).date_by(named)
        for code, lot in place.lots.items():
            if opening and code not in found:
                continue
            if not opening and found[code] != lot.units:
                self._adjust(count["shelf_id"], code, location, found[code] - lot.units, "recount")
            lot.units = found[code]

    def _movement(self, event: dict[str, Any]) -> None:
        shelf, kind, quantity, at = event["shelf_id"], event["event_type"], event["quantity"], moment(event)
        code, plan = event.get("batch_code"), event.get("plan_id")
        self.movements[event["event_id"]] = (kind, shelf, code, quantity, plan)
        if shelf not in self.profiles:
            self._refuse(event, "shelf_id")
            return
        place = self._at(self.rooms, shelf)
        sign = {"wh_in": 1, "wh_out": -1, "removal": -1, "shortage": 0}[kind]
        place.move(sign * quantity, at)
        if code is not None:
            place.move_lot(code, sign * quantity, at)
            place.lot(code).date_by(event)
        if kind == "wh_out":
            self.transit[shelf] += quantity
        if kind == "wh_in" and plan is not None:
            self.deliveries[plan, shelf, code, quantity, instant(event["timestamp"])] += 1

    def _config(self, config: dict[str, Any]) -> None:
        if config["kind"] == "profile":
            self.profiles[config["profile"]["shelf_id"]] = config["profile"]
        elif config["promotion"]["shelf_id"] not in self.profiles:
            self._refuse(config, "promotion.shelf_id")

    def _store(self, store: dict[str, Any]) -> None:
        self.name = store["name"]

    def _command(self, command: dict[str, Any]) -> None:
        """Of the commands, these books know those for plans and alerts that nobody has."""
        if command["command"] == "acknowledge":
            self.letters["commands", command["event_id"], "alert_not_open", "alert_id"] += 1
        else:
            self.letters["commands", command["event_id"], "plan_not_open", "plan_id"] += 1

    def _at(self, places: dict[str, Place], shelf: str) -> Place:
        """A place that changes now: its row shows the profile in force."""
        place = places.setdefault(shelf, Place())
        place.profile = self.profiles[shelf]
        return place

    def _refuse(self, record: dict[str, Any], name: str) -> None:
        self.letters[record["topic"], record["event_id"], UNKNOWN, name] += 1

    def _adjust(self, shelf: str, code: str | None, location: str, quantity: int, cause: str) -> None:
        self.adjustments[shelf, code, location, quantity, cause] += 1


def instant(text: str) -> datetime:
    """A timestamp as it was sent."""
    return datetime.fromisoformat(text).astimezone(UTC)


def moment(record: dict[str, Any]) -> datetime:
    """A record's business time, which counts in milliseconds."""
    at = instant(record["timestamp"])
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
