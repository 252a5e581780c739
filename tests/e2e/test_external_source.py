"""The external sample as its user meets it: make a key, post with curl, see the shelf in Postgres, verify."""

import gzip
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.estate import SMARTSTORE, Estate, running, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

SAMPLE = Path(__file__).parents[2] / "manifests" / "samples" / "external.yaml"


def sample() -> dict[str, Any]:
    """The sample, with a port that is chosen free."""
    resource: dict[str, Any] = yaml.safe_load(SAMPLE.read_text())
    del resource["spec"]["source"]["external"]["port"]
    return resource


def new_key(estate: Estate, store: str) -> str:
    """What `smartstore gateway key create` prints."""
    command = [SMARTSTORE, "gateway", "key", "create", "--store", store, "--data-dir", str(estate.data_dir)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def curl(url: str, key: str, body: bytes, *headers: str) -> tuple[int, dict[str, Any]]:
    """(status, answer) of a POST by curl; it comes again, as a till does, while the gateway is away."""
    given = [word for header in (f"Authorization: Bearer {key}", *headers) for word in ("-H", header)]
    retry = ["--retry", "20", "--retry-delay", "1", "--retry-all-errors"]
    command = ["curl", "-sS", *retry, "-w", "\n%{http_code}", url, *given, "--data-binary", "@-"]
    out = subprocess.run(command, input=body, check=True, capture_output=True).stdout
    answer, _, status = out.rpartition(b"\n")
    return int(status), json.loads(answer)


def event(topic: str, event_id: str, **fields: Any) -> dict[str, Any]:
    """A record of store s0001, now."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"topic": topic, "event_id": event_id, "store_id": "s0001", "timestamp": moment, **fields}


def lines(*records: dict[str, Any]) -> bytes:
    """NDJSON."""
    return "\n".join(map(json.dumps, records)).encode()


PROFILE = {
    "shelf_id": "MILK-1",
    "sku": "4011",
    "item_category": "DAIRY",
    "item_subcategory": "MILK",
    "capacity": 20,
    "item_weight_g": 1030,
    "item_price_cents": 119,
}
JSON, NDJSON = "Content-Type: application/json", "Content-Type: application/x-ndjson"
GZIP = "Content-Encoding: gzip"
STOCK = "select current_stock from state.shelf_state where store_id = 's0001' and shelf_id = 'MILK-1'"
ALERT = "select alert_id, status from ops.alerts where shelf_id = 'MILK-1' and alert_type = 'refill_request'"


def pickups(first: int, count: int) -> bytes:
    """So many units taken one by one, packed."""
    fields = {"event_type": "pickup", "shelf_id": "MILK-1", "quantity": 1}
    records = [event("shelf_events", f"pickup-{n}", **fields) for n in range(first, first + count)]
    return gzip.compress(json.dumps(records).encode())


def test_a_till_connected_with_curl(tmp_path: Path) -> None:
    with running(sample(), tmp_path) as estate:
        key, url = new_key(estate, "s0001"), estate.status()["endpoints"]["gateway"]
        count = event("stock_counts", "count-1", count_type="opening", shelf_id="MILK-1", quantity=20)
        opening = lines(event("store_config", "profile-1", kind="profile", profile=PROFILE), count)
        assert curl(f"{url}/v1/events", key, opening, NDJSON) == (202, {"accepted": 2, "refused": 0})
        assert curl(f"{url}/v1/events", key, pickups(0, 7), JSON, GZIP)[0] == 202
        wait_until("the shelf in Postgres", lambda: estate.rows(STOCK) == [(13,)], 120)

        for victim in ("world", "gateway"):
            estate.kill(victim)
        for _ in range(2):  # a batch sent again changes nothing
            assert curl(f"{url}/v1/events", key, pickups(7, 8), JSON, GZIP)[0] == 202
        wait_until("the pickups in Postgres", lambda: estate.rows(STOCK) == [(5,)], 60)

        wait_until("the refill request", lambda: estate.rows(ALERT), 60)
        command = event("commands", "", command="acknowledge", alert_id=estate.rows(ALERT)[0][0])
        del command["event_id"], command["topic"]
        body = json.dumps(command).encode()
        assert curl(f"{url}/v1/commands", key, body, JSON, "Idempotency-Key: button-1")[0] == 202
        wait_until("the acknowledgement", lambda: estate.rows(ALERT)[0][1] == "acknowledged", 60)
        wait_until("a clean verdict", lambda: estate.verify() == "clean", 60)
