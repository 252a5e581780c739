"""What differs between the places a SmartStore runs on; this is one machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Paths, ports and secrets of one machine, chosen by the applier. All paths are absolute."""

    python: str
    """The Python that has the data plane installed."""
    java_home: str
    kafka_jars: str
    """Directory with the jars of the Kafka broker."""
    connect_jars: str
    """Directory with the jars of the Kafka Connect worker."""
    connect_plugins: str
    """Directory with one directory per Connect plugin."""
    spark_jars: str
    """Directory with the jars that Spark needs beside its own."""
    postgres_bin: str
    valkey_server: str
    data_dir: str
    """Everything that is kept: `config/<component>` and `state/<component>` lie below it."""
    ports: Mapping[str, int]
    """A free port for every name that `port_requests` gives."""
    secrets: Mapping[str, str]
    """A value for every name that `secret_names` gives."""
    cluster_id: str
    """Kafka's cluster id: 16 random bytes, URL-safe base64 without padding; chosen once per data directory."""
    savepoint: str | None = None
    """Name of the savepoint from which the stock jobs begin where there is no checkpoint."""
    cores: int = 2
    """Processor cores that Spark may use."""
    host: str = "127.0.0.1"
    """The only address that anything listens on."""
    log_format: Literal["text", "json"] = "text"

    def config_dir(self, component: str) -> str:
        """Where the files of a component are written before it starts."""
        return f"{self.data_dir}/config/{component}"

    def state_dir(self, component: str) -> str:
        """What a component keeps across restarts."""
        return f"{self.data_dir}/state/{component}"

    def address(self, port: str) -> str:
        """`host:port` of a named port."""
        return f"{self.host}:{self.ports[port]}"


@dataclass(frozen=True, kw_only=True)
class PortRequest:
    """A port that a SmartStore needs on one machine."""

    name: str
    component: str
    preferred: int
    required: bool
    """Whether the user asked for exactly this port: then a port in use is an error, else any free one will do."""
