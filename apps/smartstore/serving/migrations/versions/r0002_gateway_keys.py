"""Keys of tills, sensors and scanners."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEYS = r"""
CREATE TABLE config.gateway_keys (
    key_id text PRIMARY KEY CHECK (key_id ~ '^[0-9a-f]{12}$'),
    store_id text NOT NULL CHECK (store_id ~ '^([*]|[A-Za-z0-9][A-Za-z0-9_.\-]{0,31}(#[0-9]{1,3})?)$'),
    name text CHECK (char_length(name) BETWEEN 1 AND 128),
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
COMMENT ON TABLE config.gateway_keys IS
    'Who may send to the gateway, and for which store. Keys are made by `smartstore gateway key create`.';
COMMENT ON COLUMN config.gateway_keys.store_id IS 'The only store the key speaks for; * = all.';
COMMENT ON COLUMN config.gateway_keys.secret_hash IS
    'SHA-256 of the secret, 256 random bits; the key itself is kept nowhere.';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(KEYS)


def downgrade() -> None:
    raise NotImplementedError("SmartStore migrates forwards only; restore a backup to go back")
