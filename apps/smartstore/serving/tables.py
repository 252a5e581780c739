"""Tables of contract topics: made and extended from the contracts, never narrowed or dropped."""

from sqlalchemy import Connection, text

from smartstore.contracts.derive import sql
from smartstore.contracts.derive.columns import columns_of
from smartstore.contracts.topics import Topic

# What people and the console ask for; the primary keys serve the writer.
INDEXES = (
    "CREATE INDEX IF NOT EXISTS alerts_status_created_at ON ops.alerts (status, created_at)",
    "CREATE INDEX IF NOT EXISTS alerts_shelf ON ops.alerts (store_id, shelf_id)",
    "CREATE INDEX IF NOT EXISTS lots_expiry ON state.shelf_batch_state (expiry_date) WHERE quantity_store > 0",
    "CREATE INDEX IF NOT EXISTS back_lots_expiry ON state.wh_batch_state (expiry_date) WHERE quantity_warehouse > 0",
    "CREATE INDEX IF NOT EXISTS restock_plans_status ON ops.shelf_restock_plan (status, created_at)",
    "CREATE INDEX IF NOT EXISTS wh_events_shelf ON ops.wh_events (store_id, shelf_id, timestamp)",
    "CREATE INDEX IF NOT EXISTS lines_shelf ON ops.pos_transaction_lines (store_id, shelf_id, sold_at)",
)
REWINDS = """
CREATE TABLE IF NOT EXISTS ops.rewinds (
    topic text PRIMARY KEY,
    requested_at timestamptz NOT NULL DEFAULT now(),
    reset_at timestamptz
);
COMMENT ON TABLE ops.rewinds IS
    'Topics that their sinks must read again from the beginning, because the table is new or was restored; '
    '`connectors` sees to it and takes the row away.';
COMMENT ON COLUMN ops.rewinds.reset_at IS 'When the sink forgot how far it had read; it is to be started again.';
"""
# Rows of state are updated many times over: room in the page keeps an update next to its old row, without touching
# an index.
FILL_FACTOR = 80


def reconcile_tables(connection: Connection, topics: tuple[Topic, ...]) -> list[str]:
    """Bring every topic's table up to its contract; returns one line per change made.

    Raises:
        TypeError: a contract field that a table cannot hold.
        ContractConflict: a column exists with another type.
    """
    changes: list[str] = []
    _run(connection, REWINDS)
    for topic in topics:
        existing = _columns(connection, topic)
        if existing:
            changes += _extend(connection, topic, existing)
        else:
            _create(connection, topic)
            # The offsets that its sink has noted may be of a table that is no more.
            _run(connection, request_rewind(topic))
            changes.append(f"created {topic.table}")
        _guard(connection, topic)
        for statement in sql.comments(topic):
            _run(connection, statement)
    for statement in INDEXES:
        _run(connection, statement)
    return changes


class ContractConflict(RuntimeError):
    """A table differs from its contract in a way that adding columns cannot mend."""


def _create(connection: Connection, topic: Topic) -> None:
    storage = f" WITH (fillfactor = {FILL_FACTOR})" if topic.cleanup == "compact" else ""
    _run(connection, sql.create_table(topic) + storage)


def request_rewind(topic: Topic) -> str:
    """The statement that has the topic's sink read it from the beginning, once more if it is about to already."""
    return (
        f"INSERT INTO ops.rewinds (topic) VALUES ({sql.literal(topic.name)}) "  # noqa: S608  the name is a literal
        "ON CONFLICT (topic) DO UPDATE SET requested_at = now(), reset_at = NULL"
    )


def _extend(connection: Connection, topic: Topic, existing: dict[str, str]) -> list[str]:
    changes = []
    for column in columns_of(topic.value):
        wanted = sql.column_type(topic, column)
        if column.name not in existing:
            _run(connection, f"ALTER TABLE {topic.table} ADD COLUMN {sql.column_definition(topic, column)}")
            changes.append(f"added {topic.table}.{column.name}")
        elif existing[column.name] != wanted:
            raise ContractConflict(
                f"{topic.table}.{column.name} is {existing[column.name]}, its contract says {wanted}: "
                "write a revision in smartstore/serving/migrations/versions that converts it"
            )
    return changes


def _guard(connection: Connection, topic: Topic) -> None:
    """A row that is not newer than the stored one is ignored; without a version the first write stays."""
    condition = "WHEN (NEW.version <= OLD.version) " if sql.is_versioned(topic) else ""
    _run(
        connection,
        f"CREATE OR REPLACE TRIGGER keep_newer BEFORE UPDATE ON {topic.table} "
        f"FOR EACH ROW {condition}EXECUTE FUNCTION ops.ignore_row()",
    )


def _columns(connection: Connection, topic: Topic) -> dict[str, str]:
    """Column name → Postgres type of the existing table; empty when there is none."""
    rows = connection.execute(
        text(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped"
        ),
        {"table": topic.table},
    )
    return {name: _SHORT.get(kind, kind) for name, kind in rows}


_SHORT = {"timestamp with time zone": "timestamptz"}


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement.replace("%", "%%"))
