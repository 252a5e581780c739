"""The processes of our own: `python -m smartstore.<part>` with their environment (docs/architecture.md, Processes)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from smartstore.contracts.applications import hot_applications
from smartstore_operator.api.scalars import mebibytes, milliseconds
from smartstore_operator.api.smartstore import Spec
from smartstore_operator.render import connect
from smartstore_operator.render.component import Component, Kind
from smartstore_operator.render.context import (
    JVM_ENVIRONMENT,
    KAFKA_CA,
    LATE_OPTIMIZING,
    Context,
    connector_names,
    has_gateway,
    http_probe,
    jvm_memory,
)
from smartstore_operator.render.platform import LOOPBACK

RUN_FILE = "run.json"
SAVEPOINTS = "savepoints"
"""Where savepoints lie below the directory of state."""
GATEWAY = "gateway"
BACKUP = "backup"
HOT_READY_SECONDS = 900.0
"""The first micro-batch may be large: of hundreds of stores that open, or of an application that was away for long."""
PYTHON_MEMORY = 256
WORLD_MEMORY = 1536
"""MiB; most of it is for reading the recorded data, once."""
VERIFY_MEMORY = 2048
"""MiB; it holds the whole ledger as objects."""
PYTHON_WORKERS_MEMORY = 768
"""MiB of the Python workers of the stock jobs, with their states."""

Access = Literal["run", "kafka", "redis", "postgres", "keys", "connect", "lake"]
"""What a process gets to know: the run's settings, or where a system is and its password; no more than it needs."""

_REACHES: Mapping[Access, tuple[str, ...]] = {
    "run": (),
    "kafka": ("kafka",),
    "redis": ("valkey",),
    "postgres": ("postgres",),
    "keys": ("postgres",),
    "connect": ("connect",),
    "lake": (),
}


def topics(context: Context) -> Component:
    """One shot: creates the topics."""
    extra = {"SMARTSTORE_KAFKA_REPLICATION": str(context.kafka_replication)}
    process = _Process(name="topics", module="smartstore.ingest.topics", access=("kafka",), needs=("kafka",))
    return _component(context, process, kind="oneshot", extra=extra)


def migrate(context: Context) -> Component:
    """One shot: brings Postgres to the current schema."""
    access: tuple[Access, ...] = ("run", "postgres")
    process = _Process(
        name="migrate", module="smartstore.serving.migrate", access=access, needs=("postgres",)
    )
    extra = {**context.connector_passwords, **context.gateway_password}
    return _component(context, process, kind="oneshot", extra=extra)


def connectors(context: Context) -> Component:
    """Keeps the connectors as declared."""
    extra = context.connector_passwords
    if context.spec.connect.type == "Managed":
        extra["SMARTSTORE_CONNECT_SECRETS"] = connect.SECRETS
    if context.has_connector_resources:
        extra["SMARTSTORE_CONNECTOR_NAMES"] = connector_names(context.name)
        extra["SMARTSTORE_CONNECTORS_ARE_RESOURCES"] = "true"
    process = _Process(
        name="connectors",
        module="smartstore.serving.connectors",
        access=("kafka", "postgres", "connect"),
        needs=("connect", "migrate", "topics"),
    )
    return _component(context, process, extra=extra)


def bridge(context: Context) -> Component:
    """Redis Streams → Kafka."""
    access: tuple[Access, ...] = ("kafka", "redis")
    process = _Process(
        name="bridge", module="smartstore.ingest.bridge", access=access, needs=("valkey", "topics")
    )
    return _component(context, process)


def world(context: Context) -> Component:
    """Clock, source, ledger."""
    access: tuple[Access, ...] = ("run", "kafka", "redis")
    process = _Process(name="world", module="smartstore.world", access=access, needs=("valkey", "topics"))
    return replace(_component(context, process, stop_seconds=30.0), memory=WORLD_MEMORY)


def verify(context: Context) -> Component:
    """When asked: recompute everything from the ledger and compare."""
    return _auditor(context, "verify", "smartstore.verify")


def verify_lake(context: Context) -> Component:
    """When asked: compare the lake with the topics. A task of its own, since two volumes may be on two nodes."""
    access: tuple[Access, ...] = ("kafka", "lake")
    process = _Process(name="verify-lake", module="smartstore.verify.lake", access=access, needs=())
    component = _component(context, process, kind="task")
    beside = None if context.spec.lake.bucket else "lake"
    return replace(component, programs="spark", memory=VERIFY_MEMORY, reads_state_of=beside)


def report(context: Context) -> Component:
    """When asked: how well the stores were served."""
    return _auditor(context, "report", "smartstore.verify.retail")


def _auditor(context: Context, name: str, module: str) -> Component:
    access: tuple[Access, ...] = ("run", "kafka", "postgres")
    extra = {"SMARTSTORE_LEDGER_DIR": f"{context.platform.state_dir('world')}/ledger"}
    process = _Process(name=name, module=module, access=access, needs=())
    component = _component(context, process, kind="task", extra=extra)
    return replace(component, memory=VERIFY_MEMORY, reads_state_of="world")


def backup(context: Context) -> Component:
    """By the clock, and when asked: the database as a file; and back."""
    backups = context.spec.postgres.backups
    extra = {"SMARTSTORE_POSTGRES_PROGRAMS": context.platform.postgres_bin}
    process = _Process(name=BACKUP, module="smartstore.serving.backup", access=("postgres",), needs=())
    component = _component(context, process, kind="task", extra=extra)
    argv = (*component.argv, "create", "--keep", str(backups.keep))
    return replace(component, argv=argv, schedule=backups.schedule, volume=backups.size)


def gateway(context: Context) -> Component:
    """HTTP → Redis Streams. It comes after the clock, so that what it takes can be judged by the time."""
    port = context.platform.ports[GATEWAY]
    extra = {
        "SMARTSTORE_GATEWAY_HOST": context.platform.listen,
        "SMARTSTORE_GATEWAY_PORT": str(port),
        "SMARTSTORE_GATEWAY_RECORDS_PER_SECOND": str(context.spec.source.external.records_per_second),
    }
    process = _Process(
        name=GATEWAY,
        module="smartstore.gateway",
        access=("run", "redis", "keys"),
        needs=("valkey", "migrate", "world"),
    )
    component = _component(context, process, extra=extra)
    ports = {GATEWAY: port, **component.ports}
    return replace(component, ports=ports, probe=http_probe(GATEWAY, "/readyz"))


def hot(context: Context) -> tuple[Component, ...]:
    """The stock jobs on Spark, a driver in local mode for each shard."""
    shards = context.spec.streaming.hot.shards
    return tuple(_hot(context, shard, name) for shard, name in enumerate(hot_applications(shards)))


def _hot(context: Context, shard: int, name: str) -> Component:
    hot, savepoints = context.spec.streaming.hot, context.platform.state_dir(SAVEPOINTS)
    extra = {
        **_spark_driver(context, hot.driver_memory),
        "SMARTSTORE_HOT_TRIGGER_MS": str(milliseconds(hot.trigger)),
        "SMARTSTORE_HOT_MAX_RECORDS": str(hot.max_records_per_trigger),
        "SMARTSTORE_HOT_SHUFFLE_PARTITIONS": str(hot.shuffle_partitions),
        "SMARTSTORE_HOT_SHARD": str(shard),
        "SMARTSTORE_HOT_SHARDS": str(hot.shards),
        "SMARTSTORE_SAVEPOINT_DIR": savepoints,
    }
    if context.platform.savepoint is not None:
        extra["SMARTSTORE_HOT_SAVEPOINT"] = f"{savepoints}/{context.platform.savepoint}"
    process = _Process(
        name=name, module="smartstore.streaming.hot", access=("run", "kafka"), needs=("topics",)
    )
    component = _component(context, process, extra=extra, stop_seconds=30.0)
    return replace(
        component,
        programs="spark",
        probe=http_probe(metrics_port(name), timeout_seconds=HOT_READY_SECONDS),
        memory=jvm_memory(mebibytes(hot.driver_memory)) + PYTHON_MEMORY + PYTHON_WORKERS_MEMORY,
    )


def lake(context: Context) -> Component:
    """Topics as Delta tables, by a second Spark driver in local mode; it starts after the live path."""
    lake, application = context.spec.lake, context.spec.streaming.lake
    extra = {
        **_spark_driver(context, application.driver_memory),
        "SMARTSTORE_LAKE_TRIGGER_MS": str(milliseconds(application.trigger)),
        "SMARTSTORE_LAKE_MAX_RECORDS": str(application.max_records_per_trigger),
        "SMARTSTORE_LAKE_RETENTION_HOURS": str(lake.retention // timedelta(hours=1)),
    }
    access: tuple[Access, ...] = ("kafka", "lake")
    process = _Process(name="lake", module="smartstore.lake", access=access, needs=("topics",))
    live = ("connectors", "bridge", *hot_applications(context.spec.streaming.hot.shards), "world")
    memory = jvm_memory(mebibytes(application.driver_memory)) + PYTHON_MEMORY
    component = _component(context, process, extra=extra, stop_seconds=40.0)
    return replace(component, programs="spark", after=live, memory=memory, volume=lake.size)


def _spark_driver(context: Context, memory: str) -> dict[str, str]:
    if context.has_spark_operator:  # it gives the driver whatever else it needs
        jars = context.platform.spark_jars
        return {**JVM_ENVIRONMENT, "SMARTSTORE_SPARK_SUBMITTED": "true", "SMARTSTORE_SPARK_JARS": jars}
    return {
        **JVM_ENVIRONMENT,
        "JAVA_HOME": context.platform.java_home,
        "PYSPARK_PYTHON": context.platform.python,
        "SPARK_LOCAL_IP": LOOPBACK,
        "SMARTSTORE_SPARK_JARS": context.platform.spark_jars,
        "SMARTSTORE_SPARK_CORES": str(context.platform.cores),
        "SMARTSTORE_SPARK_DRIVER_MEMORY": f"{mebibytes(memory)}m",
        "SMARTSTORE_SPARK_JAVA_OPTIONS": " ".join(LATE_OPTIMIZING),
    }


@dataclass(frozen=True, kw_only=True)
class _Process:
    name: str
    module: str
    access: tuple[Access, ...]
    needs: tuple[str, ...]


def _component(
    context: Context,
    process: _Process,
    *,
    kind: Kind = "service",
    extra: Mapping[str, str] | None = None,
    stop_seconds: float = 20.0,
) -> Component:
    name, platform = process.name, context.platform
    port = metrics_port(name)
    has_metrics = kind == "service"
    environment = {
        "SMARTSTORE_DATA_DIR": platform.state_dir(name),
        "SMARTSTORE_LOG_FORMAT": platform.log_format,
        **(extra or {}),
    }
    for access in process.access:
        environment |= _reach(context, name, access)
    if has_metrics:
        environment["SMARTSTORE_METRICS_HOST"] = platform.listen
        environment["SMARTSTORE_METRICS_PORT"] = str(platform.ports[port])
    return Component(
        name=name,
        argv=(platform.python, "-m", process.module),
        environment=environment,
        files=_files(context, process),
        ports={port: platform.ports[port]} if has_metrics else {},
        reaches=tuple(port for access in process.access for port in _reaches(context, access)),
        probe=http_probe(port) if has_metrics else None,
        state_dir=platform.state_dir(name),
        needs=process.needs,
        kind=kind,
        stop_seconds=stop_seconds,
    )


def _reaches(context: Context, access: Access) -> tuple[str, ...]:
    return ("lake",) if access == "lake" and context.spec.lake.bucket else _REACHES[access]


def _files(context: Context, process: _Process) -> dict[str, str]:
    run = {RUN_FILE: context.run_file} if "run" in process.access else {}
    return {**run, **(context.kafka_files if "kafka" in process.access else {})}


def metrics_parts(spec: Spec) -> tuple[str, ...]:
    """The services of our own that this SmartStore has."""
    lake = ("lake",) if spec.lake.enabled else ()
    gateway = (GATEWAY,) if has_gateway(spec) else ()
    hot = hot_applications(spec.streaming.hot.shards)
    return ("world", "bridge", *hot, "connectors", *lake, *gateway)


def metrics_port(component: str) -> str:
    """Name of the port a component serves metrics and health on."""
    return f"{component}-metrics"


def _reach(context: Context, name: str, access: Access) -> dict[str, str]:
    match access:
        case "run":
            return {"SMARTSTORE_RUN_FILE": context.config_file(name, RUN_FILE)}
        case "kafka":
            return {
                **context.brokers(context.config_file(name, KAFKA_CA)).variables(),
                "SMARTSTORE_KAFKA_PARTITIONS": str(context.spec.kafka.partitions),
            }
        case "redis":
            return {"SMARTSTORE_REDIS_URL": context.redis_url}
        case "postgres":
            return {"SMARTSTORE_POSTGRES_DSN": context.postgres_dsn}
        case "keys":
            return {"SMARTSTORE_POSTGRES_DSN": context.gateway_dsn}
        case "connect":
            return {"SMARTSTORE_CONNECT_URL": context.connect_url}
        case "lake":
            return context.lake_variables
