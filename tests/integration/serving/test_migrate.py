"""The migration on a real Postgres: idempotent, safe beside another one, extends and never drops."""

import json
import threading
from datetime import date
from urllib.parse import quote

import psycopg2
import pytest
from alembic import command

from smartstore.contracts.derive.columns import columns_of
from smartstore.contracts.derive.sql import table_topics
from smartstore.contracts.logins import CDC, SINK
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.topics import CONFIG_TOPICS, SHELF_DAILY_FEATURES, Topic
from smartstore.serving.migrate import migrate
from smartstore.serving.roles import READER, Passwords
from smartstore.serving.tables import ContractConflict
from tests.integration.serving.conftest import run_sql

pytestmark = pytest.mark.integration

PLANNING = PlanningSettings(threshold_pct=25.0, min_qty=2, near_expiry_days=4)
NO_PASSWORDS = Passwords()


@pytest.fixture
def dsn(database: str) -> str:
    """A database at the current schema, owned by an ordinary role."""
    migrate(database, PLANNING, NO_PASSWORDS)
    return database


def test_a_second_run_changes_nothing(dsn: str) -> None:
    before = run_sql(
        dsn, "SELECT table_schema, table_name, column_name FROM information_schema.columns ORDER BY 1, 2, 3"
    )
    assert migrate(dsn, PLANNING, NO_PASSWORDS) == []
    after = run_sql(
        dsn, "SELECT table_schema, table_name, column_name FROM information_schema.columns ORDER BY 1, 2, 3"
    )
    assert before == after


def test_two_at_once_do_the_work_once(database: str) -> None:
    results: list[object] = []

    def run() -> None:
        try:
            results.append(len(migrate(database, PLANNING, NO_PASSWORDS)))
        except Exception as error:  # noqa: BLE001  shown by the assertion below
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, results)) == sorted(["0", str(len(table_topics()))])


def test_the_global_policy_is_seeded_once_and_not_brought_back(dsn: str) -> None:
    rows = run_sql(
        dsn,
        "SELECT store_id, shelf_id, threshold_pct::float, min_qty, near_expiry_days FROM config.shelf_policies",
    )
    assert rows == [(None, None, 25.0, 2, 4)]
    run_sql(dsn, "DELETE FROM config.shelf_policies")
    migrate(dsn, PLANNING, NO_PASSWORDS)
    assert run_sql(dsn, "SELECT count(*) FROM config.shelf_policies") == [(0,)]


def test_a_missing_column_is_added_with_its_default(dsn: str) -> None:
    run_sql(dsn, "INSERT INTO ref.stores VALUES ('e', 's1', now(), 0, 'One')")
    run_sql(dsn, "ALTER TABLE ref.stores DROP COLUMN parts")
    assert migrate(dsn, PLANNING, NO_PASSWORDS) == ["added ref.stores.parts"]
    assert run_sql(dsn, "SELECT parts FROM ref.stores") == [(1,)]


def test_a_column_of_another_type_is_a_conflict_and_changes_nothing(dsn: str) -> None:
    run_sql(dsn, "ALTER TABLE ref.stores ALTER COLUMN ordinal TYPE text, DROP COLUMN parts")
    with pytest.raises(ContractConflict, match=r"ref\.stores\.ordinal is text, its contract says bigint"):
        migrate(dsn, PLANNING, NO_PASSWORDS)
    columns = run_sql(
        dsn, "SELECT 1 FROM information_schema.columns WHERE table_name = 'stores' AND column_name = 'parts'"
    )
    assert columns == []


def test_an_older_or_equal_version_never_overwrites(dsn: str) -> None:
    upsert = (
        "INSERT INTO ref.stores (event_id, store_id, timestamp, ordinal, name, version)"
        " VALUES ('e', 's1', now(), 0, '{name}', {version})"
        " ON CONFLICT (store_id) DO UPDATE SET name = excluded.name, version = excluded.version"
    )
    for name, version in (("second", 2), ("first", 1), ("second again", 2), ("third", 3), ("late", 2)):
        run_sql(dsn, upsert.format(name=name, version=version))
    assert run_sql(dsn, "SELECT name, version FROM ref.stores") == [("third", 3)]


def test_a_dead_letter_is_kept_as_first_written(dsn: str) -> None:
    upsert = (
        "INSERT INTO ops.dead_letters (dead_letter_id, source, position, reason, value)"
        " VALUES ('d1', 's', '1', '{reason}', '')"
        " ON CONFLICT (dead_letter_id) DO UPDATE SET reason = excluded.reason"
    )
    for reason in ("first", "second"):
        run_sql(dsn, upsert.format(reason=reason))
    assert run_sql(dsn, "SELECT reason FROM ops.dead_letters") == [("first",)]


PROFILE = {
    "shelf_id": "'f1'",
    "sku": "'k'",
    "item_category": "''",
    "item_subcategory": "''",
    "capacity": "1",
    "item_weight_g": "0",
    "item_price_cents": "0",
}
LOT = {"shelf_id": "'f1'", "batch_code": "'A'"}


def add(dsn: str, table: str, row: dict[str, str]) -> None:
    run_sql(dsn, f"INSERT INTO config.{table} ({', '.join(row)}) VALUES ({', '.join(row.values())})")


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("shelf_policies", {"store_id": "'no spaces allowed'"}),
        ("shelf_policies", {"threshold_pct": "101"}),
        ("shelf_policies", {"min_qty": "-1"}),
        ("shelf_policies", {"near_expiry_days": "-1"}),
        ("shelf_policies", {"item_category": "repeat('x', 129)"}),
        ("wh_policies", {"reorder_point_qty": "-1"}),
        ("wh_policies", {"shelf_id": "'*'"}),
        ("shelf_profiles", PROFILE | {"store_id": "'*'"}),
        ("shelf_profiles", PROFILE | {"capacity": "0"}),
        ("shelf_profiles", PROFILE | {"capacity": "1000001"}),
        ("shelf_profiles", PROFILE | {"item_weight_g": "-1"}),
        ("shelf_profiles", PROFILE | {"sku": "''"}),
        ("batch_catalog", LOT | {"store_id": "'*'"}),
        ("batch_catalog", LOT | {"batch_code": "'a/b'"}),
        ("batch_catalog", LOT | {"batch_code": "'unknown'"}),
        ("batch_catalog", LOT | {"standard_batch_size": "0"}),
    ],
)
def test_a_row_that_no_store_could_be_told_is_refused(dsn: str, table: str, row: dict[str, str]) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation):
        add(dsn, table, row)


@pytest.mark.parametrize(("table", "row"), [("shelf_profiles", PROFILE), ("batch_catalog", LOT)])
def test_a_row_s_key_follows_from_what_it_names(dsn: str, table: str, row: dict[str, str]) -> None:
    rest = "/A" if table == "batch_catalog" else ""
    add(dsn, table, row)
    add(dsn, table, row | {"store_id": "'s1#2'", "row_key": "'mine'"})
    keys = f"SELECT row_key FROM config.{table} ORDER BY row_key"
    assert run_sql(dsn, keys) == [(f"*/f1{rest}",), (f"s1#2/f1{rest}",)]
    with pytest.raises(psycopg2.errors.UniqueViolation):
        add(dsn, table, row)
    run_sql(dsn, f"UPDATE config.{table} SET store_id = 's2' WHERE store_id IS NULL")
    assert (f"s2/f1{rest}",) in run_sql(dsn, keys)


@pytest.mark.parametrize("topic", CONFIG_TOPICS, ids=lambda topic: topic.name)
def test_a_table_of_configuration_has_the_fields_of_its_contract(dsn: str, topic: Topic) -> None:
    columns = run_sql(
        dsn,
        "SELECT column_name FROM information_schema.columns"
        f" WHERE table_schema = 'config' AND table_name = '{topic.name}'",
    )
    assert {name for (name,) in columns} == {c.name for c in columns_of(topic.value)} | {"created_at"}
    published = run_sql(
        dsn, "SELECT tablename FROM pg_publication_tables WHERE pubname = 'smartstore_config'"
    )
    assert (topic.name,) in published


def test_the_batch_catalogue_of_an_older_schema_is_kept(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(command, "upgrade", lambda config, _, upgrade=command.upgrade: upgrade(config, "0002"))
        migrate(database, PLANNING, NO_PASSWORDS)
    add(database, "batch_catalog", LOT | {"store_id": "'s1'", "expiry_date": "'2026-02-03'"})
    migrate(database, PLANNING, NO_PASSWORDS)
    rows = run_sql(database, "SELECT row_key, expiry_date::text, received_date FROM config.batch_catalog")
    assert rows == [("s1/f1/A", "2026-02-03", None)]


def test_a_policy_keeps_its_update_time_and_cannot_be_truncated(dsn: str) -> None:
    run_sql(dsn, "UPDATE config.shelf_policies SET min_qty = 3, updated_at = '2000-01-01'")
    assert run_sql(dsn, "SELECT updated_at > created_at FROM config.shelf_policies") == [(True,)]
    for topic in CONFIG_TOPICS:
        with pytest.raises(psycopg2.Error, match="would not reach the running jobs"):
            run_sql(dsn, f"TRUNCATE {topic.config_table}")


def test_the_views_answer(dsn: str) -> None:
    for view in ("ops.open_alerts", "ops.pos_transactions", "analytics.sales_by_day", "analytics.shelf_fill"):
        assert run_sql(dsn, f"SELECT * FROM {view}") == []


def test_the_panel_tells_whether_the_shelf_ran_empty_on_the_day_after(dsn: str) -> None:
    """Null as long as there is no row of that day, be it the newest day or one before a gap."""
    zero = {
        "text": "x",
        "integer": 0,
        "double": 0,
        "boolean": False,
        "date": "2026-01-01",
        "timestamp": "2026-01-01Z",
    }
    blank = {column.name: zero[str(column.type)] for column in columns_of(SHELF_DAILY_FEATURES.value)}
    table = SHELF_DAILY_FEATURES.table
    for day, stockouts in ((1, 0), (2, 3), (3, 0), (5, 1)):
        row = json.dumps(blank | {"feature_date": f"2026-01-0{day}", "stockout_events": stockouts})
        run_sql(
            dsn, f"INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, '{row}') RETURNING 1"
        )
    panel = "SELECT feature_date, label_next_day_stockout FROM analytics.shelf_daily_panel ORDER BY 1"
    assert run_sql(dsn, panel) == [
        (date(2026, 1, 1), True),
        (date(2026, 1, 2), False),
        (date(2026, 1, 3), None),
        (date(2026, 1, 5), None),
    ]


def test_the_views_count_every_alert_of_every_category(dsn: str) -> None:
    """However many there are: nothing is counted after a limit, and every row can be chosen by its category."""
    for number, category in enumerate(("BEERS", "FISH")):
        run_sql(dsn, _SHELF.format(shelf=f"A{number}", category=category))
        run_sql(dsn, _ALERTS.format(shelf=f"A{number}", category=category))
    counted = "SELECT count(*) FROM ops.open_alerts WHERE item_category = '{}' AND item_subcategory = 'x'"
    assert [run_sql(dsn, counted.format(name)) for name in ("BEERS", "FISH")] == [[(1200,)], [(1200,)]]
    shelves = "SELECT item_category, item_subcategory, open_alerts FROM analytics.shelf_fill ORDER BY 1"
    assert run_sql(dsn, shelves) == [("BEERS", "x", 1200), ("FISH", "x", 1200)]


_SHELF = """
    INSERT INTO state.shelf_state (store_id, shelf_id, item_category, item_subcategory, current_stock, deficit,
                                   capacity, shelf_weight_g, updated_at, version)
    VALUES ('s1', '{shelf}', '{category}', 'x', 1, 0, 10, 100, now(), 1)
"""
_ALERTS = """
    INSERT INTO ops.alerts (alert_id, store_id, shelf_id, alert_type, location, status, item_category, item_subcategory,
                            current_stock, capacity, stock_pct, threshold_pct, min_qty, suggested_qty, created_at,
                            updated_at, version)
    SELECT '{shelf}-' || n, 's1', '{shelf}', 'near_expiry', 'store', CASE n % 5 WHEN 0 THEN 'resolved' ELSE 'open' END,
           '{category}', 'x', 1, 10, 10, 30, 1, 0, now(), now(), n
    FROM generate_series(1, 1500) AS n
"""


def test_logins_have_only_the_rights_they_need(database: str, passwords: Passwords) -> None:
    for _ in range(2):
        migrate(database, PLANNING, passwords)
    address = database.rpartition("@")[2]
    sink = f"postgresql://{SINK}:{quote(str(passwords.sink), safe='')}@{address}"
    cdc = f"postgresql://{CDC}:{quote(str(passwords.cdc), safe='')}@{address}"
    values = "VALUES ('e', 's1', now(), 0, 'One')"
    insert = f"INSERT INTO ref.stores (event_id, store_id, timestamp, ordinal, name) {values}"
    run_sql(sink, insert)
    assert len(run_sql(cdc, "SELECT * FROM config.shelf_policies")) == 1
    for topic in CONFIG_TOPICS:
        run_sql(cdc, f"SELECT * FROM {topic.config_table}")
    for dsn, forbidden in (
        (sink, "DELETE FROM ref.stores"),
        (sink, "UPDATE config.shelf_policies SET min_qty = 1"),
        (cdc, insert),
        (cdc, "UPDATE config.shelf_policies SET min_qty = 1"),
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            run_sql(dsn, forbidden)


def test_a_reader_sees_everything_and_changes_nothing(dsn: str) -> None:
    connection = psycopg2.connect(dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"GRANT {READER} TO current_user")
        cursor.execute(f"SET LOCAL ROLE {READER}")
        cursor.execute("SELECT count(*) FROM analytics.shelf_fill")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("DELETE FROM state.shelf_state")
    connection.close()
