"""The gateway as tills see it: real HTTP to a real process, real Valkey and Postgres behind it."""

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest
import redis

from smartstore.contracts.wire import STREAM_LIMIT, derived_id
from smartstore.gateway.key_table import KeyTable
from smartstore.gateway.keys import ANY_STORE
from smartstore_operator.embedded import control
from tests.integration.gateway.conftest import GatewayProcess, now, pickup

pytestmark = pytest.mark.integration

NDJSON = "application/x-ndjson"


def reason_of(answer: httpx.Response) -> str:
    """The first word of the first error."""
    return str(answer.json()["errors"][0]["reason"]).partition(":")[0]


def test_good_records_are_in_their_streams_when_they_are_answered(
    gateway: GatewayProcess, keys: KeyTable
) -> None:
    key, _ = keys.create("s0001", "till-3")
    store = {
        "topic": "stores",
        "event_id": "st",
        "store_id": "s0001",
        "timestamp": now(),
        "ordinal": 0,
        "name": "A",
    }
    taken = 'smartstore_gateway_records_accepted_total{topic="shelf_events"}'
    before = gateway.metric(taken)
    answer = gateway.post(key, [pickup("e1"), pickup("e2", quantity=2), store])
    assert (answer.status_code, answer.json()) == (202, {"accepted": 3, "refused": 0})
    assert [(e["event_id"], e["quantity"]) for e in gateway.stream("shelf_events")] == [("e1", 1), ("e2", 2)]
    assert [e["name"] for e in gateway.stream("stores")] == ["A"]
    assert "topic" not in gateway.stream("stores")[0]
    assert gateway.metric(taken) == before + 2
    assert gateway.metric('smartstore_gateway_requests_total{path="/v1/events",status="202"}') >= 1


def test_lines_and_gzip(gateway: GatewayProcess, keys: KeyTable) -> None:
    key, _ = keys.create("s0001", None)
    lines = b"\n".join(json.dumps(pickup(f"e{n}")).encode() for n in range(500))
    answer = gateway.post(key, lines, kind=f"{NDJSON}; charset=utf-8")
    assert (answer.status_code, answer.json()["accepted"]) == (202, 500)
    packed = gateway.post(key, gzip.compress(lines), kind=NDJSON, Content_Encoding="gzip")
    assert (packed.status_code, packed.json()["accepted"]) == (202, 500)
    array = gzip.compress(json.dumps([pickup("a")]).encode())
    assert gateway.post(key, array, Content_Encoding="gzip").status_code == 202
    assert len(gateway.stream("shelf_events")) == 1001


def test_bad_records_are_answered_one_by_one_and_the_good_ones_stay(
    gateway: GatewayProcess, keys: KeyTable
) -> None:
    key, _ = keys.create("s0001", None)
    body = "\n".join(
        [json.dumps(pickup("e1")), "broken", json.dumps(pickup("e3", quantity=0)), json.dumps(pickup("e4"))]
    )
    refused = 'smartstore_gateway_records_refused_total{reason="malformed",topic="shelf_events"}'
    before = gateway.metric(refused)
    answer = gateway.post(key, body.encode(), kind=NDJSON)
    assert answer.status_code == 422
    told = answer.json()
    assert (told["accepted"], told["refused"]) == (2, 2)
    broken, wrong = told["errors"]
    assert broken["index"] == 1
    assert broken["reason"].startswith("malformed: not JSON")
    assert wrong == {
        "index": 2,
        "event_id": "e3",
        "topic": "shelf_events",
        "field": "quantity",
        "reason": "malformed: Expected `int` >= 1",
    }
    assert [e["event_id"] for e in gateway.stream("shelf_events")] == ["e1", "e4"]
    assert gateway.metric(refused) == before + 1


def test_a_key_writes_for_its_own_store_only(gateway: GatewayProcess, keys: KeyTable) -> None:
    one, _ = keys.create("s0001", None)
    every, _ = keys.create(ANY_STORE, None)
    answer = gateway.post(one, [pickup("e1", store_id="s0002")])
    assert (answer.status_code, reason_of(answer)) == (422, "forbidden")
    assert gateway.post(every, [pickup("e1", store_id="s0002")]).status_code == 202
    answer = gateway.post(every, [pickup("e1", store_id="s0003")])
    assert (answer.status_code, reason_of(answer)) == (422, "unknown_store")


def test_without_a_valid_key_nothing_is_taken(gateway: GatewayProcess, keys: KeyTable) -> None:
    key, row = keys.create("s0001", None)
    wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
    for presented in (None, "nonsense", wrong, f"sst_{'0' * 12}_{'0' * 64}"):
        answer = gateway.post(presented, [pickup("e1")])
        assert answer.status_code == 401, presented
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert gateway.post(key, [pickup("e1")]).status_code == 202
    keys.revoke(row.key_id)
    gateway.wait_until(
        lambda: gateway.post(key, [pickup("e2")]).status_code == 401, "refusing a revoked key", seconds=5
    )
    assert {e["event_id"] for e in gateway.stream("shelf_events")} <= {"e1", "e2"}


def test_bodies_that_cannot_be_taken(gateway: GatewayProcess, keys: KeyTable) -> None:
    key, _ = keys.create("s0001", None)
    bomb = gzip.compress(b" " * (64 * 1024 * 1024))
    assert len(bomb) < 100_000
    assert gateway.post(key, bomb, Content_Encoding="gzip").status_code == 413
    assert gateway.post(key, b" " * (9 * 1024 * 1024)).status_code == 413
    assert gateway.post(key, json.dumps([1] * 10_001).encode()).status_code == 413
    assert gateway.post(key, b"no gzip", Content_Encoding="gzip").status_code == 400
    assert gateway.post(key, b"[1").status_code == 400
    assert gateway.post(key, b"{}").status_code == 400
    assert gateway.post(key, b"[]", kind="text/csv").status_code == 415
    assert gateway.post(key, b"[]", Content_Encoding="br").status_code == 415
    assert gateway.http.get("/v1/events").status_code == 405
    assert gateway.http.get("/nothing").status_code == 404
    assert gateway.stream("shelf_events") == []


def test_the_clock_decides_what_is_too_old_or_too_early(
    gateway: GatewayProcess, keys: KeyTable, redis_client: redis.Redis
) -> None:
    key, _ = keys.create("s0001", None)
    present = datetime.now(UTC)
    redis_client.set(f"{gateway.prefix}sim:now", present.isoformat())
    for hours, status, reason in (
        (-25, 422, "too_old"),
        (-23, 202, ""),
        (23, 202, ""),
        (25, 422, "too_early"),
    ):
        answer = gateway.post(key, [pickup("e", timestamp=(present + timedelta(hours=hours)).isoformat())])
        assert answer.status_code == status
        if reason:
            assert reason_of(answer) == reason


def test_commands_need_an_id_or_a_key_to_make_one_of(gateway: GatewayProcess, keys: KeyTable) -> None:
    key, _ = keys.create("s0001", None)
    command = {"store_id": "s0001", "timestamp": now(), "command": "acknowledge", "alert_id": "a1"}
    path = "/v1/commands"
    assert gateway.post(key, command, path=path).status_code == 400
    assert gateway.post(key, [command], path=path).status_code == 400
    assert gateway.post(key, command, path=path, kind=NDJSON).status_code == 415
    derived = derived_id("command", "s0001", "press-7")
    for _ in range(2):
        answer = gateway.post(key, command, path=path, Idempotency_Key="press-7")
        assert (answer.status_code, answer.json()["event_id"]) == (202, derived)
    own = gateway.post(key, {**command, "event_id": "mine"}, path=path, Idempotency_Key="press-7")
    assert own.json() == {"accepted": 1, "refused": 0, "event_id": "mine"}
    assert [c["event_id"] for c in gateway.stream("commands")] == [derived, derived, "mine"]
    wrong = gateway.post(key, {**command, "event_id": "x", "command": "cancel"}, path=path)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "plan_id")
    other = gateway.post(key, {**command, "event_id": "x", "store_id": "s0002"}, path=path)
    assert (other.status_code, reason_of(other)) == (422, "forbidden")
    assert gateway.post(key, [pickup("e", topic="commands")]).status_code == 422


def test_a_full_buffer_asks_to_come_again(
    gateway: GatewayProcess, keys: KeyTable, redis_client: redis.Redis
) -> None:
    key, _ = keys.create("s0001", None)
    stream = f"{gateway.prefix}shelf_events"
    fill = "for i = 1, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], '*', 'data', '{}') end"
    redis_client.eval(fill, 1, stream, str(STREAM_LIMIT - 1))
    answer = gateway.post(key, [pickup("e1"), pickup("e2")])
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert redis_client.xlen(stream) == STREAM_LIMIT - 1
    assert gateway.post(key, [pickup("e1")]).status_code == 202
    redis_client.xtrim(stream, maxlen=0)
    assert gateway.post(key, [pickup("e1"), pickup("e2")]).status_code == 202


def test_when_redis_has_no_memory_nothing_is_taken(
    gateway: GatewayProcess, keys: KeyTable, redis_client: Any
) -> None:
    key, _ = keys.create("s0001", None)
    assert gateway.post(key, [pickup("e0")]).status_code == 202
    limit = redis_client.config_get("maxmemory")["maxmemory"]
    redis_client.config_set("maxmemory", 1)
    try:
        answer = gateway.post(key, [pickup("e1"), pickup("e2")])
    finally:
        redis_client.config_set("maxmemory", limit)
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    assert gateway.post(key, [pickup("e3")]).status_code == 202
    assert [e["event_id"] for e in gateway.stream("shelf_events")] == ["e0", "e3"]


def test_a_killed_redis_is_answered_and_comes_back(
    gateway: GatewayProcess, keys: KeyTable, servers: Any
) -> None:
    key, _ = keys.create("s0001", None)
    assert gateway.post(key, [pickup("e1")]).status_code == 202
    status = control.ask(servers.data_dir / "run", {"command": "status"})
    pid = next(int(c["pid"]) for c in status["components"] if c["name"] == "valkey")
    os.kill(pid, signal.SIGKILL)
    answer = gateway.post(key, [pickup("e2")])
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert gateway.http.get("/readyz").status_code == 503
    assert gateway.http.get("/healthz").status_code == 200
    gateway.wait_until(lambda: gateway.post(key, [pickup("e2")]).status_code == 202, "taking records again")
    assert [e["event_id"] for e in gateway.stream("shelf_events")] == ["e1", "e2"]
    assert gateway.http.get("/readyz").status_code == 200


def test_keys_go_on_to_work_while_postgres_is_away(
    gateway: GatewayProcess, keys: KeyTable, close_database: Callable[[bool], None]
) -> None:
    key, _ = keys.create("s0001", None)
    assert gateway.post(key, [pickup("e1")]).status_code == 202
    close_database(True)
    gateway.wait_until(lambda: gateway.http.get("/readyz").status_code == 503, "unready without Postgres")
    assert gateway.post(key, [pickup("e2")]).status_code == 202
    close_database(False)
    gateway.wait_until(lambda: gateway.http.get("/readyz").status_code == 200, "ready again")


def test_a_key_that_sends_more_than_its_rate_has_to_wait_and_the_end_is_orderly(
    start_gateway: Callable[..., GatewayProcess], keys: KeyTable
) -> None:
    gateway = start_gateway(SMARTSTORE_GATEWAY_RECORDS_PER_SECOND="10")
    key, other = keys.create("s0001", None)[0], keys.create("s0001", None)[0]
    assert gateway.post(key, [pickup("e")] * 10_000).status_code == 202
    assert gateway.post(key, [pickup("e")] * 10_000).status_code in (202, 429)
    answer = gateway.post(key, [pickup("e")])
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert gateway.post(other, [pickup("e")]).status_code == 202
    assert gateway.stop() == 0


def test_the_description_and_the_page_are_served_without_a_key(gateway: GatewayProcess) -> None:
    assert gateway.http.get("/openapi.json").json()["openapi"].startswith("3.1")
    page = gateway.http.get("/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    assert httpx.get(f"http://127.0.0.1:{gateway.metrics_port}/healthz").status_code == 200


def test_its_login_reads_keys_and_nothing_else(gateway_dsn: str, dsn: str, keys: KeyTable) -> None:
    keys.create("s0001", None)
    connection = psycopg2.connect(gateway_dsn)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM config.gateway_keys")
        assert cursor.fetchone() != (0,)
        for statement in (
            "UPDATE config.gateway_keys SET store_id = '*'",
            "DELETE FROM config.gateway_keys",
            "SELECT 1 FROM config.shelf_policies",
            "SELECT 1 FROM ops.alerts",
        ):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)
    connection.close()
    owner = psycopg2.connect(dsn)
    with owner.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('smartstore_reader', 'config.gateway_keys', 'SELECT')")
        assert cursor.fetchone() == (False,)
    owner.close()


def test_keys_by_command(dsn: str, keys: KeyTable, tmp_path: Path) -> None:
    run_file = tmp_path / "run.json"
    run_file.write_text('{"name": "t", "stores": 2, "source": {"type": "External"}}')
    environment = os.environ | {"SMARTSTORE_POSTGRES_DSN": dsn, "SMARTSTORE_RUN_FILE": str(run_file)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "smartstore.gateway.admin", "key", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    made = run("create", "--store", "s0001", "--name", "till-3", "--json")
    assert made.returncode == 0, made.stderr
    created = json.loads(made.stdout)
    assert keys.valid()[created["key_id"]].store_id == "s0001"
    listed = run("list", "--json")
    assert created["key_id"] in [row["key_id"] for row in json.loads(listed.stdout)]
    secret = created["key"].rpartition("_")[2]
    assert secret not in listed.stdout + run("list").stdout
    assert run("create", "--store", "s0003").returncode == 2
    assert "s0001 to s0002" in run("create", "--store", "s0003").stderr
    assert run("revoke", created["key_id"]).returncode == 0
    assert created["key_id"] not in keys.valid()
    assert run("revoke", "nonsense").returncode == 1
