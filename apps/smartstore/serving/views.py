"""Views that answer an analyst's first questions. They are replaced at every migration, after the tables exist."""

from sqlalchemy import Connection

VIEWS: dict[str, tuple[str, str]] = {
    "ops.open_alerts": (
        "Alerts that still need somebody, newest first in each store.",
        """
        SELECT store_id, shelf_id, alert_type, status, item_category, item_subcategory, current_stock, capacity,
               round(stock_pct::numeric, 1) AS stock_pct, suggested_qty, expiry_date, created_at, acknowledged_at,
               alert_id
        FROM ops.alerts
        WHERE status <> 'resolved'
        ORDER BY store_id, created_at DESC, alert_id
        """,
    ),
    "ops.pos_transactions": (
        "Receipts: one row per transaction, summed over its lines. Money in cents.",
        """
        SELECT store_id, transaction_id, min(customer_id) AS customer_id, min(sold_at) AS sold_at,
               count(*) AS lines, sum(quantity)::bigint AS units, sum(discount_cents)::bigint AS discount_cents,
               sum(total_cents)::bigint AS total_cents
        FROM ops.pos_transaction_lines
        GROUP BY store_id, transaction_id
        """,
    ),
    "analytics.sales_by_day": (
        "Units and revenue by store, shelf and UTC day of sale. Money in cents.",
        """
        SELECT store_id, shelf_id, (sold_at AT TIME ZONE 'UTC')::date AS day, sum(quantity)::bigint AS units,
               sum(discount_cents)::bigint AS discount_cents, sum(total_cents)::bigint AS total_cents
        FROM ops.pos_transaction_lines
        GROUP BY store_id, shelf_id, (sold_at AT TIME ZONE 'UTC')::date
        """,
    ),
    "analytics.shelf_daily_panel": (
        "Daily features with what followed: whether the shelf ran empty on the next day, null until that day is over.",
        """
        SELECT (n.stockout_events > 0) AS label_next_day_stockout, f.*
        FROM analytics.shelf_daily_features f
        LEFT JOIN analytics.shelf_daily_features n
            ON (n.store_id, n.shelf_id, n.feature_date) = (f.store_id, f.shelf_id, f.feature_date + 1)
        """,
    ),
    "analytics.shelf_fill": (
        "How full each shelf is now, in percent of its capacity, with its open alerts.",
        """
        SELECT s.store_id, s.shelf_id, s.item_category, s.item_subcategory, s.current_stock, s.capacity,
               round(100.0 * s.current_stock / s.capacity, 1) AS stock_pct,
               (SELECT count(*) FROM ops.alerts a
                WHERE a.store_id = s.store_id AND a.shelf_id = s.shelf_id AND a.status <> 'resolved') AS open_alerts,
               s.updated_at
        FROM state.shelf_state s
        """,
    ),
}


def replace_views(connection: Connection) -> None:
    """Create the views, or replace those that exist."""
    for name, (comment, query) in VIEWS.items():
        connection.exec_driver_sql(f"CREATE OR REPLACE VIEW {name} AS {query}")
        connection.exec_driver_sql(f"COMMENT ON VIEW {name} IS '{comment}'")
