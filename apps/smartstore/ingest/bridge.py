"""The bridge process: Redis Streams to Kafka (`python -m smartstore.ingest.bridge`; docs/architecture.md, Bridge)."""

import logging
import threading

from redis.exceptions import ResponseError

from smartstore.ingest.outbox import Outbox
from smartstore.ingest.session import Session
from smartstore.ingest.telemetry import BridgeMetrics
from smartstore.process.env import Environment
from smartstore.process.logs import configure_logs
from smartstore.process.redis_link import RedisLink, RedisUnavailable
from smartstore.process.server import serve_metrics
from smartstore.process.stopping import stop_event
from smartstore.process.waiting import Backoff, Stopped

_HEALTHY_SECONDS = 60.0
_DRAIN_SECONDS = 10.0
_PASSING = ("OOM", "MISCONF", "EXECABORT", "READONLY", "LOADING", "BUSY", "NOREPLICAS", "NOGROUP")
log = logging.getLogger("smartstore.ingest.bridge")


def run_bridge(environment: Environment, metrics: BridgeMetrics, stop: threading.Event) -> None:
    """Session after session until asked to stop.

    Raises:
        DeliveryFailed: Kafka did not take a record; the process has to be started again.
        ResponseError: Redis refuses a command for a reason that waiting does not change.
    """
    outbox = Outbox(environment.brokers)
    backoff = Backoff(stop)
    while not stop.is_set():
        link: RedisLink | None = None
        try:
            link = RedisLink(environment.redis_url, "")
            backoff.reset()
            session = Session(
                link, outbox, metrics, stop, prefix=environment.prefix, partitions=environment.partitions
            )
            session.run()
        except Stopped:
            return
        except (RedisUnavailable, ResponseError) as error:
            if isinstance(error, ResponseError) and not str(error).startswith(_PASSING):
                raise
            log.warning("%s; beginning again", error)
            _pause(backoff, outbox)
        finally:
            if link is not None:
                link.close()


def _pause(backoff: Backoff, outbox: Outbox) -> None:
    """What was sent may still arrive; the next session sends it again in any case."""
    outbox.drain(_DRAIN_SECONDS)
    try:
        backoff.pause()
    except Stopped:
        return


def main() -> None:
    """Run the bridge that the environment describes until asked to stop."""
    configure_logs()
    environment = Environment.from_os()
    stop, metrics = stop_event(), BridgeMetrics()
    serve_metrics(environment.metrics_address, metrics.registry, lambda: metrics.healthy(_HEALTHY_SECONDS))
    try:
        run_bridge(environment, metrics, stop)
    except ResponseError as error:
        raise SystemExit(f"Redis refuses what the bridge asks: {error}") from None


if __name__ == "__main__":
    main()
