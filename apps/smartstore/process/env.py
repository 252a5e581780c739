"""The process environment: where to connect, where to keep state (see docs/architecture.md, Processes)."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, get_args

from msgspec import Struct

from smartstore.contracts import brokers as kafka
from smartstore.contracts.brokers import Brokers, Login, Mechanism, Protocol
from smartstore.contracts.settings import RunSettings, load_run_settings

_Text = TypeVar("_Text", bound=str)


class MissingSetting(SystemExit):
    """A variable that must be set is not; exits with one line that names it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not set; docs/architecture.md lists what each process needs")


class WrongSetting(SystemExit):
    """A variable has a value that cannot be used; exits with one line that names it."""

    def __init__(self, name: str, complaint: str) -> None:
        super().__init__(f"{name} {complaint}")


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
    def brokers(self) -> Brokers:
        """How to reach Kafka.

        Raises:
            MissingSetting: no brokers, or no user and password where they want a login.
            WrongSetting: a kind of connection that there is not, certificates that cannot be read.
        """
        protocol = self._choice(kafka.PROTOCOL, get_args(Protocol))
        has_tls, has_login = protocol.endswith("SSL"), protocol.startswith("SASL")
        return Brokers(
            bootstrap=self.require(kafka.BOOTSTRAP),
            tls=has_tls,
            ca_file=self._readable(kafka.CA_FILE) if has_tls else "",
            login=self._login() if has_login else None,
        )

    def _login(self) -> Login:
        return Login(
            mechanism=self._choice(kafka.MECHANISM, get_args(Mechanism)),
            username=self.require(kafka.USERNAME),
            password=self.require(kafka.PASSWORD),
        )

    def _choice(self, name: str, allowed: tuple[_Text, ...]) -> _Text:
        """The variable's value, by default the first one allowed."""
        given = self.variables.get(name, "")
        for value in allowed:
            if given in (value, ""):
                return value
        raise WrongSetting(name, f"is {given!r}; {', '.join(allowed)} are allowed")

    def _readable(self, name: str) -> str:
        """The path of a file that can be read; empty when the variable is."""
        path = self.variables.get(name, "")
        try:
            if path:
                Path(path).read_bytes()
        except OSError as error:
            raise WrongSetting(name, f"is {path}, which cannot be read: {error.strerror}") from None
        return path

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
