"""A gateway process of its own, against the shared Valkey and a database with the current schema."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg2
import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from smartstore.contracts.settings import PlanningSettings, RunSettings, SourceSettings
from smartstore.contracts.wire import encode
from smartstore.gateway.key_table import KeyTable
from smartstore.serving.migrate import migrate
from smartstore.serving.roles import Passwords

LOGIN_PASSWORD = "of-the-gateways-login"


def now() -> str:
    """The present as records carry it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def pickup(event_id: str, **changes: Any) -> dict[str, Any]:
    """A good record."""
    return {
        "topic": "shelf_events",
        "event_id": event_id,
        "store_id": "s0001",
        "timestamp": now(),
        "event_type": "pickup",
        "shelf_id": "MILK-1",
        "quantity": 1,
        **changes,
    }


class GatewayProcess:
    """`python -m smartstore.gateway` and a client of it."""

    def __init__(self, environment: dict[str, str], log: Path, client: Any, prefix: str) -> None:
        self.port, self.metrics_port = _free_port(), _free_port()
        self.redis, self.prefix, self.log = client, prefix, log
        ports = {
            "SMARTSTORE_GATEWAY_PORT": str(self.port),
            "SMARTSTORE_METRICS_PORT": str(self.metrics_port),
        }
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "smartstore.gateway"],
                env=os.environ | environment | ports,
                stdout=output,
                stderr=output,
            )
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20)
        self.wait_until(lambda: self.http.get("/readyz").status_code == 200, "ready")

    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
        """Ask until it holds."""
        give_up = time.monotonic() + seconds
        while True:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if condition():
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < give_up, f"not {what}: {self.log.read_text()}"
            time.sleep(0.05)

    def post(
        self,
        key: str | None,
        content: Any,
        *,
        path: str = "/v1/events",
        kind: str = "application/json",
        **headers: str,
    ) -> httpx.Response:
        """Post bytes, or records as JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        given = {"Content-Type": kind} | {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            given["Authorization"] = f"Bearer {key}"
        return self.http.post(path, content=body, headers=given)

    def stream(self, topic: str) -> list[dict[str, Any]]:
        """The records in a stream."""
        entries = self.redis.xrange(self.prefix + topic)
        assert all(list(fields) == [b"data"] for _, fields in entries)
        return [json.loads(fields[b"data"]) for _, fields in entries]

    def metric(self, line: str) -> float:
        """A sample of the metrics page."""
        page = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text
        found = [row.rpartition(" ")[2] for row in page.splitlines() if row.startswith(line + " ")]
        return float(found[0]) if found else 0.0

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client that outlives a restart of the server."""
    with redis.Redis.from_url(redis_url, protocol=2, retry=Retry(ConstantBackoff(0.2), 50)) as client:
        yield client


@pytest.fixture(scope="module")
def administer(postgres_superuser_dsn: str) -> Callable[[str], None]:
    """Runs a statement as the superuser."""

    def run(statement: str) -> None:
        connection = psycopg2.connect(postgres_superuser_dsn)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    return run


@pytest.fixture(scope="module")
def dsn(postgres_dsn: str, administer: Callable[[str], None]) -> Iterator[str]:
    """A database with the current schema, of this module alone, as its owner reaches it."""
    name, owner = f"t{uuid.uuid4().hex[:10]}", urlsplit(postgres_dsn).username
    administer(f"CREATE DATABASE {name} OWNER {owner}")
    dsn = f"{postgres_dsn.rpartition('/')[0]}/{name}"
    migrate(dsn, PlanningSettings(), Passwords(gateway=LOGIN_PASSWORD))
    yield dsn
    administer(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def keys(dsn: str) -> Iterator[KeyTable]:
    """The table of keys, as its owner sees it."""
    table = KeyTable(dsn)
    yield table
    table.close()


@pytest.fixture(scope="module")
def gateway_dsn(dsn: str) -> str:
    """The database as the gateway's login reaches it."""
    address = urlsplit(dsn)
    return f"postgresql://smartstore_gateway:{LOGIN_PASSWORD}@{address.hostname}:{address.port}{address.path}"


@pytest.fixture(scope="module")
def start_gateway(
    redis_url: str, redis_client: redis.Redis, gateway_dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., GatewayProcess]]:
    """Starts gateways of an estate of two stores; stopped at the end."""
    started: list[GatewayProcess] = []
    directory, prefix = tmp_path_factory.mktemp("gateway"), f"t{uuid.uuid4().hex[:10]}_"
    run_file = directory / "run.json"
    run_file.write_bytes(encode(RunSettings(name="t", stores=2, source=SourceSettings(type="External"))))

    def start(**variables: str) -> GatewayProcess:
        environment = {
            "SMARTSTORE_RUN_FILE": str(run_file),
            "SMARTSTORE_REDIS_URL": redis_url,
            "SMARTSTORE_POSTGRES_DSN": gateway_dsn,
            "SMARTSTORE_TOPIC_PREFIX": prefix,
            **variables,
        }
        log = directory / f"gateway{len(started)}.log"
        started.append(GatewayProcess(environment, log, redis_client, prefix))
        return started[-1]

    yield start
    for process in started:
        process.stop()


@pytest.fixture(scope="module")
def shared_gateway(start_gateway: Callable[..., GatewayProcess]) -> GatewayProcess:
    """A gateway with its usual settings, for all tests of the module."""
    return start_gateway()


@pytest.fixture
def gateway(shared_gateway: GatewayProcess) -> Iterator[GatewayProcess]:
    """The gateway; its streams are removed at the end."""
    yield shared_gateway
    for name in list(shared_gateway.redis.scan_iter(f"{shared_gateway.prefix}*")):
        shared_gateway.redis.delete(name)


@pytest.fixture
def close_database(dsn: str, administer: Callable[[str], None]) -> Iterator[Callable[[bool], None]]:
    """Closes the database to everybody (True), or opens it again (False)."""
    name = urlsplit(dsn).path.lstrip("/")

    def close(closed: bool) -> None:
        administer(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {not closed}")
        administer(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    yield close
    close(False)
