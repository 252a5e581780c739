"""Schemas, the version guard, configuration tables and the snapshots of the range."""

from alembic import context, op
from sqlalchemy import text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMAS = {
    "ref": "What the estate is: stores, and snapshots of the range and its stock.",
    "config": "What people decide: policies and profiles. Edited in SQL, read by the running jobs.",
    "state": "What is: stock by shelf and lot, kept current by the jobs.",
    "ops": "What happens: alerts, till lines, adjustments, refused records.",
    "analytics": "Views and tables for analysts.",
}

GUARD = """
CREATE FUNCTION ops.ignore_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION ops.ignore_row() IS
    'Leaves the row as it is; triggers call it for writes that repeat or are older than what the table holds.';
"""

STAMP = """
CREATE FUNCTION config.stamp_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE FUNCTION config.refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE of %.% would not reach the running jobs', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING HINT = 'Use DELETE FROM, which does.';
END $$;
"""

# A policy's scope must be something the contracts can carry, or the stores could not be told of it.
SCOPE = r"""
    policy_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    store_id text CHECK (store_id ~ '^[A-Za-z0-9][A-Za-z0-9_.\-]{0,31}(#[0-9]{1,3})?$'),
    shelf_id text CHECK (shelf_id ~ '^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,47}$'),
    item_category text CHECK (char_length(item_category) <= 128),
    item_subcategory text CHECK (char_length(item_subcategory) <= 128),
"""
LIFE = """
    active boolean NOT NULL DEFAULT true,
    notes text CHECK (char_length(notes) <= 4096),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
"""

CONFIG = rf"""
CREATE TABLE config.shelf_policies (
    {SCOPE.strip()}
    threshold_pct numeric(5, 2) CHECK (threshold_pct BETWEEN 0 AND 100),
    min_qty integer CHECK (min_qty >= 0),
    near_expiry_days integer CHECK (near_expiry_days >= 0),
    {LIFE.strip()}
);
COMMENT ON TABLE config.shelf_policies IS
    'When to raise an alert for a shelf. Scope: a shelf, a subcategory, a category, or all; in one store or in every '
    'one. The most specific active policy that sets a field wins. A change here reaches the running jobs in seconds.';
COMMENT ON COLUMN config.shelf_policies.threshold_pct IS 'Refill when the stock is below this share of the capacity.';
COMMENT ON COLUMN config.shelf_policies.min_qty IS 'Refill when fewer units than this are on the shelf.';
COMMENT ON COLUMN config.shelf_policies.near_expiry_days IS 'Alert when a lot expires within so many days.';
COMMENT ON COLUMN config.shelf_policies.updated_at IS 'Kept current by a trigger; between equal scopes the later wins.';
ALTER TABLE config.shelf_policies REPLICA IDENTITY FULL;

CREATE TABLE config.wh_policies (
    {SCOPE.strip()}
    reorder_point_qty integer CHECK (reorder_point_qty >= 0),
    {LIFE.strip()}
);
COMMENT ON TABLE config.wh_policies IS
    'When to order a back room''s goods from the supplier; scope as in shelf_policies.';

CREATE TABLE config.shelf_profiles (
    store_id text NOT NULL,
    shelf_id text NOT NULL,
    item_weight_g bigint CHECK (item_weight_g >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (store_id, shelf_id)
);
COMMENT ON TABLE config.shelf_profiles IS 'Corrections of what a shelf''s sensor must know.';

CREATE TABLE config.batch_catalog (
    store_id text NOT NULL,
    shelf_id text NOT NULL,
    batch_code text NOT NULL,
    expiry_date date,
    standard_batch_size integer CHECK (standard_batch_size >= 1),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (store_id, shelf_id, batch_code)
);
COMMENT ON TABLE config.batch_catalog IS 'Lots known from suppliers: expiry date and usual size, by store and shelf.';
"""

CONFIG_TABLES = ("shelf_policies", "wh_policies", "shelf_profiles", "batch_catalog")

# The caller names the moment of a snapshot, and one moment covers all four tables; by the time of each load no two
# tables would ever agree.
INVENTORY_COLUMNS = """
    snapshot_at timestamptz NOT NULL,
    store_id text NOT NULL,
    shelf_id text NOT NULL,
    aisle integer,
    product_name text,
    item_category text,
    item_subcategory text,
    standard_batch_size integer,
    item_weight_g bigint,
    shelf_weight_g bigint,
    maximum_stock integer,
    current_stock integer,
    item_price_cents bigint,
"""
BATCH_COLUMNS = """
    snapshot_at timestamptz NOT NULL,
    store_id text NOT NULL,
    shelf_id text NOT NULL,
    batch_code text NOT NULL,
    received_date date,
    expiry_date date,
    quantity integer NOT NULL CHECK (quantity >= 0),
"""

REF = f"""
CREATE TABLE ref.store_inventory_snapshot (
    {INVENTORY_COLUMNS.strip()}
    item_visibility numeric(10, 6),
    PRIMARY KEY (snapshot_at, store_id, shelf_id)
);
CREATE TABLE ref.warehouse_inventory_snapshot (
    {INVENTORY_COLUMNS.strip()}
    PRIMARY KEY (snapshot_at, store_id, shelf_id)
);
CREATE TABLE ref.store_batches_snapshot (
    {BATCH_COLUMNS.strip()}
    PRIMARY KEY (snapshot_at, store_id, shelf_id, batch_code)
);
CREATE TABLE ref.warehouse_batches_snapshot (
    {BATCH_COLUMNS.strip()}
    PRIMARY KEY (snapshot_at, store_id, shelf_id, batch_code)
);
COMMENT ON TABLE ref.store_inventory_snapshot IS 'The range and its shelf stock as planned at one moment.';
COMMENT ON TABLE ref.warehouse_inventory_snapshot IS 'The range and its back-room stock as planned at one moment.';
COMMENT ON TABLE ref.store_batches_snapshot IS 'Lots on the shelves at one moment.';
COMMENT ON TABLE ref.warehouse_batches_snapshot IS 'Lots in the back rooms at one moment.';
"""

SEED = """
INSERT INTO config.shelf_policies (threshold_pct, min_qty, near_expiry_days, notes)
VALUES (:threshold_pct, :min_qty, :near_expiry_days, 'Default for every shelf of every store.')
"""


def upgrade() -> None:
    for schema, comment in SCHEMAS.items():
        op.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        op.execute(f"COMMENT ON SCHEMA {schema} IS '{comment}'")
    for statements in (GUARD, STAMP, CONFIG, REF):
        op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
    for table in CONFIG_TABLES:
        op.execute(
            f"CREATE TRIGGER stamp_update BEFORE UPDATE ON config.{table} "
            "FOR EACH ROW EXECUTE FUNCTION config.stamp_update()"
        )
        op.execute(
            f"CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON config.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION config.refuse_truncate()"
        )
    # No TRUNCATE: the topic could not say it (and a trigger refuses it).
    op.execute(
        "CREATE PUBLICATION smartstore_config FOR TABLE config.shelf_policies "
        "WITH (publish = 'insert, update, delete')"
    )
    defaults = context.config.attributes["planning"]
    op.get_bind().execute(
        text(SEED),
        {
            "threshold_pct": defaults.threshold_pct,
            "min_qty": defaults.min_qty,
            "near_expiry_days": defaults.near_expiry_days,
        },
    )


def downgrade() -> None:
    raise NotImplementedError("SmartStore migrates forwards only; restore a backup to go back")
