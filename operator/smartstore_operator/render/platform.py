"""What differs between the places a SmartStore runs on: one machine, or the pods of a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Operator = Literal["Strimzi", "SparkOperator", "CloudNativePG"]
"""An operator of somebody else that runs a part of a SmartStore where `Platform.operators` has it."""

LOOPBACK = "127.0.0.1"
"""Where a component reaches itself."""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Paths, ports and secrets of a place, chosen by the applier. All paths are absolute."""

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
    kafka_ca: str = ""
    """Certificates (PEM) that those of the brokers must be signed by; empty: what each client's system trusts."""
    savepoint: str | None = None
    """Name of the savepoint from which the stock jobs begin where there is no checkpoint."""
    cores: int = 2
    """Processor cores that Spark may use."""
    listen: str = LOOPBACK
    """The only address that anything listens on."""
    clients: str = f"{LOOPBACK}/32"
    """The network that clients come from, as Postgres names it."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Host by name of a port, where others reach it by another name than `listen`."""
    log_format: Literal["text", "json"] = "text"
    operators: frozenset[Operator] = frozenset()
    """What runs under other operators; on one machine nothing does, whatever the spec says."""

    def config_dir(self, component: str) -> str:
        """Where the files of a component are written before it starts."""
        return f"{self.data_dir}/config/{component}"

    def state_dir(self, component: str) -> str:
        """What a component keeps across restarts."""
        return f"{self.data_dir}/state/{component}"

    def address(self, port: str) -> str:
        """`host:port` by which others reach a named port."""
        return f"{self.host(port)}:{self.ports[port]}"

    def host(self, port: str) -> str:
        """The host by which others reach a named port."""
        return self.hosts.get(port, self.listen)

    def listener(self, port: str) -> str:
        """`host:port` that the owner of a named port listens on."""
        return f"{self.listen}:{self.ports[port]}"

    def own(self, port: str) -> str:
        """`host:port` by which a component reaches its own named port."""
        return f"{LOOPBACK}:{self.ports[port]}"


def has_certificate(text: str) -> bool:
    """Whether a text can be `Platform.kafka_ca`."""
    return "-----BEGIN CERTIFICATE-----" in text


@dataclass(frozen=True, kw_only=True)
class PortRequest:
    """A port that a SmartStore needs."""

    name: str
    component: str
    preferred: int
    """The port in a cluster, where every component has an address of its own."""
    given: int | None
    """The port that the user asks for on one machine: one in use is an error. Without it any free one will do."""
