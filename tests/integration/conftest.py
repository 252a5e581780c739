"""Real Kafka, Valkey, Postgres and Kafka Connect for tests, each started at its first use, once per test session.

They come from the very code that `smartstore up` runs: render, supervisor, data directory (in a temporary place), free
ports. Tests share them, so each isolates itself: by `topic_prefix` on Kafka and Redis, by `database` on Postgres.
"""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg2
import pytest

from smartstore_operator.embedded import control, launch

SMARTSTORE = """\
apiVersion: smartstore.io/v1alpha1
kind: SmartStore
metadata:
  name: tests
spec:
  kafka:
    type: SingleNode
    partitions: 4
  streaming:
    backend: Local
"""
START_SECONDS = 180.0


class Servers:
    """The running servers and how to reach them."""

    def __init__(
        self, directory: Path, smartstore: str = SMARTSTORE, passwords: Mapping[str, str] | None = None
    ) -> None:
        """`passwords`: variables for External systems of the SmartStore, if it has any."""
        file = directory / "smartstore.yaml"
        file.write_text(smartstore)
        self.data_dir = directory / "data"
        self._log = (directory / "supervisor.log").open("w")
        command = [sys.executable, str(Path(__file__).with_name("servers.py")), str(file), str(self.data_dir)]
        # The launcher makes them stop with this process, however it ends.
        guard = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(int(signal.SIGTERM))]
        self._process = subprocess.Popen(
            [*guard, *command],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **(passwords or {})},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise RuntimeError(f"the servers do not start: {(directory / 'supervisor.log').read_text()}")
        self.environment: Mapping[str, str] = json.loads(line)
        """The variables of docs/architecture.md that say where the servers are."""

    def start(self, *components: str) -> None:
        """Bring up components and what they need; at once if they are up."""
        request = {"command": "start", "components": components}
        answer = control.ask(self.data_dir / "run", request, seconds=START_SECONDS)
        if not answer.get("ready"):
            raise RuntimeError(f"{', '.join(components)}: {answer}")

    def stop(self) -> None:
        """Stop all of them."""
        self._process.terminate()
        self._process.wait(timeout=90)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The supervisor of the servers; none of them runs before it is used."""
    running = Servers(tmp_path_factory.mktemp("servers"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def bootstrap(servers: Servers) -> str:
    """Kafka: host:port of the broker."""
    servers.start("kafka")
    return servers.environment["SMARTSTORE_KAFKA_BOOTSTRAP"]


@pytest.fixture(scope="session")
def redis_url(servers: Servers) -> str:
    """Valkey: URL with password."""
    servers.start("valkey")
    return servers.environment["SMARTSTORE_REDIS_URL"]


@pytest.fixture(scope="session")
def postgres_dsn(servers: Servers) -> str:
    """Postgres: libpq URL of the owner, of a database that all tests share; see `database`."""
    servers.start("postgres")
    return servers.environment["SMARTSTORE_POSTGRES_DSN"]


@pytest.fixture(scope="session")
def postgres_superuser_dsn(servers: Servers, postgres_dsn: str) -> str:
    """Postgres: libpq URL of the superuser, database `postgres`."""
    secrets = json.loads((servers.data_dir / "secrets.json").read_text())
    address = postgres_dsn.rpartition("@")[2].partition("/")[0]
    return f"postgresql://postgres:{secrets['postgres-superuser-password']}@{address}/postgres"


@pytest.fixture(scope="session")
def connect_url(servers: Servers, bootstrap: str) -> str:
    """Kafka Connect: URL of its REST interface. The worker knows the password of the owner of Postgres."""
    servers.start("connect")
    return servers.environment["SMARTSTORE_CONNECT_URL"]


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics, streams and consumer groups that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}_"


@pytest.fixture
def database(postgres_dsn: str, postgres_superuser_dsn: str) -> Iterator[str]:
    """Postgres: libpq URL of an empty database of this test alone, which the usual owner owns."""
    name = f"t{uuid.uuid4().hex[:10]}"
    owner = postgres_dsn.partition("://")[2].partition(":")[0]
    _administer(postgres_superuser_dsn, f"CREATE DATABASE {name} OWNER {owner}")
    yield f"{postgres_dsn.rpartition('/')[0]}/{name}"
    _administer(postgres_superuser_dsn, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(dsn: str, statement: str) -> None:
    connection = psycopg2.connect(dsn)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
