"""Facts that reach SmartStore from outside: shelf sensors, tills, doors, back rooms, counts."""

from typing import Literal, get_args

from smartstore.contracts.fields import (
    BatchCode,
    Cents,
    Count,
    Day,
    Grams,
    Id,
    Name,
    Percent,
    Record,
    RowKey,
    ShelfId,
    SignedGrams,
    StoreId,
    Text,
    Timestamp,
    Units,
    Version,
)


class Event(Record, frozen=True, kw_only=True):
    """What every event carries: its own id, its store and its business time."""

    event_id: Id
    store_id: StoreId
    timestamp: Timestamp


class LotQuantity(Record, frozen=True, kw_only=True):
    """So many units of one lot."""

    batch_code: BatchCode
    quantity: Units
    received_date: Day | None = None
    expiry_date: Day | None = None


def _check_lots(quantity: int, lots: list[LotQuantity] | None) -> None:
    if lots is not None and sum(lot.quantity for lot in lots) != quantity:
        raise ValueError("the lots' quantities do not add up to `quantity`")


class ShelfEvent(Event, frozen=True, kw_only=True):
    """A shelf sensor's observation.

    `pickup` and `putback` are a customer's when no lots are named; a `putback` that names lots is a refill by staff,
    and a `removal` takes named lots off the shelf. `weight_change` is what the scale under the shelf saw.
    """

    event_type: Literal["pickup", "putback", "weight_change", "removal"]
    shelf_id: ShelfId
    customer_id: Id | None = None
    quantity: Units | None = None
    delta_weight_g: SignedGrams | None = None
    lots: list[LotQuantity] | None = None
    plan_id: Id | None = None
    reason: Text | None = None

    def __post_init__(self) -> None:
        if self.event_type == "weight_change":
            if self.delta_weight_g is None:
                raise ValueError("a weight_change needs `delta_weight_g`")
            if self.lots is not None:
                raise ValueError("a weight_change cannot name `lots`: it moves no units")
            return
        if self.quantity is None:
            raise ValueError(f"a {self.event_type} needs `quantity`")
        if self.event_type == "removal" and not self.lots:
            raise ValueError("a removal needs `lots`")
        if self.event_type == "pickup" and self.lots:
            raise ValueError("a pickup cannot name `lots`: only the till knows them")
        _check_lots(self.quantity, self.lots)


class PosItem(Record, frozen=True, kw_only=True):
    """One line of a receipt. `total_cents` = quantity × unit_price_cents − discount_cents.

    A till that does not scan lots leaves `batch_code` out; the lot that expires first is then taken.
    """

    line_no: Units
    shelf_id: ShelfId
    quantity: Units
    unit_price_cents: Cents
    total_cents: Cents
    discount_cents: Cents = 0
    batch_code: BatchCode | None = None
    expiry_date: Day | None = None

    def __post_init__(self) -> None:
        if self.total_cents != self.quantity * self.unit_price_cents - self.discount_cents:
            raise ValueError("`total_cents` is not quantity × unit_price_cents − discount_cents")


class PosTransaction(Event, frozen=True, kw_only=True):
    """A receipt: what one customer paid for at a till."""

    transaction_id: Id
    items: list[PosItem]
    customer_id: Id | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.items) <= 1000:
            raise ValueError("a receipt has 1 to 1000 `items`")
        if len({item.line_no for item in self.items}) != len(self.items):
            raise ValueError("two `items` share a `line_no`")


class FootTraffic(Event, frozen=True, kw_only=True):
    """A visit as the door counter saw it; `timestamp` is the entry."""

    customer_id: Id
    entry_time: Timestamp
    exit_time: Timestamp
    trip_duration_minutes: Count
    weekday: Name
    time_slot: Name


class WarehouseEvent(Event, frozen=True, kw_only=True):
    """Goods of one lot in a store's back room.

    `wh_in` brings them in, `wh_out` takes them towards the shelf, `removal` takes them away for good. A `shortage`
    says that so many units of a plan were not there; it moves nothing and names no lot. `plan_id` is the restock plan
    of a `wh_out` or `shortage`, the order of a `wh_in`.
    """

    event_type: Literal["wh_in", "wh_out", "removal", "shortage"]
    shelf_id: ShelfId
    batch_code: BatchCode | None = None
    quantity: Units
    received_date: Day | None = None
    expiry_date: Day | None = None
    plan_id: Id | None = None
    reason: Text | None = None

    def __post_init__(self) -> None:
        if (self.batch_code is None) != (self.event_type == "shortage"):
            raise ValueError("`batch_code` names the lot moved; only a shortage has none")


class StockCount(Event, frozen=True, kw_only=True):
    """A count of one shelf or of its back-room stock, lot by lot.

    An `opening` count applies only where there is no state yet; a `recount` replaces it, and the difference is an
    adjustment.
    """

    count_type: Literal["opening", "recount"]
    location: Literal["store", "warehouse"] = "store"
    shelf_id: ShelfId
    quantity: Count
    lots: list[LotQuantity] | None = None

    def __post_init__(self) -> None:
        _check_lots(self.quantity, self.lots)


class ShelfProfile(Record, frozen=True, kw_only=True):
    """What a shelf is: its SKU, its place in the range, its capacity in units.

    One that people edit has the key of its row, and the row's store if it is not for all stores.
    """

    shelf_id: ShelfId
    sku: Id
    item_category: Name
    item_subcategory: Name
    capacity: Units
    item_weight_g: Grams
    item_price_cents: Cents
    standard_batch_size: Units = 1
    product_name: Name | None = None
    aisle: Count | None = None
    warehouse_capacity: Count = 0
    """Units that fit into the back room; 0 = not limited."""
    shelf_life_days: Count | None = None
    """How many days goods keep that a supplier delivers; none = they do not expire."""
    row_key: RowKey | None = None
    store_id: StoreId | None = None
    updated_at: Timestamp | None = None


class Policy(Record, frozen=True, kw_only=True):
    """What all policies have. Scope: a shelf, a subcategory, a category, or all (none of the three).

    A field left out falls back to the next less specific policy.
    """

    policy_id: Id
    store_id: StoreId | None = None
    shelf_id: ShelfId | None = None
    item_category: Name | None = None
    item_subcategory: Name | None = None
    active: bool = True
    notes: Text | None = None
    updated_at: Timestamp | None = None


class Promotion(Record, frozen=True, kw_only=True):
    """A shelf is cheaper for some days, the first and the last one included."""

    shelf_id: ShelfId
    pct: Percent
    """Off the list price; counts to two decimals, half up."""
    first_day: Day
    last_day: Day

    def __post_init__(self) -> None:
        if self.last_day < self.first_day:
            raise ValueError("`last_day` is before `first_day`")


class Markdown(Record, frozen=True, kw_only=True):
    """A shelf's labels were changed: until the end of `date` so much comes off, compounded with a promotion."""

    shelf_id: ShelfId
    pct: Percent
    date: Day


class ShelfPolicy(Policy, frozen=True, kw_only=True):
    """When to raise an alert for a shelf; a field that no policy sets has the default of the SmartStore."""

    threshold_pct: float | None = None
    min_qty: int | None = None
    near_expiry_days: int | None = None


class WhPolicy(Policy, frozen=True, kw_only=True):
    """When to order a shelf's goods for the back room: at fewer units than `reorder_point_qty`."""

    reorder_point_qty: Count | None = None


class CatalogLot(Record, frozen=True, kw_only=True):
    """What is known of a lot beforehand, in one store or (without `store_id`) in every one."""

    row_key: RowKey
    store_id: StoreId | None = None
    shelf_id: ShelfId
    batch_code: BatchCode
    received_date: Day | None = None
    expiry_date: Day | None = None
    standard_batch_size: Units | None = None
    updated_at: Timestamp | None = None


ConfigKind = Literal["profile", "policy", "wh_policy", "lot"]
_KINDS = (*get_args(ConfigKind), "status", "promotion", "markdown")
OPENING = "opening"
"""Stands for the offset in the id of a record that tells a new store of a row in force."""


class StoreConfig(Event, frozen=True, kw_only=True):
    """A row of configuration in a store's own order of events: it holds from the next tick on.

    `profile` describes a shelf, `policy` an alert policy, `wh_policy` a policy of the back room, `lot` a lot before it
    comes, `status` says whether the store is open (it is, before any), `promotion` announces a reduced price,
    `markdown` says that labels were changed. A deleted row or promotion arrives with `op` = `delete`; a profile cannot
    be deleted.
    """

    kind: Literal[ConfigKind, "status", "promotion", "markdown"]
    op: Literal["upsert", "delete"] = "upsert"
    profile: ShelfProfile | None = None
    policy: ShelfPolicy | None = None
    wh_policy: WhPolicy | None = None
    lot: CatalogLot | None = None
    status: Literal["open", "closed"] | None = None
    promotion: Promotion | None = None
    markdown: Markdown | None = None

    def __post_init__(self) -> None:
        if getattr(self, self.kind) is None:
            raise ValueError(f"a configuration of kind {self.kind} needs `{self.kind}`")
        # Who may send one kind must not smuggle in another.
        other = next((kind for kind in _KINDS if kind != self.kind and getattr(self, kind) is not None), None)
        if other is not None:
            raise ValueError(f"a configuration of kind {self.kind} cannot have `{other}`")
        if self.kind == "profile" and self.op == "delete":
            raise ValueError("a profile cannot be deleted: a shelf with stock does not vanish")


JobRecord = ShelfEvent | WarehouseEvent | StoreConfig
"""What a job may state as a fact, in people's place."""


class Command(Event, frozen=True, kw_only=True):
    """What a person tells the system. `acknowledge` names an alert by id, or by shelf and alert type."""

    command: Literal["acknowledge", "approve", "cancel"]
    alert_id: Id | None = None
    plan_id: Id | None = None
    shelf_id: ShelfId | None = None
    alert_type: Name | None = None
    issued_by: Name | None = None

    def __post_init__(self) -> None:
        if self.command == "acknowledge":
            if self.alert_id is None and (self.shelf_id is None or self.alert_type is None):
                raise ValueError("an acknowledge needs `alert_id`, or `shelf_id` and `alert_type`")
        elif self.plan_id is None:
            raise ValueError(f"a {self.command} needs `plan_id`")


class Store(Event, frozen=True, kw_only=True):
    """A store of the estate. `ordinal` counts from 0; `parts` > 1 splits a very large store."""

    ordinal: Count
    name: Name
    parts: Units = 1
    status: Literal["open", "closed"] = "open"
    version: Version = 0


class Tick(Record, frozen=True, kw_only=True, tag_field="event_type", tag="tick"):
    """Marks, in every source partition, that all events of `stores` before `tick` have been written."""

    tick: Timestamp
    stores: list[StoreId]
