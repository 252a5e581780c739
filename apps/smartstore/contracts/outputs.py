"""What SmartStore makes of the facts: state, alerts, sales lines, refused records, progress."""

from typing import Annotated, Literal

from msgspec import Meta

from smartstore.contracts.fields import (
    BatchCode,
    Cents,
    Day,
    Id,
    Name,
    Percent,
    Record,
    ShelfId,
    StoreId,
    Text,
    Timestamp,
    Total,
    Units,
    Version,
)

AlertType = Literal[
    "refill_request", "near_expiry", "supplier_request", "near_expiry_discount", "expired_removal"
]


class ShelfState(Record, frozen=True, kw_only=True):
    """Units on one shelf after a tick.

    `deficit` counts units that facts took beyond what the model held; it becomes an adjustment when no late fact
    explains it within the lateness bound.
    """

    store_id: StoreId
    shelf_id: ShelfId
    item_category: Name
    item_subcategory: Name
    current_stock: Total
    deficit: Total
    capacity: Units
    shelf_weight_g: int
    last_event_at: Timestamp | None
    updated_at: Timestamp
    version: Version


class ShelfBatchState(Record, frozen=True, kw_only=True):
    """Units of one lot in the store (on the shelf or in baskets) after a tick."""

    store_id: StoreId
    shelf_id: ShelfId
    batch_code: BatchCode
    received_date: Day | None
    expiry_date: Day | None
    quantity_store: Total
    deficit: Total
    last_event_at: Timestamp | None
    updated_at: Timestamp
    version: Version


class WhState(Record, frozen=True, kw_only=True):
    """Units of one shelf's SKU in the store's back room after a tick; `deficit` as in `ShelfState`."""

    store_id: StoreId
    shelf_id: ShelfId
    item_category: Name
    item_subcategory: Name
    wh_current_stock: Total
    deficit: Total
    in_transit: Total
    """Units that left the back room for the shelf and have not arrived there."""
    capacity: Total
    last_event_at: Timestamp | None
    updated_at: Timestamp
    version: Version


class WhBatchState(Record, frozen=True, kw_only=True):
    """Units of one lot in the back room after a tick."""

    store_id: StoreId
    shelf_id: ShelfId
    batch_code: BatchCode
    received_date: Day | None
    expiry_date: Day | None
    quantity_warehouse: Total
    deficit: Total
    last_event_at: Timestamp | None
    updated_at: Timestamp
    version: Version


class ShelfRestockPlan(Record, frozen=True, kw_only=True):
    """Goods to bring from the back room to one shelf, through the plan's life; times are ticks.

    pending → issued (all taken) | partial (some taken, the rest waits for goods) | backordered (nothing there)
    → completed (all that was wanted lies on the shelf) | cancelled. At most one plan per shelf is open.
    """

    plan_id: Id
    store_id: StoreId
    shelf_id: ShelfId
    status: Literal["pending", "issued", "partial", "backordered", "completed", "cancelled"]
    suggested_qty: Units
    issued_qty: Total
    """Units taken from the back room for this plan."""
    delivered_qty: Total
    """Units of these that lie on the shelf."""
    current_stock: Total
    """Units on the shelf when the plan was made."""
    created_at: Timestamp
    approved_at: Timestamp | None
    closed_at: Timestamp | None
    updated_at: Timestamp
    version: Version


class WhSupplierPlan(Record, frozen=True, kw_only=True):
    """Goods to order from the supplier for one SKU of a store, through the plan's life; times are ticks.

    pending (grows with the need until its cut-off) → issued (ordered) → completed (all is there) | cancelled. At most
    one plan of a shelf is pending; several may be issued.
    """

    supplier_plan_id: Id
    store_id: StoreId
    shelf_id: ShelfId
    status: Literal["pending", "issued", "completed", "cancelled"]
    suggested_qty: Units
    delivered_qty: Total
    standard_batch_size: Units
    current_stock: Total
    """Units in the back room when the plan was made."""
    on_order: Total
    """Units on their way from the supplier then."""
    reorder_point: Total
    """The position (back room, plus on order, less promised to the shelf) below which the plan was made."""
    created_at: Timestamp
    approved_at: Timestamp | None
    issued_at: Timestamp | None
    closed_at: Timestamp | None
    updated_at: Timestamp
    version: Version


class SupplierOrder(Record, frozen=True, kw_only=True):
    """One order to the supplier: ordered → partial (some of it came) → delivered | cancelled."""

    order_id: Id
    store_id: StoreId
    shelf_id: ShelfId
    supplier_plan_id: Id
    status: Literal["ordered", "partial", "delivered", "cancelled"]
    ordered_qty: Units
    delivered_qty: Total
    ordered_at: Timestamp
    """The tick at which it was placed."""
    cutoff_at: Timestamp
    """Until when orders for its delivery were taken."""
    due_at: Timestamp
    """When the supplier delivers."""
    closed_at: Timestamp | None
    updated_at: Timestamp
    version: Version


class SupplierReceipt(Record, frozen=True, kw_only=True):
    """Goods of one lot that arrived for an order."""

    receipt_id: Id
    order_id: Id
    """As the arrival (`wh_in`) names it."""
    store_id: StoreId
    shelf_id: ShelfId
    batch_code: BatchCode
    quantity: Units
    received_date: Day | None
    expiry_date: Day | None
    received_at: Timestamp
    updated_at: Timestamp
    version: Version


class PosTransactionLine(Record, frozen=True, kw_only=True):
    """One line of one receipt, as an analyst reads it."""

    store_id: StoreId
    transaction_id: Id
    line_no: Units
    shelf_id: ShelfId
    batch_code: BatchCode | None
    expiry_date: Day | None
    customer_id: Id | None
    sold_at: Timestamp
    quantity: Units
    unit_price_cents: Cents
    discount_cents: Cents
    total_cents: Cents
    updated_at: Timestamp
    version: Version


class Alert(Record, frozen=True, kw_only=True):
    """One alert through its life: open → acknowledged → resolved. Times are ticks."""

    alert_id: Id
    store_id: StoreId
    shelf_id: ShelfId
    alert_type: AlertType
    location: Literal["store", "warehouse"]
    status: Literal["open", "acknowledged", "resolved"]
    item_category: Name
    item_subcategory: Name
    current_stock: Total
    capacity: Total
    stock_pct: Annotated[float, Meta(ge=0)]
    """May exceed 100 when a shelf is overfilled."""
    threshold_pct: Percent
    min_qty: Total
    suggested_qty: Total
    expiry_date: Day | None
    created_at: Timestamp
    acknowledged_at: Timestamp | None
    resolved_at: Timestamp | None
    updated_at: Timestamp
    version: Version


class DailyDiscount(Record, frozen=True, kw_only=True):
    """What comes off a shelf's list price on one day, because goods on it expire; percent to two decimals, half up."""

    store_id: StoreId
    shelf_id: ShelfId
    discount_date: Day
    expiry_date: Day
    """When the first of those goods expire: on that day or the next."""
    base_pct: Percent
    """The promotion in force."""
    markdown_pct: Percent
    discount_pct: Percent
    """Both together: 100 − (100 − base) × (100 − markdown) / 100."""
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class ShelfDailyFeatures(Record, frozen=True, kw_only=True):
    """One shelf on one day that is over, as it was known when the day ended; a record's day is that of its tick."""

    store_id: StoreId
    shelf_id: ShelfId
    item_category: Name
    item_subcategory: Name
    feature_date: Day
    day_of_week: Total
    """Monday is 0."""
    is_weekend: bool
    warehouse_inbound_day: bool
    """Whether the supplier delivers on that weekday."""
    refill_day: bool
    item_price_cents: Cents
    discount_pct: Percent
    """Markdown and promotion of the day together, else its promotion."""
    is_discounted: bool
    is_discounted_next_7d: bool
    """On the day, or by a promotion announced for one of the six that follow."""
    people_count: Total
    """Receipts in the store: visitors who paid."""
    sales_qty: Total
    stockout_events: Total
    """How often the shelf ran empty."""
    shelf_capacity: Units
    current_stock_shelf: Total
    shelf_fill_ratio: Annotated[float, Meta(ge=0)]
    warehouse_capacity: Total
    current_stock_warehouse: Total
    warehouse_fill_ratio: Annotated[float, Meta(ge=0)]
    """0 where the back room is not limited."""
    pending_supplier_qty: Total
    """On order when the day began: before the day's decisions."""
    standard_batch_size: Units
    min_expiration_days: Total | None
    """Days until the first of the store's lots expires; the next is their mean. None without lots that will expire."""
    avg_expiration_days: Annotated[float, Meta(ge=0)] | None
    qty_expiring_next_7d: Total
    """Units in the store that expire on the day or in the six that follow."""
    alerts_last_30d_shelf: Total
    """Days among the 30 before with a refill alert; the next with a supplier request."""
    alerts_last_30d_wh: Total
    is_shelf_alert: bool
    """Whether a refill alert was open or acknowledged on the day; the next: a supplier request."""
    is_warehouse_alert: bool
    batches_to_order: Total
    """Of the last supplier plan that was made on the day."""
    expired_qty_shelf: Total
    """Units removed from the shelf; the next from the back room."""
    expired_qty_wh: Total
    moved_wh_to_shelf: Total
    shelf_threshold_qty: Total
    """Below so many units the shelf asks for a refill."""
    wh_reorder_point_qty: Total
    sales_last_1d: Total
    """Units sold on the day before, in the 7 and in the 14 days before."""
    sales_last_7d: Total
    sales_last_14d: Total
    updated_at: Timestamp
    version: Version


class Adjustment(Record, frozen=True, kw_only=True):
    """A correction of the books, with its cause; `quantity` is added to what the model held."""

    adjustment_id: Id
    store_id: StoreId
    shelf_id: ShelfId
    batch_code: BatchCode | None
    location: Literal["store", "warehouse"] = "store"
    quantity: int
    cause: Literal["unexplained_deficit", "recount"]
    adjusted_at: Timestamp
    version: Version


class DeadLetter(Record, frozen=True, kw_only=True):
    """A refused record, kept whole with the reason; `dead_letter_id` is stable across repeats."""

    dead_letter_id: Id
    source: Name
    """The boundary that refused it: a Redis stream, a topic, a connector."""
    position: Name
    """Where it stood there: Redis id, or partition and offset."""
    store_id: str | None
    event_id: str | None
    reason: Text
    field: Name | None
    value: str
    """The record as it came; bytes that are not UTF-8 are kept as \\xNN."""


class JobStatus(Record, frozen=True, kw_only=True):
    """How far one job of one store has come; counts run since the store opened."""

    application: Name
    job: Name
    store_id: StoreId
    tick: Timestamp
    events_in: Total
    events_out: Total
    late: Total
    dropped: Total
    state_rows: Total
    state_bytes: Total
    facts: Total = 0
    """Facts (records of source lines) that all jobs of the store have emitted since it opened."""
    version: Version


class LedgerNote(Record, frozen=True, kw_only=True):
    """A truth of the simulated world that no sensor reports.

    `applied` and `impossible` judge a job's fact (`event_id`) by what was physically there.
    """

    note_id: Id
    store_id: StoreId
    kind: Literal["lost_sale", "malformed", "duplicate", "late", "applied", "impossible"]
    shelf_id: ShelfId | None
    quantity: Total
    event_id: Id | None
    timestamp: Timestamp


class DemandForecast(Record, frozen=True, kw_only=True):
    """What a model expects that one shelf needs, for the supplier's next cut-off. A log: each one is kept, so that it
    can be held against what happened. Forecasts enter as events; whoever makes them writes the topic.
    """

    store_id: StoreId
    shelf_id: ShelfId
    feature_date: Day
    """The last day that its features know."""
    model_name: Name
    model_version: Name
    predicted_batches: Total
    suggested_qty: Total
    """Units: `predicted_batches` times the standard batch size."""
    updated_at: Timestamp
    version: Version
