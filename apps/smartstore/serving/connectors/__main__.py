"""`python -m smartstore.serving.connectors`: runs until SIGTERM."""

import logging
import sys
import threading
import time
from collections.abc import Callable

from confluent_kafka import KafkaException
from prometheus_client import CollectorRegistry

from smartstore.contracts.derive.connectors import DEAD_LETTER_TOPIC, Settings, declared_connectors, sink_name
from smartstore.contracts.derive.sql import table_topics
from smartstore.contracts.topics import CONFIG_TOPICS
from smartstore.process.env import Environment
from smartstore.process.logs import configure_logs
from smartstore.process.server import serve_metrics
from smartstore.process.stopping import stop_event
from smartstore.serving.connectors.deletions import DeletionWatch, PublishedRows
from smartstore.serving.connectors.lag import LagReader
from smartstore.serving.connectors.metrics import Metrics
from smartstore.serving.connectors.rest import ConnectClient
from smartstore.serving.connectors.rewinds import Rewinds
from smartstore.serving.connectors.settings import UnusableDsn, read_settings
from smartstore.serving.connectors.supervisor import Supervisor

log = logging.getLogger("smartstore.connectors")

LOOK_SECONDS = 2.0
STARTING_SECONDS = 0.5
"""Between looks until everything has run once."""
LAG_SECONDS = 5.0


def run(environment: Environment, settings: Settings, stop: threading.Event) -> None:
    """Supervise the connectors until `stop` is set; they go on without this process."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    client = ConnectClient(environment.connect_url)
    supervisor = Supervisor(client, declared_connectors(settings), metrics, declares=_declares(environment))
    serve_metrics(environment.metrics_address, registry, lambda: supervisor.has_been_ready)
    rows = PublishedRows(environment.brokers, settings.prefix, CONFIG_TOPICS)
    watch = DeletionWatch(rows, environment.postgres_dsn, metrics)
    _in_background("lag", lambda: _report_lag(environment, settings, metrics, stop))
    _in_background("deletions", lambda: watch.run(stop, lambda: supervisor.is_ready))
    sinks = {topic.name: sink_name(settings, topic) for topic in table_topics()}
    rewinds = Rewinds(ConnectClient(environment.connect_url), environment.postgres_dsn, sinks)
    _in_background("rewinds", lambda: rewinds.run(stop))
    while not stop.is_set():
        supervisor.look()
        stop.wait(LOOK_SECONDS if supervisor.has_been_ready else STARTING_SECONDS)
    client.close()


def _declares(environment: Environment) -> bool:
    """Whether connectors are made here, and not as resources by somebody else."""
    return environment.variables.get("SMARTSTORE_CONNECTORS_ARE_RESOURCES") != "true"


def _in_background(name: str, work: Callable[[], None]) -> None:
    threading.Thread(target=work, name=name, daemon=True).start()


def _report_lag(
    environment: Environment, settings: Settings, metrics: Metrics, stop: threading.Event
) -> None:
    reader = LagReader(environment.brokers, environment.partitions)
    sinks = {sink_name(settings, topic): f"{settings.prefix}{topic.name}" for topic in table_topics()}
    warned_at = float("-inf")
    while not stop.wait(LAG_SECONDS):
        try:
            for name, lag in reader.sink_lags(sinks).items():
                metrics.sink_lag.labels(name).set(lag)
            metrics.dead_letters.set(reader.records(f"{settings.prefix}{DEAD_LETTER_TOPIC}"))
        except KafkaException as error:
            if time.monotonic() - warned_at > 60:
                log.warning("the sinks' lag cannot be read: %s", error)
                warned_at = time.monotonic()


def main() -> None:
    """Run with the process environment; exits non-zero with one line when a setting is wrong."""
    configure_logs()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    environment = Environment.from_os()
    try:
        settings = read_settings(environment)
    except UnusableDsn as error:
        sys.exit(str(error))
    run(environment, settings, stop_event())


if __name__ == "__main__":
    main()
