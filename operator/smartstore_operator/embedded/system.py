"""One SmartStore on this machine: the file, the data directory, the tools, and the components that follow from them."""

import base64
import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from smartstore.contracts.brokers import CA_FILE
from smartstore_operator.api.load import load_smartstore, with_stores
from smartstore_operator.api.problems import SpecError
from smartstore_operator.api.services import ExternalChoice
from smartstore_operator.api.smartstore import SmartStore
from smartstore_operator.embedded import ports, toolchain
from smartstore_operator.embedded.datadir import DataDir, write_json, write_text
from smartstore_operator.embedded.errors import PreflightError
from smartstore_operator.embedded.savepoints import HOT_FACT
from smartstore_operator.render import Platform, Rendered, port_requests, render, secret_names
from smartstore_operator.render.context import BUCKET_KEYS, KAFKA_CA
from smartstore_operator.render.platform import has_certificate

LEAST_FREE_BYTES = 2 * 1024**3
"""A replayed week with Kafka's copies of it needs about one GiB."""

_STORES = "stores"
"""The fact of a data directory that says how many stores the last file asked for, and how many are open."""

_PORT_FIELDS = {
    "kafka": "spec.kafka.port",
    "valkey": "spec.redis.port",
    "postgres": "spec.postgres.port",
    "connect": "spec.connect.port",
    "gateway": "spec.source.external.port",
}
_OF_OTHERS = {
    "kafka-password": ("SMARTSTORE_KAFKA_PASSWORD", "kafka"),
    "redis-password": ("SMARTSTORE_REDIS_PASSWORD", "redis"),
    "postgres-password": ("SMARTSTORE_POSTGRES_PASSWORD", "postgres"),
    **{name: (variable, "lake") for name, variable in BUCKET_KEYS.items()},
}
"""Variables with what opens the systems of others, which we cannot generate, and their blocks of the spec."""


@dataclass(frozen=True, kw_only=True)
class System:
    """What `smartstore up` starts."""

    smartstore: SmartStore
    data: DataDir
    platform: Platform
    rendered: Rendered

    def facts(self) -> dict[str, Any]:
        """What the spec says of the running system, for `status`."""
        return {
            "name": self.smartstore.name,
            "stores": self.smartstore.spec.stores,
            "data_dir": str(self.data.root),
            "endpoints": {**self.rendered.endpoints, "metrics": self.metrics_urls()},
        }

    def metrics_urls(self) -> dict[str, str]:
        """Metrics pages by component."""
        return {
            component.name: f"http://{ports.HOST}:{port}/metrics"
            for component in self.rendered.components
            for name, port in component.ports.items()
            if name.endswith("-metrics")
        }

    def write(self) -> None:
        """Write all that the components and their clients read."""
        self.data.write_files(self.rendered.components)
        self.write_run_file()
        if self.platform.kafka_ca:
            write_text(self.data.root / KAFKA_CA, self.platform.kafka_ca, mode=0o644)
        write_json(self.data.client_file, self.client_environment(), mode=0o600)

    def with_stores(self, stores: int) -> "System":
        """The running system with another number of stores: written down, for processes that follow their run file and
        for the next start; nothing is restarted.

        Raises:
            SpecError: there cannot be so many.
        """
        smartstore = with_stores(self.smartstore, stores)
        scaled = replace(self, smartstore=smartstore, rendered=render(smartstore, self.platform))
        self.data.note(_STORES, {**self.data.fact(_STORES), "open": stores})
        self.data.replace_files(scaled.rendered.components)
        scaled.write_run_file()
        return scaled

    def write_run_file(self) -> None:
        """Write the run's settings for those who look from beside."""
        settings = msgspec.json.encode(self.rendered.run_settings).decode()
        write_text(self._run_file, settings, mode=0o644)

    @property
    def _run_file(self) -> Path:
        return self.data.root / "run.json"

    def client_environment(self) -> dict[str, str]:
        """The variables of docs/architecture.md for a process that looks at the system from beside it."""
        return {
            "SMARTSTORE_RUN_FILE": str(self._run_file),
            "SMARTSTORE_DATA_DIR": str(self.data.root),
            **self.rendered.brokers.variables(),
            "SMARTSTORE_KAFKA_PARTITIONS": str(self.smartstore.spec.kafka.partitions),
            "SMARTSTORE_REDIS_URL": self.rendered.redis_url,
            "SMARTSTORE_POSTGRES_DSN": self.rendered.postgres_dsn,
            "SMARTSTORE_CONNECT_URL": self.rendered.connect_url,
            **self.rendered.lake_variables,
            "SMARTSTORE_LEDGER_DIR": str(self.data.state("world") / "ledger"),
        }


def load(file: Path, data_dir: Path | None) -> tuple[SmartStore, DataDir]:
    """Read the file and say where its data are: `data_dir`, else `.smartstore/<name>` below the current directory.

    Raises:
        SpecError: the file is no valid SmartStore.
    """
    smartstore = load_smartstore(file)
    return smartstore, DataDir(data_dir or Path.cwd() / ".smartstore" / smartstore.name)


def prepare(smartstore: SmartStore, data: DataDir, environment: Mapping[str, str] = os.environ) -> System:
    """Check all that can be checked before the first start, and render. The caller holds the data directory's lock.

    Raises:
        PreflightError: the disk is full, a port is in use, a password is missing, the data belong to other settings.
        ToolchainError: a tool is missing or damaged.
    """
    _demand_space(data.root)
    _demand_same_partitions(smartstore, data)
    _demand_same_shards(smartstore, data)
    platform = _platform(smartstore, data, environment)
    smartstore = _as_scaled(smartstore, data)
    return System(smartstore=smartstore, data=data, platform=platform, rendered=render(smartstore, platform))


def _as_scaled(smartstore: SmartStore, data: DataDir) -> SmartStore:
    """With the stores that `smartstore scale` asked for last, unless the file asks for another number since then."""
    in_file, kept = smartstore.spec.stores, data.fact(_STORES)
    stores = kept["open"] if kept and kept["file"] == in_file else in_file
    data.note(_STORES, {"file": in_file, "open": stores})
    return with_stores(smartstore, stores)


class Applied:
    """The running system as it was applied last."""

    def __init__(self, system: System) -> None:
        self.system = system

    def scale(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a request for another number of `stores`."""
        before = self.system.smartstore.spec.stores
        try:
            self.system = self.system.with_stores(int(request["stores"]))
        except SpecError as error:
            return {"error": str(error)}
        return {"before": before, "stores": self.system.smartstore.spec.stores}


def _platform(smartstore: SmartStore, data: DataDir, environment: Mapping[str, str]) -> Platform:
    return Platform(
        python=sys.executable,
        java_home=str(toolchain.java_home()),
        kafka_jars=str(toolchain.jar_dir("kafka")),
        connect_jars=str(toolchain.jar_dir("connect")),
        connect_plugins=str(toolchain.plugin_dir()),
        spark_jars=str(toolchain.jar_dir("spark")),
        postgres_bin=str(toolchain.postgres_bin()),
        valkey_server=str(toolchain.valkey_server()),
        data_dir=str(data.root),
        ports=_ports(smartstore, data),
        secrets={name: _secret(name, smartstore, data, environment) for name in secret_names(smartstore)},
        kafka_ca=_kafka_ca(smartstore, environment),
        cluster_id=str(data.remember("cluster_id", _new_cluster_id)),
        savepoint=data.fact(HOT_FACT)["savepoint"],
    )


def _ports(smartstore: SmartStore, data: DataDir) -> dict[str, int]:
    requests = port_requests(smartstore)
    fixed = {request.name: request.given for request in requests if request.given is not None}
    ports.demand_free({_PORT_FIELDS.get(name, name): port for name, port in fixed.items()})
    free = [request.name for request in requests if request.given is None]
    return {**fixed, **ports.choose(free, data.root / "ports.json", taken=fixed.values())}


def _secret(name: str, smartstore: SmartStore, data: DataDir, environment: Mapping[str, str]) -> str:
    variable, block = _OF_OTHERS.get(name, ("", ""))
    system = getattr(smartstore.spec, block) if block else None
    if not isinstance(system, ExternalChoice) or system.type != system.external_type:
        return data.secret(name)
    if not environment.get(variable):
        what = "a key" if block == "lake" else "the password"
        raise PreflightError(
            f"{what} of the external {block} is not known", f"spec.{block}", f"set {variable}"
        )
    return environment[variable]


def _kafka_ca(smartstore: SmartStore, environment: Mapping[str, str]) -> str:
    """The certificate authority of External brokers, from the file that the user names."""
    tls, path = smartstore.spec.kafka.tls, environment.get(CA_FILE, "")
    if tls is None or (tls.ca_secret is None and not path):
        return ""
    try:
        text = Path(path).read_text()
    except (OSError, ValueError):
        text = ""
    if not has_certificate(text):
        raise PreflightError(
            "the certificate authority of the external kafka is not known",
            "spec.kafka.tls.caSecret",
            f"set {CA_FILE} to a file with its certificate (PEM)",
        )
    return text


def _demand_space(directory: Path) -> None:
    free = shutil.disk_usage(directory).free
    if free < LEAST_FREE_BYTES:
        raise PreflightError(
            f"the disk has {free / 1024**3:.1f} GiB left, {LEAST_FREE_BYTES / 1024**3:.0f} GiB are needed",
            directory,
            "free some space, or choose another disk by --data-dir",
        )


def _demand_same_partitions(smartstore: SmartStore, data: DataDir) -> None:
    """A store's partition follows from their number, so existing topics cannot take another one."""
    wanted = smartstore.spec.kafka.partitions
    kept = data.remember("partitions", lambda: wanted)
    if kept != wanted:
        raise PreflightError(
            f"the data directory was made with {kept} partitions, the file asks for {wanted}",
            "spec.kafka.partitions",
            f"set it back to {kept}, or start anew by `smartstore reset`",
        )


def _demand_same_shards(smartstore: SmartStore, data: DataDir) -> None:
    """The stores' state lies in the checkpoints of as many applications as there were at the first start."""
    wanted, kept = smartstore.spec.streaming.hot.shards, data.fact(HOT_FACT) or {}
    if kept.get("shards") not in (None, wanted):
        raise PreflightError(
            f"the stores' state lies in {kept['shards']} shards, the file asks for {wanted}",
            "spec.streaming.hot.shards",
            f"start it with {kept['shards']}, then `smartstore savepoint create`, `smartstore down`, `smartstore "
            "savepoint restore NAME`; the next start may have another number",
        )
    data.note(HOT_FACT, {"shards": wanted, "savepoint": kept.get("savepoint")})


def _new_cluster_id() -> str:
    """16 random bytes, URL-safe base64 without padding; no leading dash, which a command line takes for an option."""
    while True:
        text = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        if not text.startswith("-"):
            return text
