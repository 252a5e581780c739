"""A running system as people use it: edit a policy in SQL, acknowledge an alert, stop, start again, verify."""

import subprocess
from pathlib import Path

import psycopg2
import pytest

from tests.estate import SMARTSTORE, Estate, running, spec, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

RESOURCE = spec("living", stores=2, type="Simulation", speed=600, startHour=9)


def execute(estate: Estate, statement: str) -> None:
    """One statement on its Postgres."""
    connection = psycopg2.connect(estate.environment()["SMARTSTORE_POSTGRES_DSN"])
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def open_at(estate: Estate, threshold: float) -> int:
    """Refill requests raised under this threshold that are not resolved."""
    return int(
        estate.rows(
            "select count(*) from ops.alerts where alert_type = 'refill_request' and status <> 'resolved'"
            f" and threshold_pct = {threshold}"
        )[0][0]
    )


def is_acknowledged(estate: Estate) -> bool:
    """Acknowledge an open alert; false if it was resolved before the command came, then another one may do."""
    ((alert,),) = estate.rows("select alert_id from ops.open_alerts where alert_type = 'near_expiry' limit 1")
    command = [SMARTSTORE, "acknowledge", alert, "--data-dir", str(estate.data_dir)]
    if subprocess.run(command, check=False).returncode != 0:
        return False
    times = f"select acknowledged_at, resolved_at from ops.alerts where alert_id = '{alert}'"
    wait_until("its answer", lambda: any(estate.rows(times)[0]), 60)
    return estate.rows(times)[0][0] is not None


def test_edit_a_policy_acknowledge_stop_start_and_verify(tmp_path: Path) -> None:
    with running(RESOURCE, tmp_path) as estate:
        wait_until("state in Postgres", lambda: estate.rows("select 1 from state.shelf_state limit 1"), 90)

        execute(estate, "update config.shelf_policies set threshold_pct = 95 where shelf_id is null")
        wait_until("alerts under the new threshold", lambda: open_at(estate, 95) > 20, 90)
        execute(
            estate, "insert into config.shelf_policies (item_category, threshold_pct) values ('BEERS', 0)"
        )
        execute(estate, "delete from config.shelf_policies where item_category is null")
        wait_until("the end of those alerts", lambda: open_at(estate, 95) == 0, 90)

        shelf = "select store_id, shelf_id from state.shelf_state order by 1, 2 limit 1"
        store, name = estate.rows(shelf)[0]
        for place, capacity in ((name, 900), ("NEW-SHELF", 12)):
            execute(
                estate,
                "insert into config.shelf_profiles (store_id, shelf_id, sku, item_category, item_subcategory, capacity,"
                f" item_weight_g, item_price_cents) values ('{store}', '{place}', 'k', 'BEERS', 'x', {capacity}, 1, 1)",
            )
        execute(
            estate,
            "insert into config.batch_catalog (shelf_id, batch_code, received_date)"
            " select shelf_id, batch_code, '2020-01-01' from state.wh_batch_state order by 1, 2 limit 5",
        )
        execute(estate, "insert into config.wh_policies (reorder_point_qty) values (3)")
        edited = f"select capacity from state.shelf_state where store_id = '{store}' and shelf_id = '{name}'"
        wait_until("the new capacity", lambda: estate.rows(edited) == [(900,)], 90)

        execute(estate, "update config.shelf_policies set item_category = null, threshold_pct = 80")
        wait_until("alerts again", lambda: open_at(estate, 80) > 0, 90)
        wait_until("an acknowledged alert", lambda: is_acknowledged(estate), 90)
        before = estate.rows("select max(updated_at) from state.shelf_state")[0][0]

    with running(RESOURCE, tmp_path) as estate:
        wait_until(
            "simulated time to go on",
            lambda: estate.rows("select max(updated_at) from state.shelf_state")[0][0] > before,
            90,
        )
        wait_until("a clean verdict", lambda: estate.verify() == "clean", 90)
