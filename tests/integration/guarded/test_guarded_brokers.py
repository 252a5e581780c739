"""A whole SmartStore on brokers that want TLS, a SCRAM login and rights, and what it says when they refuse it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from confluent_kafka.admin import AclOperation, ResourceType  # type: ignore[attr-defined]

from smartstore.contracts.brokers import Brokers, Login
from smartstore.contracts.topics import TOPICS
from tests.estate import wait_until
from tests.integration.conftest import Servers
from tests.integration.guarded.guarded_broker import USER, GuardedBroker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400), pytest.mark.xdist_group("guarded")]

PASSWORD = 'o"pen\\ ses$ame, ü'
MARK = b"ses$ame"
"""Every client has to quote the password in a way of its own; this part of it stays as it is."""
SMARTSTORE = """\
apiVersion: smartstore.io/v1alpha1
kind: SmartStore
metadata: {{name: shop}}
spec:
  stores: 1
  source: {{type: Simulation, speed: 600, startHour: 9}}
  kafka:
    type: External
    bootstrapServers: {bootstrap}
    partitions: 2
    tls: {{caSecret: {{name: brokers}}}}
    authentication: {{username: {user}}}
  streaming: {{lake: {{trigger: 1s}}}}
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedBroker]:
    """The broker, with a user who has the rights that docs/operator.md lists."""
    broker = GuardedBroker(tmp_path_factory.mktemp("guarded"))
    try:
        broker.wait()
        broker.add_user(PASSWORD)
        connects = [f"shop-connect-{what}" for what in ("configs", "offsets", "status")]
        connects += ["connect_dead_letters", "__debezium-heartbeat.smartstore_config"]
        operations = (
            *(AclOperation.CREATE, AclOperation.READ, AclOperation.WRITE),
            *(AclOperation.DESCRIBE_CONFIGS, AclOperation.ALTER_CONFIGS),
        )
        for topic in (*(topic.name for topic in TOPICS), *connects):
            broker.allow(ResourceType.TOPIC, topic, operations)
        broker.allow(ResourceType.GROUP, "smartstore-", [AclOperation.READ], prefix=True)
        yield broker
    finally:
        broker.stop()


def _topics(brokers: Brokers) -> "subprocess.Popen[str]":
    variables = {**brokers.variables(), "SMARTSTORE_KAFKA_PARTITIONS": "2"}
    command = [sys.executable, "-m", "smartstore.ingest.topics"]
    return subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)


def test_refused_by_the_brokers_it_says_why_in_one_line(broker: GuardedBroker) -> None:
    login = Login(username=USER, password="wrong")
    wrong = {
        "invalid credentials": Brokers(broker.bootstrap, tls=True, ca_file=str(broker.ca), login=login),
        "certificate verify failed": Brokers(broker.bootstrap, tls=True, login=login),
    }
    running = {reason: _topics(brokers) for reason, brokers in wrong.items()}
    for reason, process in running.items():
        _, told = process.communicate(timeout=60)
        assert process.returncode == 1
        assert told.count("\n") == 1, told
        assert told.startswith(f"Kafka at {broker.bootstrap}: ")
        assert reason in told


def test_all_parts_talk_through_encryption_and_login(broker: GuardedBroker, tmp_path: Path) -> None:
    """Source, bridge, both Spark applications, Connect and its connectors, verify."""
    secrets = {"SMARTSTORE_KAFKA_PASSWORD": PASSWORD, "SMARTSTORE_KAFKA_CA_FILE": str(broker.ca)}
    spec = SMARTSTORE.format(bootstrap=broker.bootstrap, user=USER)
    servers = Servers(tmp_path, spec, secrets)
    try:
        servers.start("world", "bridge", "connectors")
        servers.start("hot")
        wait_until(
            "stock in Postgres", lambda: _rows(servers, "select 1 from state.shelf_state limit 1"), 120
        )
        servers.start("lake")
        stock = servers.data_dir / "state" / "lake" / "tables" / "cleansed" / "shelf_state"
        wait_until("stock in the lake", lambda: any(stock.glob("*.parquet")), 300)
        verdict = subprocess.run(
            [sys.executable, "-m", "smartstore.verify"],
            env={**servers.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert verdict.returncode == 0, verdict.stdout + verdict.stderr
        groups = broker.groups()
    finally:
        servers.stop()
    assert "smartstore-sink-shelf-state" in groups
    assert not [group for group in groups if not group.startswith("smartstore-")]
    _check_that_nobody_tells_the_password(tmp_path)


def _rows(servers: Servers, query: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(servers.environment["SMARTSTORE_POSTGRES_DSN"])
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()
    finally:
        connection.close()


def _check_that_nobody_tells_the_password(directory: Path) -> None:
    """It is in no log, plan, checkpoint or topic, and in files of their owner only."""
    found = [path for path in directory.rglob("*") if path.is_file() and MARK in path.read_bytes()]
    assert {path.name for path in found} == {"client.json", "worker.properties"}
    assert not [path for path in found if path.stat().st_mode & 0o077]
