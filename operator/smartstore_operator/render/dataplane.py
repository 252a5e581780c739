"""The processes of our own: `python -m smartstore.<part>` with their environment (docs/architecture.md, Processes)."""

from collections.abc import Mapping
from typing import Literal

from smartstore_operator.api.scalars import mebibytes, milliseconds
from smartstore_operator.render import connect
from smartstore_operator.render.component import Component
from smartstore_operator.render.context import Context, http_probe

RUN_FILE = "run.json"
METRICS_PARTS = ("world", "bridge", "hot", "connectors")
"""The services; each serves metrics and health."""


def topics(context: Context) -> Component:
    """One shot: creates the topics."""
    extra = {"SMARTSTORE_KAFKA_REPLICATION": str(context.kafka_replication)}
    return _component(
        context, "topics", "smartstore.ingest.topics", kind="oneshot", needs=("kafka",), extra=extra
    )


def migrate(context: Context) -> Component:
    """One shot: brings Postgres to the current schema."""
    return _component(
        context,
        "migrate",
        "smartstore.serving.migrate",
        kind="oneshot",
        needs=("postgres",),
        extra=context.connector_passwords,
    )


def connectors(context: Context) -> Component:
    """Keeps the connectors as declared."""
    needs = ("connect", "migrate", "topics")
    extra = context.connector_passwords
    if context.spec.connect.type == "Managed":
        extra["SMARTSTORE_CONNECT_SECRETS"] = connect.SECRETS
    return _component(context, "connectors", "smartstore.serving.connectors", needs=needs, extra=extra)


def bridge(context: Context) -> Component:
    """Redis Streams → Kafka."""
    return _component(context, "bridge", "smartstore.ingest.bridge", needs=("valkey", "topics"))


def world(context: Context) -> Component:
    """Clock, source, ledger."""
    return _component(context, "world", "smartstore.world", needs=("valkey", "topics"), stop_seconds=30.0)


def hot(context: Context) -> Component:
    """The stock jobs on Spark, a driver in local mode."""
    hot = context.spec.streaming.hot
    environment = {
        "JAVA_HOME": context.platform.java_home,
        "MALLOC_ARENA_MAX": "2",
        "PYSPARK_PYTHON": context.platform.python,
        "SMARTSTORE_SPARK_JARS": context.platform.spark_jars,
        "SMARTSTORE_HOT_TRIGGER_MS": str(milliseconds(hot.trigger)),
        "SMARTSTORE_HOT_MAX_RECORDS": str(hot.max_records_per_trigger),
        "SMARTSTORE_SPARK_DRIVER_MEMORY": f"{mebibytes(hot.driver_memory)}m",
        "SMARTSTORE_SPARK_CORES": str(context.platform.cores),
        "SMARTSTORE_HOT_SHUFFLE_PARTITIONS": str(hot.shuffle_partitions),
        "SPARK_LOCAL_IP": context.platform.host,
    }
    return _component(
        context, "hot", "smartstore.streaming.hot", needs=("topics",), extra=environment, stop_seconds=30.0
    )


def _component(
    context: Context,
    name: str,
    module: str,
    *,
    needs: tuple[str, ...],
    kind: Literal["service", "oneshot"] = "service",
    extra: Mapping[str, str] | None = None,
    stop_seconds: float = 20.0,
) -> Component:
    port = metrics_port(name)
    has_metrics = name in METRICS_PARTS
    environment = _environment(context, name) | dict(extra or {})
    if has_metrics:
        environment["SMARTSTORE_METRICS_PORT"] = str(context.platform.ports[port])
    return Component(
        name=name,
        argv=(context.platform.python, "-m", module),
        environment=environment,
        files={RUN_FILE: context.run_file},
        ports={port: context.platform.ports[port]} if has_metrics else {},
        probe=http_probe(port) if has_metrics else None,
        state_dir=context.platform.state_dir(name),
        needs=needs,
        kind=kind,
        stop_seconds=stop_seconds,
    )


def metrics_port(component: str) -> str:
    """Name of the port a component serves metrics and health on."""
    return f"{component}-metrics"


def _environment(context: Context, name: str) -> dict[str, str]:
    return {
        "SMARTSTORE_RUN_FILE": context.config_file(name, RUN_FILE),
        "SMARTSTORE_DATA_DIR": context.platform.state_dir(name),
        "SMARTSTORE_KAFKA_BOOTSTRAP": context.kafka_bootstrap,
        "SMARTSTORE_KAFKA_PARTITIONS": str(context.spec.kafka.partitions),
        "SMARTSTORE_REDIS_URL": context.redis_url,
        "SMARTSTORE_POSTGRES_DSN": context.postgres_dsn,
        "SMARTSTORE_CONNECT_URL": context.connect_url,
        "SMARTSTORE_METRICS_HOST": context.platform.host,
        "SMARTSTORE_LOG_FORMAT": context.platform.log_format,
    }
