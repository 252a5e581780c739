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


def _worker(context: Context) -> str:
    group = f"{context.name}-connect"
    converter = "org.apache.kafka.connect.json.JsonConverter"
    return properties(
        {
            "bootstrap.servers": context.kafka_bootstrap,
            "group.id": group,
            "listeners": f"http://{context.platform.listener('connect')}",
            "rest.advertised.host.name": context.platform.host("connect"),
            "plugin.path": context.platform.connect_plugins,
            "plugin.discovery": "service_load",
            "key.converter": converter,
            "key.converter.schemas.enable": "false",
            "value.converter": converter,
            "value.converter.schemas.enable": "false",
            "config.storage.topic": f"{group}-configs",
            "config.storage.replication.factor": context.kafka_replication,
            "offset.storage.topic": f"{group}-offsets",
            "offset.storage.partitions": 1,
            "offset.storage.replication.factor": context.kafka_replication,
            "status.storage.topic": f"{group}-status",
            "status.storage.partitions": 1,
            "status.storage.replication.factor": context.kafka_replication,
            "offset.flush.interval.ms": 5_000,
            # The only worker: nobody is waited for when it joins, and a killed one is forgotten soon.
            "scheduled.rebalance.max.delay.ms": 0,
            "session.timeout.ms": 6_000,
            "heartbeat.interval.ms": 2_000,
            "task.shutdown.graceful.timeout.ms": 5_000,
            "consumer.max.poll.records": 3_000,
            "config.providers": "env",
            "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
            "config.providers.env.param.allowlist.pattern": "|".join(context.connector_passwords),
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
