"""The real servers: they answer, and come back with their data after a kill."""

import os
import signal
import time
import urllib.request

import psycopg2
import pytest
import redis
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from smartstore_operator.embedded import control

from .conftest import Servers

pytestmark = pytest.mark.integration


def _pid(servers: Servers, component: str) -> int:
    status = control.ask(servers.data_dir / "run", {"command": "status"})
    return next(row["pid"] for row in status["components"] if row["name"] == component)


def _kill(servers: Servers, component: str) -> None:
    """Kill a component and wait until its successor is ready."""
    pid = _pid(servers, component)
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = control.ask(servers.data_dir / "run", {"command": "status"})
        row = next(row for row in status["components"] if row["name"] == component)
        if row["state"] == "ready" and row["pid"] not in (None, pid):
            return
        time.sleep(0.1)
    raise AssertionError(f"{component} did not come back: {row}")


def test_kafka_keeps_its_topics(servers: Servers, bootstrap: str, topic_prefix: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap}, logger=None)
    admin.create_topics([NewTopic(topic_prefix + "kept", 2)])[topic_prefix + "kept"].result(timeout=30)
    _kill(servers, "kafka")
    assert (
        topic_prefix + "kept" in AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=30).topics
    )


def test_valkey_keeps_what_it_acknowledged(servers: Servers, redis_url: str, topic_prefix: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set(topic_prefix + "kept", "yes")
    _kill(servers, "valkey")
    with redis.Redis.from_url(redis_url) as client:
        assert client.get(topic_prefix + "kept") == b"yes"
        client.delete(topic_prefix + "kept")


def test_postgres_keeps_what_was_committed(servers: Servers, database: str) -> None:
    connection = psycopg2.connect(database)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    connection.close()
    _kill(servers, "postgres")
    connection = psycopg2.connect(database)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT answer, current_setting('wal_level') FROM kept")
        assert cursor.fetchone() == (42, "logical")
    connection.close()


def test_connect_has_its_plugins(servers: Servers, connect_url: str) -> None:
    _kill(servers, "connect")
    with urllib.request.urlopen(f"{connect_url}/connector-plugins", timeout=10) as answer:
        text = answer.read().decode()
    assert "io.debezium.connector.jdbc.JdbcSinkConnector" in text
    assert "io.debezium.connector.postgresql.PostgresConnector" in text
