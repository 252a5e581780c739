"""The back room of one store, recomputed: units by shelf, and what is on its way (docs/stock-rules.md, Back room)."""

from dataclasses import dataclass
from datetime import datetime

from smartstore.contracts.events import ShelfEvent, StockCount, WarehouseEvent
from smartstore.verify.histories import BackRoomHistory, ExpectedKeys
from smartstore.verify.stock import Correction, ShelfBook
from smartstore.verify.ticks import whole_milliseconds

SIGNS = {"wh_in": 1, "wh_out": -1, "removal": -1, "shortage": 0}


@dataclass(slots=True, eq=False)
class Room:
    """One shelf's place in the back room."""

    shelf_id: str
    history: BackRoomHistory
    balance: int = 0
    transit: int = 0
    opened: bool = False
    last_event_at: datetime | None = None
    negative_since: int | None = None
    counted: int = 0
    """What the opening count set it to, less what was known before."""
    delivered: int = 0
    removed: int = 0


class BackRoomBook:
    """All of one store's back room. Call the `apply`s of a tick in order, then `close` it."""

    def __init__(self, shelves: ShelfBook, expected: ExpectedKeys, corrections: list[Correction]) -> None:
        self._shelves, self._expected, self._corrections = shelves, expected, corrections
        self.rooms: dict[str, Room] = {}
        self._touched: dict[str, Room] = {}
        self._negative: dict[str, Room] = {}

    def apply_event(self, event: WarehouseEvent) -> bool:
        """A movement; False when the shelf has no profile."""
        if event.shelf_id not in self._shelves.shelves:
            return False
        room = self._room(event.shelf_id)
        room.balance += SIGNS[event.event_type] * event.quantity
        if event.event_type == "wh_in":
            room.delivered += event.quantity
        elif event.event_type == "removal":
            room.removed += event.quantity
        elif event.event_type == "wh_out":
            room.transit += event.quantity
        moment = whole_milliseconds(event.timestamp)
        if room.last_event_at is None or moment > room.last_event_at:
            room.last_event_at = moment
        self._touched[event.shelf_id] = room
        return True

    def apply_refill(self, event: ShelfEvent) -> None:
        """Goods that reached the shelf, lot by lot."""
        room = self._room(event.shelf_id)
        room.transit -= event.quantity or 0
        self._touched[event.shelf_id] = room

    def apply_count(self, tick: int, count: StockCount) -> bool:
        """A count; False when it is ignored (an opening count where there is one already)."""
        room = self._room(count.shelf_id)
        difference = count.quantity - room.balance
        if count.count_type == "opening":
            if room.opened:
                return False
            room.counted += difference
        elif difference:
            self._correct(tick, room, "recount", difference)
        room.balance, room.opened = count.quantity, True
        self._touched[count.shelf_id] = room
        return True

    def close(self, tick: int, lateness_ms: int) -> set[str]:
        """End the tick; returns the shelves whose back room changed."""
        for shelf_id, room in self._touched.items():
            if room.balance >= 0:
                room.negative_since = None
                self._negative.pop(shelf_id, None)
            elif room.negative_since is None:
                room.negative_since = tick
                self._negative[shelf_id] = room
        for shelf_id, room in list(self._negative.items()):
            if tick - (room.negative_since or 0) >= lateness_ms:
                self._correct(tick, room, "unexplained_deficit", -room.balance)
                room.balance, room.negative_since = 0, None
                del self._negative[shelf_id]
                self._touched[shelf_id] = room
        for room in self._touched.values():
            room.history.add(tick, room.balance, room.transit, room.last_event_at)
        changed = set(self._touched)
        self._touched.clear()
        return changed

    def _room(self, shelf_id: str) -> Room:
        room = self.rooms.get(shelf_id)
        if room is None:
            shelf = self._shelves.shelves[shelf_id].history
            history = BackRoomHistory(shelf, len(self._expected))
            room = self.rooms[shelf_id] = Room(shelf_id, history)
            self._expected.add((self._shelves.store_id, shelf_id), history)
        return room

    def _correct(self, tick: int, room: Room, cause: str, quantity: int) -> None:
        store = self._shelves.store_id
        self._corrections.append(
            Correction(store, room.shelf_id, None, cause, tick, quantity, location="warehouse")
        )
