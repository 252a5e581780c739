"""Kafka Connect as one distributed worker."""

from smartstore_operator.api.scalars import mebibytes
from smartstore_operator.render.component import Component
from smartstore_operator.render.context import (
    JVM_ENVIRONMENT,
    Context,
    console_logging,
    http_probe,
    jvm_memory,
    jvm_options,
    properties,
)

NAME = "connect"
SECRETS = "env:"
"""How a connector refers to a variable of the worker, so that no password lies in Connect's topics."""


def component(context: Context) -> Component:
    """The worker."""
    platform = context.platform
    logging = f"-Dlog4j2.configurationFile={context.config_file(NAME, 'log4j2.properties')}"
    return Component(
        name=NAME,
        programs="kafka",
        argv=(
            context.java,
            *jvm_options(mebibytes(context.spec.connect.heap)),
            logging,
            "-cp",
            f"{platform.connect_jars}/*",
            "org.apache.kafka.connect.cli.ConnectDistributed",
            context.config_file(NAME, "worker.properties"),
        ),
        environment={**JVM_ENVIRONMENT, **context.connector_passwords},
        files={"worker.properties": _worker(context), "log4j2.properties": _logging()},
        ports={"connect": platform.ports["connect"]},
        probe=http_probe("connect", "/health"),
        needs=("kafka",),
        memory=jvm_memory(mebibytes(context.spec.connect.heap)),
        reaches=("kafka", "postgres"),
        stop_seconds=30.0,
    )


def group_settings(context: Context) -> dict[str, str]:
    """What all workers of the group have in common, wherever they run."""
    converter = "org.apache.kafka.connect.json.JsonConverter"
    replication = str(context.kafka_replication)
    return {
        "plugin.discovery": "service_load",
        "key.converter": converter,
        "key.converter.schemas.enable": "false",
        "value.converter": converter,
        "value.converter.schemas.enable": "false",
        "config.storage.replication.factor": replication,
        "offset.storage.partitions": "1",
        "offset.storage.replication.factor": replication,
        "status.storage.partitions": "1",
        "status.storage.replication.factor": replication,
        "offset.flush.interval.ms": "5000",
        # The only worker: nobody is waited for when it joins, and a killed one is forgotten soon.
        "scheduled.rebalance.max.delay.ms": "0",
        "session.timeout.ms": "6000",
        "heartbeat.interval.ms": "2000",
        "task.shutdown.graceful.timeout.ms": "5000",
        "consumer.max.poll.records": "3000",
        "config.providers": "env",
        "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
        "config.providers.env.param.allowlist.pattern": "|".join(context.connector_passwords),
    }


def group_id(estate: str) -> str:
    """Name of the group of workers, and the beginning of its topics' names."""
    return f"{estate}-connect"


def _worker(context: Context) -> str:
    group = group_id(context.name)
    return properties(
        {
            "bootstrap.servers": context.kafka_bootstrap,
            "group.id": group,
            "listeners": f"http://{context.platform.listener('connect')}",
            "rest.advertised.host.name": context.platform.host("connect"),
            "plugin.path": context.platform.connect_plugins,
            "config.storage.topic": f"{group}-configs",
            "offset.storage.topic": f"{group}-offsets",
            "status.storage.topic": f"{group}-status",
            **group_settings(context),
        }
    )


def _logging() -> str:
    return console_logging(
        {
            "org.apache.kafka.connect.runtime.Connect": "INFO",
            "org.apache.kafka.connect.runtime.WorkerSinkTask": "INFO",
            "io.debezium": "INFO",
        }
    )
