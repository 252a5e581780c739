"""What a key must show over time: its versions in order, and the record at each.

Histories of hundreds of thousands of keys live in memory together, so numbers sit in flat arrays and contract records
are built only when they are compared.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from smartstore.contracts.events import PosTransaction, ShelfProfile
from smartstore.contracts.outputs import (
    Alert,
    DailyDiscount,
    PosTransactionLine,
    ShelfBatchState,
    ShelfDailyFeatures,
    ShelfRestockPlan,
    ShelfState,
    SupplierOrder,
    SupplierReceipt,
    WhBatchState,
    WhState,
    WhSupplierPlan,
)
from smartstore.contracts.wire import from_epoch_ms
from smartstore.verify.ticks import NO_MOMENT, from_microseconds, microseconds

Key = tuple[str | int | date, ...]


class History(Protocol):
    """One key's versions, ascending. A version that is not `mandatory` repeats its predecessor and may be left out."""

    ordinal: int

    @property
    def versions(self) -> Sequence[int]:
        """Versions in ascending order."""

    def mandatory(self, index: int) -> bool:
        """Whether the system must have published this version."""

    def record(self, index: int) -> Struct:
        """The contract record of this version."""


class Expected(Protocol):
    """All keys of one table. Ordinals number the keys from 0."""

    def find(self, key: Key) -> History | None:
        """The history of a key, None when nothing may exist under it."""

    def all(self) -> Iterator[tuple[Key, History]]:
        """Every key with its history."""

    def __len__(self) -> int:
        """How many keys there are."""


class ShelfHistory:
    """One shelf: its balance, weight and last event at each change."""

    __slots__ = ("_values", "ordinal", "profiles", "shelf_id", "store_id", "versions")

    def __init__(self, store_id: str, shelf_id: str, ordinal: int) -> None:
        self.store_id, self.shelf_id, self.ordinal = store_id, shelf_id, ordinal
        self.versions = array("q")
        self.profiles: list[tuple[int, ShelfProfile]] = []
        """(tick from which it holds, profile), ascending."""
        self._values = array("q")
        """Balance, weight (g), last event (µs), for each version."""

    def add(self, tick: int, balance: int, weight_g: int, last_event_at: datetime | None) -> None:
        """Append the state after `tick` (epoch ms)."""
        self.versions.append(tick)
        last = NO_MOMENT if last_event_at is None else microseconds(last_event_at)
        self._values.extend((balance, weight_g, last))

    def balance_at(self, tick: int) -> int:
        """The balance after `tick`, 0 before the first change."""
        index = bisect_right(self.versions, tick) - 1
        return self._values[3 * index] if index >= 0 else 0

    def mandatory(self, index: int) -> bool:  # noqa: ARG002
        """Every event shows in the record, so every version is published."""
        return True

    def profile_at(self, tick: int) -> ShelfProfile:
        """The profile that held at `tick`."""
        profiles = self.profiles
        if len(profiles) == 1:
            return profiles[0][1]
        return profiles[bisect_right(profiles, tick, key=lambda entry: entry[0]) - 1][1]

    def record(self, index: int) -> ShelfState:
        """The shelf's state at this version."""
        tick = self.versions[index]
        balance, weight, last = self._values[3 * index : 3 * index + 3]
        profile = self.profile_at(tick)
        return ShelfState(
            store_id=self.store_id,
            shelf_id=self.shelf_id,
            item_category=profile.item_category,
            item_subcategory=profile.item_subcategory,
            current_stock=max(balance, 0),
            deficit=max(-balance, 0),
            capacity=profile.capacity,
            shelf_weight_g=weight,
            last_event_at=from_microseconds(last),
            updated_at=from_epoch_ms(tick),
            version=tick,
        )


class LotHistory:
    """One lot of a shelf: balance, dates and last event at each change."""

    __slots__ = (
        "_balances",
        "_dates",
        "_moments",
        "batch_code",
        "ordinal",
        "shelf_id",
        "store_id",
        "versions",
    )

    def __init__(self, store_id: str, shelf_id: str, batch_code: str, ordinal: int) -> None:
        self.store_id, self.shelf_id, self.batch_code, self.ordinal = store_id, shelf_id, batch_code, ordinal
        self.versions = array("q")
        self._balances = array("q")
        self._dates: list[tuple[date | None, date | None]] = []
        self._moments = array("q")
        """Last event, µs."""

    def add(
        self, tick: int, balance: int, dates: tuple[date | None, date | None], last_event_at: datetime | None
    ) -> None:
        """Append the state after `tick` (epoch ms); `dates` are received and expiry."""
        self.versions.append(tick)
        self._balances.append(balance)
        self._dates.append(dates)
        self._moments.append(NO_MOMENT if last_event_at is None else microseconds(last_event_at))

    def balance_at(self, tick: int) -> int:
        """The balance after `tick`, 0 before the first change."""
        index = bisect_right(self.versions, tick) - 1
        return self._balances[index] if index >= 0 else 0

    def mandatory(self, index: int) -> bool:
        """A count that confirms what was known changes nothing, so it need not be published."""
        return index == 0 or (
            self._balances[index] != self._balances[index - 1]
            or self._moments[index] != self._moments[index - 1]
            or self._dates[index] != self._dates[index - 1]
        )

    def record(self, index: int) -> ShelfBatchState:
        """The lot's state at this version."""
        tick, balance = self.versions[index], self._balances[index]
        received, expiry = self._dates[index]
        return ShelfBatchState(
            store_id=self.store_id,
            shelf_id=self.shelf_id,
            batch_code=self.batch_code,
            received_date=received,
            expiry_date=expiry,
            quantity_store=max(balance, 0),
            deficit=max(-balance, 0),
            last_event_at=from_microseconds(self._moments[index]),
            updated_at=from_epoch_ms(tick),
            version=tick,
        )


class BackLotHistory(LotHistory):
    """One lot of the back room."""

    __slots__ = ()

    def record(self, index: int) -> WhBatchState:  # type: ignore[override]
        """The lot's state at this version."""
        lot = super().record(index)
        return WhBatchState(
            store_id=lot.store_id,
            shelf_id=lot.shelf_id,
            batch_code=lot.batch_code,
            received_date=lot.received_date,
            expiry_date=lot.expiry_date,
            quantity_warehouse=lot.quantity_store,
            deficit=lot.deficit,
            last_event_at=lot.last_event_at,
            updated_at=lot.updated_at,
            version=lot.version,
        )


class BackRoomHistory:
    """One shelf's place in the back room: balance, units on their way to the shelf, last event at each change."""

    __slots__ = ("_shelf", "_values", "ordinal", "versions")

    def __init__(self, shelf: ShelfHistory, ordinal: int) -> None:
        self._shelf, self.ordinal = shelf, ordinal
        self.versions = array("q")
        self._values = array("q")
        """Balance, in transit, last event (µs), for each version."""

    def add(self, tick: int, balance: int, transit: int, last_event_at: datetime | None) -> None:
        """Append the state after `tick` (epoch ms)."""
        self.versions.append(tick)
        last = NO_MOMENT if last_event_at is None else microseconds(last_event_at)
        self._values.extend((balance, transit, last))

    def mandatory(self, index: int) -> bool:  # noqa: ARG002
        """Every movement shows in the record, so every version is published."""
        return True

    def record(self, index: int) -> WhState:
        """The state at this version."""
        tick = self.versions[index]
        balance, transit, last = self._values[3 * index : 3 * index + 3]
        profile = self._shelf.profile_at(tick)
        return WhState(
            store_id=self._shelf.store_id,
            shelf_id=self._shelf.shelf_id,
            item_category=profile.item_category,
            item_subcategory=profile.item_subcategory,
            wh_current_stock=max(balance, 0),
            deficit=max(-balance, 0),
            in_transit=max(transit, 0),
            capacity=profile.warehouse_capacity,
            last_event_at=from_microseconds(last),
            updated_at=from_epoch_ms(tick),
            version=tick,
        )


R = TypeVar(
    "R",
    Alert,
    ShelfRestockPlan,
    WhSupplierPlan,
    SupplierOrder,
    SupplierReceipt,
    DailyDiscount,
    ShelfDailyFeatures,
)


class RecordHistory(Generic[R]):
    """One alert, plan, order, receipt, discount or day: the record of each change."""

    __slots__ = ("ordinal", "records", "versions")

    def __init__(self, ordinal: int) -> None:
        self.ordinal = ordinal
        self.versions: list[int] = []
        self.records: list[R] = []

    def add(self, record: R) -> None:
        """Append a change."""
        self.versions.append(record.version)
        self.records.append(record)

    def mandatory(self, index: int) -> bool:  # noqa: ARG002
        """Every change is published."""
        return True

    def record(self, index: int) -> R:
        """The record at this version."""
        return self.records[index]


class LineHistory:
    """One line of a receipt; seen once for each receipt that used its key."""

    __slots__ = ("_line_no", "_sales", "ordinal", "versions")

    def __init__(self, sales: "list[Sale]", line_no: int, ordinal: int) -> None:
        self._sales, self._line_no, self.ordinal = sales, line_no, ordinal
        self.versions = [sale.version for sale in sales]

    def mandatory(self, index: int) -> bool:  # noqa: ARG002
        """Every sold line is published."""
        return True

    def record(self, index: int) -> PosTransactionLine:
        """The line as the receipt states it."""
        sale = self._sales[index]
        receipt = sale.receipt
        item = next(item for item in receipt.items if item.line_no == self._line_no)
        return PosTransactionLine(
            store_id=receipt.store_id,
            transaction_id=receipt.transaction_id,
            line_no=item.line_no,
            shelf_id=item.shelf_id,
            batch_code=item.batch_code,
            expiry_date=item.expiry_date,
            customer_id=receipt.customer_id,
            sold_at=receipt.timestamp,
            quantity=item.quantity,
            unit_price_cents=item.unit_price_cents,
            discount_cents=item.discount_cents,
            total_cents=item.total_cents,
            updated_at=from_epoch_ms(sale.tick),
            version=sale.version,
        )


class Sale:
    """A receipt taken at `tick`; its lines have the ordinals from `ordinal` on. `earlier` used the same id."""

    __slots__ = ("earlier", "ordinal", "receipt", "tick", "version")

    def __init__(self, tick: int, receipt: PosTransaction, ordinal: int, earlier: "Sale | None") -> None:
        self.tick, self.receipt, self.ordinal, self.earlier = tick, receipt, ordinal, earlier
        self.version: int = earlier.version + 1 if earlier is not None and earlier.tick == tick else tick

    def chain(self) -> "list[Sale]":
        """This receipt and its predecessors, oldest first."""
        sales: list[Sale] = []
        sale: Sale | None = self
        while sale is not None:
            sales.insert(0, sale)
            sale = sale.earlier
        return sales


class ExpectedSales:
    """All receipt lines, by store and transaction."""

    def __init__(self) -> None:
        self._by_store: dict[str, dict[str, Sale]] = {}
        self._size = 0

    def add(self, tick: int, receipt: PosTransaction) -> None:
        """Take a receipt at `tick` (epoch ms)."""
        sales = self._by_store.setdefault(receipt.store_id, {})
        sales[receipt.transaction_id] = Sale(tick, receipt, self._size, sales.get(receipt.transaction_id))
        self._size += len(receipt.items)

    def receipts(self) -> Iterator[tuple[str, int, PosTransaction]]:
        """(store, tick in epoch ms, receipt) of every receipt."""
        for store_id, sales in self._by_store.items():
            for sale in sales.values():
                for one in sale.chain():
                    yield store_id, one.tick, one.receipt

    def find(self, key: Key) -> LineHistory | None:
        """The line (store_id, transaction_id, line_no)."""
        store_id, transaction_id, line_no = key
        sale = self._by_store.get(str(store_id), {}).get(str(transaction_id))
        return self._line(sale, int(str(line_no))) if sale else None

    def all(self) -> Iterator[tuple[Key, LineHistory]]:
        """Every line; a key used by two receipts comes once."""
        for store_id, sales in self._by_store.items():
            for transaction_id, sale in sales.items():
                numbers = {item.line_no for one in sale.chain() for item in one.receipt.items}
                for line_no in sorted(numbers):
                    line = self._line(sale, line_no)
                    if line is not None:
                        yield (store_id, transaction_id, line_no), line

    def _line(self, sale: Sale, line_no: int) -> LineHistory | None:
        if sale.earlier is None:
            for place, item in enumerate(sale.receipt.items):
                if item.line_no == line_no:
                    return LineHistory([sale], line_no, sale.ordinal + place)
            return None
        using = [one for one in sale.chain() if any(item.line_no == line_no for item in one.receipt.items)]
        if not using:
            return None
        place = next(i for i, item in enumerate(using[-1].receipt.items) if item.line_no == line_no)
        return LineHistory(using, line_no, using[-1].ordinal + place)

    def __len__(self) -> int:
        return self._size


class ExpectedKeys:
    """Histories under their keys, for tables of moderate size."""

    def __init__(self) -> None:
        self._histories: dict[Key, Any] = {}

    def add(self, key: Key, history: History) -> None:
        """Register a new key; its history has the ordinal `len(self)`."""
        self._histories[key] = history

    def find(self, key: Key) -> Any:
        """The history of a key, or None."""
        return self._histories.get(key)

    def all(self) -> Iterator[tuple[Key, Any]]:
        """Every key that has at least one version."""
        return ((key, history) for key, history in self._histories.items() if history.versions)

    def __len__(self) -> int:
        return len(self._histories)
