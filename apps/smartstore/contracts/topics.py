"""Every topic: what travels on it, under which key, for how long, and who reads it in a store's order."""

from typing import Literal

from msgspec import Struct

from smartstore.contracts import events, outputs

DAY_MS = 86_400_000


class Topic(Struct, frozen=True, kw_only=True):
    """One Kafka topic.

    `key` names the fields that identify the entity, joined by `/`; `line` marks a source line, which carries ticks
    and keeps each store's order; `table` is the Postgres table (`schema.table`) that mirrors the topic; `lake` is the
    path of its table in the lake (`level/table`), without which the lake does not keep it.
    """

    name: str
    value: type[Struct]
    key: tuple[str, ...]
    cleanup: Literal["delete", "compact"]
    retention_ms: int = 7 * DAY_MS
    line: bool = False
    hot: bool = False
    """Whether the hot application reads this line."""
    table: str | None = None
    lake: str | None = None
    by_store: bool = True
    """Whether the partition follows the store (`murmur2(store_id)`)."""
    config: events.ConfigKind | None = None
    """The kind of `store_config` that brings its rows to the stores; they come from `config_table` in Postgres."""

    @property
    def row_key(self) -> tuple[str, ...]:
        """The primary key of `table`: a line has many records of one entity, and a row for each."""
        return ("store_id", "event_id") if self.line else self.key

    @property
    def config_table(self) -> str:
        """The Postgres table (`schema.table`) that people edit and this topic mirrors."""
        return f"config.{self.name}"


def _line(name: str, value: type[Struct], *key: str, hot: bool = True, table: str | None = None) -> Topic:
    lake = f"raw/{name}"
    return Topic(
        name=name, value=value, key=key, cleanup="delete", line=True, hot=hot, table=table, lake=lake
    )


def _config(name: str, value: type[Struct], kind: events.ConfigKind, key: str) -> Topic:
    return Topic(name=name, value=value, key=(key,), cleanup="compact", by_store=False, config=kind)


def _state(name: str, value: type[Struct], table: str | None, *key: str, lake: str | None = None) -> Topic:
    return Topic(name=name, value=value, key=key, cleanup="compact", table=table, lake=lake)


SHELF_EVENTS = _line("shelf_events", events.ShelfEvent, "store_id", "shelf_id")
POS_TRANSACTIONS = _line("pos_transactions", events.PosTransaction, "store_id", "transaction_id")
STOCK_COUNTS = _line("stock_counts", events.StockCount, "store_id", "shelf_id")
STORE_CONFIG = _line("store_config", events.StoreConfig, "store_id", "event_id")
COMMANDS = _line("commands", events.Command, "store_id", "event_id")
FOOT_TRAFFIC = _line("foot_traffic", events.FootTraffic, "store_id", "customer_id", hot=False)
WH_EVENTS = _line("wh_events", events.WarehouseEvent, "store_id", "shelf_id", table="ops.wh_events")

STORES = _state("stores", events.Store, "ref.stores", "store_id", lake="cleansed/stores")
SHELF_POLICIES = _config("shelf_policies", events.ShelfPolicy, "policy", "policy_id")
WH_POLICIES = _config("wh_policies", events.WhPolicy, "wh_policy", "policy_id")
SHELF_PROFILES = _config("shelf_profiles", events.ShelfProfile, "profile", "row_key")
BATCH_CATALOG = _config("batch_catalog", events.CatalogLot, "lot", "row_key")
SHELF_STATE = _state(
    "shelf_state",
    outputs.ShelfState,
    "state.shelf_state",
    "store_id",
    "shelf_id",
    lake="cleansed/shelf_state",
)
SHELF_BATCH_STATE = _state(
    "shelf_batch_state",
    outputs.ShelfBatchState,
    "state.shelf_batch_state",
    "store_id",
    "shelf_id",
    "batch_code",
    lake="cleansed/shelf_batch_state",
)
WH_STATE = _state(
    "wh_state", outputs.WhState, "state.wh_state", "store_id", "shelf_id", lake="cleansed/wh_state"
)
WH_BATCH_STATE = _state(
    "wh_batch_state",
    outputs.WhBatchState,
    "state.wh_batch_state",
    "store_id",
    "shelf_id",
    "batch_code",
    lake="cleansed/wh_batch_state",
)
SHELF_RESTOCK_PLAN = _state(
    "shelf_restock_plan",
    outputs.ShelfRestockPlan,
    "ops.shelf_restock_plan",
    "store_id",
    "plan_id",
    lake="ops/shelf_restock_plan",
)
WH_SUPPLIER_PLAN = _state(
    "wh_supplier_plan",
    outputs.WhSupplierPlan,
    "ops.wh_supplier_plan",
    "store_id",
    "supplier_plan_id",
    lake="ops/wh_supplier_plan",
)
SUPPLIER_ORDERS = _state(
    "supplier_orders",
    outputs.SupplierOrder,
    "ops.supplier_orders",
    "store_id",
    "order_id",
    lake="ops/wh_supplier_orders",
)
SUPPLIER_RECEIPTS = Topic(
    name="supplier_receipts",
    value=outputs.SupplierReceipt,
    key=("store_id", "receipt_id"),
    cleanup="delete",
    retention_ms=30 * DAY_MS,
    table="ops.supplier_receipts",
    lake="ops/wh_supplier_receipts",
)
ALERTS = _state("alerts", outputs.Alert, "ops.alerts", "store_id", "alert_id", lake="ops/alerts")
JOB_STATUS = _state("job_status", outputs.JobStatus, None, "store_id", "application", "job")
POS_TRANSACTION_LINES = Topic(
    name="pos_transaction_lines",
    value=outputs.PosTransactionLine,
    key=("store_id", "transaction_id", "line_no"),
    cleanup="delete",
    retention_ms=30 * DAY_MS,
    table="ops.pos_transaction_lines",
    lake="cleansed/pos_transaction_lines",
)
ADJUSTMENTS = Topic(
    name="adjustments",
    value=outputs.Adjustment,
    key=("store_id", "adjustment_id"),
    cleanup="delete",
    retention_ms=30 * DAY_MS,
    table="ops.adjustments",
    lake="ops/adjustments",
)
DEAD_LETTERS = Topic(
    name="dead_letters",
    value=outputs.DeadLetter,
    key=("dead_letter_id",),
    cleanup="delete",
    retention_ms=30 * DAY_MS,
    table="ops.dead_letters",
    lake="ops/dead_letters",
    by_store=False,
)
DAILY_DISCOUNTS = _state(
    "daily_discounts",
    outputs.DailyDiscount,
    "analytics.daily_discounts",
    "store_id",
    "shelf_id",
    "discount_date",
    lake="analytics/daily_discounts",
)
SHELF_DAILY_FEATURES = Topic(
    name="shelf_daily_features",
    value=outputs.ShelfDailyFeatures,
    key=("store_id", "shelf_id", "feature_date"),
    cleanup="delete",
    retention_ms=30 * DAY_MS,
    table="analytics.shelf_daily_features",
    lake="curated/features_store",
)
DEMAND_FORECASTS = Topic(
    name="demand_forecasts",
    value=outputs.DemandForecast,
    key=("store_id", "shelf_id", "feature_date", "model_name", "model_version"),
    cleanup="delete",
    retention_ms=30 * DAY_MS,
    lake="curated/predictions",
)
LEDGER = Topic(
    name="ledger",
    value=outputs.LedgerNote,
    key=("store_id", "note_id"),
    cleanup="delete",
    retention_ms=30 * DAY_MS,
    lake="ops/ledger_notes",
)

TOPICS: tuple[Topic, ...] = (
    SHELF_EVENTS,
    POS_TRANSACTIONS,
    STOCK_COUNTS,
    STORE_CONFIG,
    COMMANDS,
    FOOT_TRAFFIC,
    WH_EVENTS,
    STORES,
    SHELF_POLICIES,
    WH_POLICIES,
    SHELF_PROFILES,
    BATCH_CATALOG,
    SHELF_STATE,
    SHELF_BATCH_STATE,
    WH_STATE,
    WH_BATCH_STATE,
    SHELF_RESTOCK_PLAN,
    WH_SUPPLIER_PLAN,
    SUPPLIER_ORDERS,
    SUPPLIER_RECEIPTS,
    ALERTS,
    JOB_STATUS,
    POS_TRANSACTION_LINES,
    ADJUSTMENTS,
    DEAD_LETTERS,
    LEDGER,
    DAILY_DISCOUNTS,
    SHELF_DAILY_FEATURES,
    DEMAND_FORECASTS,
)
BY_NAME = {topic.name: topic for topic in TOPICS}
LINES = tuple(topic for topic in TOPICS if topic.line)
HOT_LINES = tuple(topic for topic in LINES if topic.hot)
CONFIG_TOPICS = tuple(topic for topic in TOPICS if topic.config)
