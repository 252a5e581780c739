"""A SmartStore in real pods: it comes up, scales, is torn at in every way, and goes. In this order, one SmartStore."""

import json
import time
from functools import partial

import pytest

from tests.pods.conftest import OPERATOR, Shop, eventually, run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

CHILDREN = (
    "statefulsets,deployments,jobs,cronjobs,services,configmaps,secrets,networkpolicies,serviceaccounts"
)


def _is_clean(shop: Shop) -> bool:
    verdict = shop.verify()
    assert verdict == "clean", verdict
    return True


def _names(shop: Shop, kinds: str = CHILDREN) -> set[str]:
    return {
        f"{item['kind']}/{item['metadata']['name']}"
        for item in shop.items(kinds)
        if item["metadata"].get("labels", {}).get("app.kubernetes.io/instance") == "demo"
    }


def _is_there(shop: Shop, child: str) -> bool:
    return child in _names(shop)


def _counts(shop: Shop) -> tuple[int, str]:
    alerts = int(shop.sql("select count(*) from ops.alerts"))
    return alerts, shop.sql("select max(updated_at) from state.shelf_state")


def _counts_or_none(shop: Shop) -> int:
    """How many alerts Postgres has; none while it does not answer."""
    try:
        return _counts(shop)[0]
    except AssertionError:
        return -1


def _uids(shop: Shop, claim: str) -> list[str]:
    claims = shop.items("persistentvolumeclaims")
    return [item["metadata"]["uid"] for item in claims if item["metadata"]["name"] == claim]


def test_events_flow_alerts_appear_and_the_books_are_right(shop: Shop) -> None:
    eventually(lambda: _counts(shop)[0] > 0, 60, "an alert")
    before = _counts(shop)[1]
    eventually(lambda: _counts(shop)[1] > before, 60, "a later state")
    assert _is_clean(shop)
    assert shop.status()["stores"] == 5


def test_more_stores_start_no_process(shop: Shop) -> None:
    before = shop.pods()
    shop.kubectl("scale", "sst/demo", "--replicas=10")
    eventually(lambda: shop.status()["stores"] == 10, 180, "ten stores")
    eventually(
        lambda: shop.sql("select count(distinct store_id) from state.shelf_state") == "10",
        60,
        "their shelves",
    )
    assert shop.pods() == before


def test_what_somebody_deletes_comes_back_within_seconds(shop: Shop) -> None:
    everything = _names(shop)
    for child in (
        "Service/demo-kafka",
        "ConfigMap/demo-hot",
        "Secret/demo-bridge",
        "NetworkPolicy/demo-world",
    ):
        kind, name = child.split("/")
        shop.kubectl("delete", kind, name, "--wait=true")
        assert eventually(partial(_is_there, shop, child), 10, child) < 5
    shop.kubectl("delete", "deployment", "demo-bridge", "--wait=true")
    assert eventually(lambda: "Deployment/demo-bridge" in _names(shop), 10) < 5
    shop.kubectl("delete", "serviceaccount", "demo")
    assert eventually(lambda: "ServiceAccount/demo" in _names(shop), 10) < 5
    eventually(lambda: _names(shop) == everything, 30, "all children")
    shop.until_ready()


def test_nothing_is_lost_however_pods_end(shop: Shop) -> None:
    """All evicted at once, then the stateful ones and the operator cut off without a chance to say anything."""
    for name in shop.pods():
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": shop.namespace},
        }
        path = f"/api/v1/namespaces/{shop.namespace}/pods/{name}/eviction"
        shop.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    eventually(lambda: len(shop.pods()) == 9, 120, "all pods")
    time.sleep(5)
    shop.until_ready()
    before = _counts(shop)[1]
    run("kubectl", "-n", OPERATOR, "delete", "pods", "--all", "--grace-period=0", "--force")
    for component in ("hot", "kafka", "postgres", "valkey", "world", "lake"):
        shop.kubectl("delete", "pod", f"demo-{component}-0", "--grace-period=0", "--force")
        time.sleep(4)
    eventually(lambda: len(shop.pods()) == 9, 120, "all pods")
    shop.until_ready()
    eventually(lambda: _counts(shop)[1] > before, 240, "a later state")
    assert eventually(lambda: _is_clean(shop), 240)


def test_a_lost_database_comes_back(shop: Shop) -> None:
    """What came from Kafka comes again; what only the database had, a backup brings back."""
    claim = "state-demo-postgres-0"
    backups = {"spec": {"postgres": {"backups": {"enabled": True}}}}
    shop.kubectl("patch", "sst", "demo", "--type=merge", "-p", json.dumps(backups))
    eventually(lambda: _is_there(shop, "CronJob/demo-backup"), 30, "the task that makes backups")
    shop.sql("INSERT INTO config.shelf_policies (notes, item_category, min_qty) VALUES ('ours', 'MEAT', 3)")
    made = shop.plugin("backup", "demo")
    assert made.returncode == 0, made.stdout + made.stderr
    (uid,), before = _uids(shop, claim), _counts(shop)[0]
    shop.kubectl("delete", "pvc", claim, "--wait=false")
    shop.kubectl("delete", "pod", "demo-postgres-0", "--grace-period=0", "--force")
    eventually(lambda: _uids(shop, claim) not in ([], [uid]), 120, "another volume")
    eventually(lambda: _counts_or_none(shop) >= before, 240, "the alerts of before")
    assert shop.sql("SELECT count(*) FROM config.shelf_policies WHERE notes = 'ours'") == "0"
    name = made.stdout.split()[0]
    restored = shop.plugin("backup", "demo", "restore", name)
    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert shop.sql("SELECT min_qty FROM config.shelf_policies WHERE notes = 'ours'") == "3"
    assert name in shop.plugin("backup", "demo", "list").stdout
    shop.until_ready()
    assert eventually(lambda: _is_clean(shop), 240)


def test_suspended_deleted_made_again_and_resumed_it_goes_on_with_its_data(shop: Shop) -> None:
    before = _counts(shop)[1]
    shop.suspend(True)
    eventually(lambda: not shop.pods(), 120, "the end of all pods")
    shop.kubectl("delete", "sst", "demo", "--timeout=60s")
    eventually(lambda: not shop.items("pods"), 120, "the end of all pods")
    assert _names(shop) == {"Secret/demo-credentials", "Secret/demo-credentials-copy"}
    claims = {item["metadata"]["name"] for item in shop.items("persistentvolumeclaims")}
    stateful = ("kafka", "valkey", "postgres", "world", "hot", "lake")
    assert claims == {*(f"state-demo-{name}-0" for name in stateful), "demo-backup"}
    shop.apply_suspended()
    eventually(lambda: shop.reason() == "Suspended", 30, "the next one, suspended")
    assert not shop.items("pods")
    shop.suspend(False)
    shop.until_ready()
    eventually(lambda: _counts(shop)[1] > before, 240, "a later state")
    assert eventually(lambda: _is_clean(shop), 240)


def test_a_namespace_goes_although_no_operator_lives(shop: Shop) -> None:
    run("kubectl", "-n", OPERATOR, "scale", "deployment", OPERATOR, "--replicas=0")
    shop.kubectl("delete", "sst", "demo", "--timeout=60s")
    run("kubectl", "delete", "namespace", shop.namespace, "--timeout=180s")
