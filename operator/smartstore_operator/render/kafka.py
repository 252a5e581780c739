"""Kafka as one KRaft node: broker and controller in a process."""

from smartstore_operator.api.scalars import mebibytes
from smartstore_operator.render.component import Component, Probe
from smartstore_operator.render.context import (
    JVM_ENVIRONMENT,
    Context,
    console_logging,
    jvm_memory,
    jvm_options,
    properties,
)
from smartstore_operator.render.scripts import once

NAME = "kafka"
_MIB = 1024 * 1024


def component(context: Context) -> Component:
    """The broker."""
    platform = context.platform
    java = (context.java, *jvm_options(mebibytes(context.spec.kafka.heap)))
    logging = f"-Dlog4j2.configurationFile={context.config_file(NAME, 'log4j2.properties')}"
    classpath = ("-cp", f"{platform.kafka_jars}/*")
    settings = context.config_file(NAME, "server.properties")
    return Component(
        name=NAME,
        programs="kafka",
        argv=(*java, logging, *classpath, "kafka.Kafka", settings),
        environment=JVM_ENVIRONMENT,
        files={
            "server.properties": _server(context),
            "log4j2.properties": _logging(),
            "format.sh": _format(context),
        },
        ports={"kafka": platform.ports["kafka"], "kafka-controller": platform.ports["kafka-controller"]},
        probe=Probe(kind="exec", argv=context.probe_argv("kafka", platform.own("kafka"))),
        state_dir=platform.state_dir(NAME),
        volume=context.spec.kafka.storage,
        memory=jvm_memory(mebibytes(context.spec.kafka.heap)),
        before_start=(("/bin/sh", context.config_file(NAME, "format.sh")),),
        stop_seconds=30.0,
    )


def _format(context: Context) -> str:
    """Formats the storage once. The marker saves the 1.5 s that a JVM takes to find that there is nothing to do."""
    platform = context.platform
    marker = f"{platform.state_dir(NAME)}/formatted"
    tool = (context.java, "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    logging = f"-Dlog4j2.configurationFile={context.config_file(NAME, 'log4j2.properties')}"
    settings = context.config_file(NAME, "server.properties")
    argv = (*tool, logging, "-cp", f"{platform.kafka_jars}/*", "kafka.tools.StorageTool", "format")
    return once(marker, (*argv, "--ignore-formatted", "-t", platform.cluster_id, "-c", settings))


def _server(context: Context) -> str:
    platform = context.platform
    client, controller = platform.listener("kafka"), platform.own("kafka-controller")
    return properties(
        {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"CLIENT://{client},CONTROLLER://{controller}",
            "advertised.listeners": f"CLIENT://{platform.address('kafka')}",
            "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "CLIENT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": f"{platform.state_dir(NAME)}/data",
            "auto.create.topics.enable": "false",
            "num.partitions": context.spec.kafka.partitions,
            "default.replication.factor": 1,
            "min.insync.replicas": 1,
            # Business time lives in the value; a simulated date as record time would expire at once.
            "log.message.timestamp.type": "LogAppendTime",
            "log.retention.hours": 168,
            "log.segment.bytes": 64 * _MIB,
            # One node needs no more; fewer partitions also make it start faster.
            "offsets.topic.num.partitions": 1,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            # How long a killed broker keeps its own successor out.
            "broker.session.timeout.ms": 6_000,
            "broker.heartbeat.interval.ms": 1_000,
            # Sized for two cores and a small heap; the cleaner's default buffer alone is 128 MiB.
            "num.network.threads": 2,
            "num.io.threads": 4,
            "background.threads": 2,
            "num.recovery.threads.per.data.dir": 2,
            "log.cleaner.threads": 1,
            "log.cleaner.dedupe.buffer.size": 16 * _MIB,
        }
    )


def _logging() -> str:
    return console_logging(
        {"kafka.server.KafkaRaftServer": "INFO", "org.apache.kafka.common.utils.AppInfoParser": "ERROR"}
    )
