"""A database of its own with the current schema, and the connectors that serve it, per test module."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg2
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.cimpl import NewTopic

from smartstore.contracts.derive.kafka import topic_config
from smartstore.contracts.derive.sql import table_topics
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.topics import BY_NAME, TOPICS
from smartstore.contracts.wire import key_of, partition_of
from smartstore.serving.migrate import migrate
from smartstore.serving.roles import Passwords
from tests.kafka_topics import create_topics

PARTITIONS = 4


def run_sql(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    """One statement in a transaction of its own; its rows, if it has any."""
    connection = psycopg2.connect(dsn)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


CONNECTORS = len(table_topics()) + 1
"""A sink for each topic with a table, and the source of the configuration."""


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Ask until it holds; database errors while a server is away count as not yet."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (psycopg2.Error, httpx.HTTPError):
            pass
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


@dataclass
class Deployment:
    """One prefix on Kafka, one database, one `smartstore.serving.connectors` process."""

    prefix: str
    dsn: str
    bootstrap: str
    connect_url: str
    data_dir: Path
    health_url: str

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return run_sql(self.dsn, statement)

    def expect(self, query: str, rows: list[tuple[Any, ...]], seconds: float = 20) -> None:
        """Wait until the query gives these rows; the failure shows what it gave last."""
        deadline = time.monotonic() + seconds
        found: object = None
        while time.monotonic() < deadline:
            try:
                found = self.sql(query)
            except psycopg2.Error as error:
                found = error
            if found == rows:
                return
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {rows}; last {found!r}")

    def producer(self) -> Producer:
        return Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 5, "acks": "all"})

    def produce(self, topic: str, *records: dict[str, Any] | bytes) -> None:
        """Records in their order; raw bytes as they are."""
        producer = self.producer()
        for record in records:
            self.send(producer, topic, record)
        assert producer.flush(30) == 0

    def send(self, producer: Producer, topic: str, record: dict[str, Any] | bytes) -> None:
        value = record if isinstance(record, bytes) else json.dumps(record).encode()
        key, partition = "broken", 0
        if isinstance(record, dict):
            key = key_of(BY_NAME[topic].key, record)
            partition = partition_of(record["store_id"], PARTITIONS) if BY_NAME[topic].by_store else 0
        producer.produce(self.prefix + topic, value, key, partition, on_delivery=_confirm)

    def read(self, topic: str, until: Callable[[dict[str, Any]], object], seconds: float = 15) -> list[Any]:
        """All messages of a topic from its beginning to the first whose value meets `until`."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": uuid.uuid4().hex,
                "auto.offset.reset": "earliest",
            }
        )
        consumer.subscribe([self.prefix + topic])
        found = []
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                message = consumer.poll(0.1)
                if message is None or message.error():
                    continue
                found.append(message)
                if until(_value(message)):
                    return found
        finally:
            consumer.close()
        raise AssertionError(f"{topic}: the record never came; last {[m.value() for m in found[-3:]]}")

    def values(self, topic: str) -> list[bytes]:
        """All that a topic of one partition has now."""
        return [message.value() or b"" for message in self._all(topic, 0)]

    def current_rows(self, topic: str) -> list[dict[str, Any]]:
        """What a topic of configuration says now: the last row of each key that is not deleted."""
        rows: dict[str, dict[str, Any]] = {}
        for partition in range(PARTITIONS):
            for message in self._all(topic, partition):
                rows[str(message.key())] = _value(message)
        return [row for row in rows.values() if row and row.get("__deleted") != "true"]

    def _all(self, topic: str, number: int) -> list[Any]:
        partition = TopicPartition(self.prefix + topic, number, OFFSET_BEGINNING)
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": uuid.uuid4().hex})
        try:
            _, end = consumer.get_watermark_offsets(partition, timeout=15)
            consumer.assign([partition])
            return list(consumer.consume(end, timeout=15)) if end else []
        finally:
            consumer.close()

    def records(self, topic: str) -> int:
        """How many records a topic has."""
        return sum(len(self._all(topic, partition)) for partition in range(PARTITIONS))

    def offsets(self, topic: str) -> int:
        """How many records of a topic its sink has noted as read."""
        name = f"{self.prefix}sink-{topic.replace('_', '-')}"
        answer = httpx.get(f"{self.connect_url}/connectors/{name}/offsets", timeout=30).json()
        return sum(one["offset"]["kafka_offset"] for one in answer["offsets"])

    def connectors(self, expand: str = "status") -> dict[str, Any]:
        answer = httpx.get(f"{self.connect_url}/connectors", params={"expand": expand}, timeout=30).json()
        return {name: facts[expand] for name, facts in answer.items() if name.startswith(self.prefix)}

    def all_running(self) -> bool:
        statuses = self.connectors()
        tasks = [task["state"] for status in statuses.values() for task in status["tasks"]]
        return len(statuses) == CONNECTORS and tasks == ["RUNNING"] * CONNECTORS

    def metric(self, name: str) -> dict[str, float]:
        """Connector (without prefix) → value."""
        lines = httpx.get(self.health_url.replace("healthz", "metrics")).text.splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line.startswith(f"{name}{{"))
        return {label.split('"')[1].removeprefix(self.prefix): float(value) for label, value in pairs}

    def kill(self, program: str) -> None:
        """`kill -9` of a server's main process; its supervisor starts it again."""
        for process in psutil.process_iter(["cmdline"]):
            line = " ".join(process.info["cmdline"] or [])
            if str(self.data_dir) not in line:
                continue  # others may end while they are looked at
            parent = process.parent()
            if program in line and parent and "postgres -D" not in _line(parent):
                process.send_signal(signal.SIGKILL)


def _confirm(error: object, _message: object) -> None:
    if error is not None:
        raise AssertionError(f"Kafka refused a record: {error}")


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _value(message: Any) -> dict[str, Any]:
    try:
        return dict(json.loads(message.value()))
    except (ValueError, TypeError):
        return {}


@pytest.fixture(scope="session")
def passwords(servers: Any) -> Passwords:
    """The passwords of the two logins as the Connect worker knows them; logins belong to the whole server."""
    secrets = json.loads((servers.data_dir / "secrets.json").read_text())
    return Passwords(sink=secrets["postgres-sink-password"], cdc=secrets["postgres-cdc-password"])


@pytest.fixture(scope="module")
def deployment(
    servers: Any,
    bootstrap: str,
    connect_url: str,
    postgres_dsn: str,
    postgres_superuser_dsn: str,
    passwords: Passwords,
    tmp_path_factory: Any,
) -> Iterator[Deployment]:
    """Topics, schema and connectors, all running."""
    prefix = f"t{uuid.uuid4().hex[:8]}_"
    owner = urllib.parse.urlsplit(postgres_dsn).username
    name = prefix.rstrip("_")
    run_sql(postgres_superuser_dsn, f"CREATE DATABASE {name} OWNER {owner}")
    dsn = f"{postgres_dsn.rpartition('/')[0]}/{name}"
    migrate(dsn, PlanningSettings(), passwords)
    _create_topics(bootstrap, prefix)
    port = _free_port()
    directory = tmp_path_factory.mktemp("connectors")
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "smartstore.serving.connectors"],
            env=_environment(dsn, bootstrap, connect_url, prefix, port, passwords),
            stderr=log,
        )
        running = Deployment(
            prefix, dsn, bootstrap, connect_url, servers.data_dir, f"http://127.0.0.1:{port}/healthz"
        )
        try:
            wait_until(lambda: httpx.get(running.health_url).status_code == 200, 90, "connectors healthy")
            yield running
        finally:
            process.terminate()
            assert process.wait(20) == 0
    _remove(running, postgres_superuser_dsn, name)


def _environment(
    dsn: str, bootstrap: str, connect_url: str, prefix: str, port: int, passwords: Passwords
) -> dict[str, str]:
    return os.environ | {
        "SMARTSTORE_POSTGRES_DSN": dsn,
        "SMARTSTORE_KAFKA_BOOTSTRAP": bootstrap,
        "SMARTSTORE_KAFKA_PARTITIONS": str(PARTITIONS),
        "SMARTSTORE_CONNECT_URL": connect_url,
        "SMARTSTORE_CONNECT_SECRETS": "env:",
        "SMARTSTORE_POSTGRES_SINK_PASSWORD": str(passwords.sink),
        "SMARTSTORE_POSTGRES_CDC_PASSWORD": str(passwords.cdc),
        "SMARTSTORE_TOPIC_PREFIX": prefix,
        "SMARTSTORE_METRICS_PORT": str(port),
    }


def _create_topics(bootstrap: str, prefix: str) -> None:
    wanted = [NewTopic(prefix + t.name, PARTITIONS, 1, config=topic_config(t)) for t in TOPICS]
    create_topics(bootstrap, wanted)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _remove(deployment: Deployment, superuser_dsn: str, database: str) -> None:
    for name in deployment.connectors():
        httpx.delete(f"{deployment.connect_url}/connectors/{name}", timeout=30)
    slots = (
        f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '{database}'"
    )
    active = f"SELECT 1 FROM pg_replication_slots WHERE active AND database = '{database}'"
    wait_until(lambda: not run_sql(superuser_dsn, active), 30, "the source has let go of its slot")
    run_sql(superuser_dsn, slots)
    run_sql(superuser_dsn, f"DROP DATABASE {database} WITH (FORCE)")
