"""The process environment: where to connect, where to keep state (see docs/architecture.md, Processes)."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from smartstore.contracts.settings import RunSettings, load_run_settings


class MissingSetting(SystemExit):
    """A variable that must be set is not; exits with one line that names it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not set; docs/architecture.md lists what each process needs")


class Environment(Struct, frozen=True, kw_only=True):
    """The variables of one process, read once at start."""

    variables: Mapping[str, str]

    @classmethod
    def from_os(cls) -> "Environment":
        """Read the variables of this process."""
        return cls(variables=dict(os.environ))

    def require(self, name: str) -> str:
        """The variable's value; raises `MissingSetting` when it is empty or missing."""
        value = self.variables.get(name, "")
        if not value:
            raise MissingSetting(name)
        return value

    @property
    def kafka_bootstrap(self) -> str:
        """Brokers, host:port, comma separated."""
        return self.require("SMARTSTORE_KAFKA_BOOTSTRAP")

    @property
    def partitions(self) -> int:
        """Partitions of every topic."""
        return int(self.require("SMARTSTORE_KAFKA_PARTITIONS"))

    @property
    def prefix(self) -> str:
        """Prefix of all topic and stream names."""
        return self.variables.get("SMARTSTORE_TOPIC_PREFIX", "")

    @property
    def redis_url(self) -> str:
        """redis://:password@host:port/0."""
        return self.require("SMARTSTORE_REDIS_URL")

    @property
    def postgres_dsn(self) -> str:
        """libpq URL."""
        return self.require("SMARTSTORE_POSTGRES_DSN")

    @property
    def connect_url(self) -> str:
        """Kafka Connect's REST address."""
        return self.require("SMARTSTORE_CONNECT_URL")

    @property
    def data_dir(self) -> Path:
        """This component's own state directory."""
        return Path(self.require("SMARTSTORE_DATA_DIR"))

    @property
    def metrics_address(self) -> tuple[str, int]:
        """Host and port for metrics and health; port 0 = none served."""
        host = self.variables.get("SMARTSTORE_METRICS_HOST", "127.0.0.1")
        return host, int(self.variables.get("SMARTSTORE_METRICS_PORT", "0") or 0)

    def run_settings(self) -> RunSettings:
        """The run's settings, from `SMARTSTORE_RUN_FILE`."""
        return load_run_settings(Path(self.require("SMARTSTORE_RUN_FILE")))
