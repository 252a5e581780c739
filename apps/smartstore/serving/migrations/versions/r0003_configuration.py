"""Configuration complete: back-room policies, shelf profiles and the batch catalogue reach the stores too."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STORE = r"store_id ~ '^[A-Za-z0-9][A-Za-z0-9_.\-]{0,31}(#[0-9]{1,3})?$'"
SHELF = r"shelf_id ~ '^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,47}$'"
BATCH = r"batch_code ~ '^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,47}$' AND batch_code <> 'unknown'"

# The key must be one column that is never null: compaction and Debezium need it, and a store may be left out. A
# generated column would not be replicated.
ROW_KEY = """
CREATE FUNCTION config.make_row_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.row_key := concat_ws('/', coalesce(NEW.store_id, '*'), NEW.shelf_id, to_jsonb(NEW) ->> 'batch_code');
    RETURN NEW;
END $$;
"""

# Revision 1 made this table for a weight only, which nothing read.
PROFILES = f"""
DROP TABLE config.shelf_profiles;
CREATE TABLE config.shelf_profiles (
    row_key text PRIMARY KEY,
    store_id text CHECK ({STORE}),
    shelf_id text NOT NULL CHECK ({SHELF}),
    sku text NOT NULL CHECK (char_length(sku) BETWEEN 1 AND 64),
    product_name text CHECK (char_length(product_name) <= 128),
    item_category text NOT NULL CHECK (char_length(item_category) <= 128),
    item_subcategory text NOT NULL CHECK (char_length(item_subcategory) <= 128),
    capacity integer NOT NULL CHECK (capacity BETWEEN 1 AND 1000000),
    item_weight_g bigint NOT NULL CHECK (item_weight_g BETWEEN 0 AND 1000000000000),
    item_price_cents bigint NOT NULL CHECK (item_price_cents BETWEEN 0 AND 100000000000),
    standard_batch_size integer NOT NULL DEFAULT 1 CHECK (standard_batch_size BETWEEN 1 AND 1000000),
    warehouse_capacity integer NOT NULL DEFAULT 0 CHECK (warehouse_capacity BETWEEN 0 AND 1000000000),
    shelf_life_days integer CHECK (shelf_life_days BETWEEN 0 AND 1000000000),
    aisle integer CHECK (aisle BETWEEN 0 AND 1000000000),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE config.shelf_profiles IS
    'What a shelf is, in one store or in every one (store_id null); the row of a store beats the one for all. A shelf '
    'that a store does not have yet appears there. A deleted row changes nothing in the stores.';
COMMENT ON COLUMN config.shelf_profiles.row_key IS 'Made by a trigger: store (* = all) / shelf.';
COMMENT ON COLUMN config.shelf_profiles.capacity IS 'Units that fit on the shelf.';
COMMENT ON COLUMN config.shelf_profiles.warehouse_capacity IS 'Units that fit into the back room; 0 = not limited.';
COMMENT ON COLUMN config.shelf_profiles.shelf_life_days IS
    'How many days goods keep that a supplier delivers; null = they do not expire.';
CREATE TRIGGER stamp_update BEFORE UPDATE ON config.shelf_profiles
    FOR EACH ROW EXECUTE FUNCTION config.stamp_update();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON config.shelf_profiles
    FOR EACH STATEMENT EXECUTE FUNCTION config.refuse_truncate();
CREATE TRIGGER make_row_key BEFORE INSERT OR UPDATE ON config.shelf_profiles
    FOR EACH ROW EXECUTE FUNCTION config.make_row_key();
"""

CATALOGUE = f"""
ALTER TABLE config.batch_catalog
    DROP CONSTRAINT batch_catalog_pkey,
    ALTER COLUMN store_id DROP NOT NULL,
    ADD COLUMN row_key text,
    ADD COLUMN received_date date,
    ADD CHECK ({STORE}),
    ADD CHECK ({SHELF}),
    ADD CHECK ({BATCH}),
    ADD CHECK (standard_batch_size <= 1000000);
CREATE TRIGGER make_row_key BEFORE INSERT OR UPDATE ON config.batch_catalog
    FOR EACH ROW EXECUTE FUNCTION config.make_row_key();
UPDATE config.batch_catalog SET row_key = NULL;
ALTER TABLE config.batch_catalog ADD PRIMARY KEY (row_key);
COMMENT ON TABLE config.batch_catalog IS
    'What is known of a lot beforehand, in one store or in every one (store_id null); the row of a store beats the one '
    'for all. A lot that comes without dates gets them from here; dates that a lot has stay.';
COMMENT ON COLUMN config.batch_catalog.row_key IS 'Made by a trigger: store (* = all) / shelf / lot.';
COMMENT ON COLUMN config.batch_catalog.standard_batch_size IS 'Units of the lot as the supplier packs it.';
"""  # noqa: S608  constants

COMMENTS = """
COMMENT ON TABLE config.wh_policies IS
    'When to order goods for a back room. Scope as in shelf_policies: the most specific active policy that sets '
    'reorder_point_qty wins. A change here reaches the running jobs in seconds.';
COMMENT ON COLUMN config.wh_policies.reorder_point_qty IS 'Order when the back room holds fewer units than this.';
COMMENT ON COLUMN config.wh_policies.updated_at IS 'Kept current by a trigger; between equal scopes the later wins.';
"""

PUBLISHED = ("wh_policies", "shelf_profiles", "batch_catalog")


def upgrade() -> None:
    for statements in (ROW_KEY, PROFILES, CATALOGUE, COMMENTS):
        op.get_bind().exec_driver_sql(statements)
    for table in PUBLISHED:
        op.execute(f"ALTER TABLE config.{table} REPLICA IDENTITY FULL")
        op.execute(f"ALTER PUBLICATION smartstore_config ADD TABLE config.{table}")


def downgrade() -> None:
    raise NotImplementedError("SmartStore migrates forwards only; restore a backup to go back")
