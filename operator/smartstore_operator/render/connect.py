"""Kafka Connect as one distributed worker."""

from smartstore.contracts.brokers import Brokers, group_id
from smartstore_operator.api.scalars import mebibytes
from smartstore_operator.render.component import Component
from smartstore_operator.render.context import (
    JVM_ENVIRONMENT,
    KAFKA_CA,
    Context,
    console_logging,
    http_probe,
    jvm_memory,
    jvm_options,
    properties,
)

NAME = "connect"
WORKER = "worker.properties"
"""The worker's file; the password for the brokers is in it, since a login is one setting of many words."""
SECRETS = "env:"
"""How a connector refers to a variable of the worker, so that no password lies in Connect's topics."""


def component(context: Context) -> Component:
    """The worker."""
    platform = context.platform
    brokers = context.brokers(context.config_file(NAME, KAFKA_CA))
    worker, open_files = {WORKER: _worker(context, brokers)}, {"log4j2.properties": _logging()}
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
            context.config_file(NAME, WORKER),
        ),
        environment={**JVM_ENVIRONMENT, **context.connector_passwords},
        files={**({} if brokers.login else worker), **open_files, **context.kafka_files},
        secret_files=worker if brokers.login else {},
        ports={"connect": platform.ports["connect"]},
        probe=http_probe("connect", "/health"),
        # Postgres: its sinks write there to the last, and wait for it if it is gone.
        needs=("kafka", "postgres"),
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


def storage_topics(estate: str) -> dict[str, str]:
    """Where the group keeps its connectors, how far they are, and what they do: topics by purpose."""
    return {purpose: f"{estate}-connect-{purpose}" for purpose in ("configs", "offsets", "status")}


def _worker(context: Context, brokers: Brokers) -> str:
    topics = storage_topics(context.name)
    return properties(
        {
            **_clients(brokers),
            "group.id": group_id(f"{context.name}-{NAME}"),
            "listeners": f"http://{context.platform.listener('connect')}",
            "rest.advertised.host.name": context.platform.host("connect"),
            "plugin.path": context.platform.connect_plugins,
            "config.storage.topic": topics["configs"],
            "offset.storage.topic": topics["offsets"],
            "status.storage.topic": topics["status"],
            **group_settings(context),
        }
    )


def _clients(brokers: Brokers) -> dict[str, str]:
    """The worker's own client, and those of the connectors, which know no more than what is said of their kind."""
    own = brokers.java()
    secured = {name: value for name, value in own.items() if name != "bootstrap.servers"}
    kinds = ("producer", "consumer")
    return own | {f"{kind}.{name}": value for kind in kinds for name, value in secured.items()}


def _logging() -> str:
    return console_logging(
        {
            "org.apache.kafka.connect.runtime.Connect": "INFO",
            "org.apache.kafka.connect.runtime.WorkerSinkTask": "INFO",
            "io.debezium": "INFO",
        }
    )
