"""The gateway process: `python -m smartstore.gateway` (docs/gateway.md)."""

import asyncio

import uvicorn

from smartstore.contracts.settings import numbered_stores
from smartstore.gateway.admission import COMMAND_TOPICS, EVENT_TOPICS
from smartstore.gateway.app import MOST_AT_ONCE, Gateway, build_app
from smartstore.gateway.body import MAX_RECORDS
from smartstore.gateway.buffer import Buffer
from smartstore.gateway.directory import KeyDirectory
from smartstore.gateway.key_table import KeyTable
from smartstore.gateway.rate import RateLimit
from smartstore.gateway.settings import GatewaySettings
from smartstore.gateway.telemetry import GatewayMetrics
from smartstore.process.env import Environment
from smartstore.process.logs import configure_logs
from smartstore.process.server import serve_metrics
from smartstore.process.stopping import stop_event

_CONNECTIONS = 1000
_STOP_SECONDS = 10
_IDLE_SECONDS = 75


def main() -> None:
    """Serve what the environment describes until asked to stop; requests under way are finished first."""
    configure_logs()
    environment = Environment.from_os()
    settings, run = GatewaySettings.from_environment(environment), environment.run_settings()
    metrics = GatewayMetrics()
    keys = KeyDirectory(KeyTable(environment.postgres_dsn))
    metrics.watch_keys(keys.age)
    gateway = Gateway(
        stores=frozenset(numbered_stores(run.stores)),
        buffer=Buffer(environment.redis_url, environment.prefix, run.name, (*EVENT_TOPICS, *COMMAND_TOPICS)),
        keys=keys,
        rate=RateLimit(settings.records_per_second, MAX_RECORDS),
        metrics=metrics,
        working=asyncio.Semaphore(MOST_AT_ONCE),
    )
    serve_metrics(environment.metrics_address, metrics.registry, lambda: True)
    stop_event()  # uvicorn raises the signal again once it has ended; unheard, it would look like a crash
    uvicorn.run(
        build_app(gateway),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )


if __name__ == "__main__":
    main()
