"""The world process: `python -m smartstore.world` (docs/architecture.md, Processes)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import structs

from smartstore.contracts.settings import RunSettings
from smartstore.process.env import Environment
from smartstore.process.lock import lock_directory
from smartstore.process.logs import configure_logs
from smartstore.process.server import serve_metrics
from smartstore.process.stopping import stop_event
from smartstore.world.config_feed import ConfigFeed
from smartstore.world.emitter import Emitter
from smartstore.world.fact_feed import FactFeed
from smartstore.world.ledger import Ledger
from smartstore.world.live import LiveParts, LiveSource
from smartstore.world.model import build_world
from smartstore.world.production import Production
from smartstore.world.progress import Progress, follow_progress
from smartstore.world.scaling import WantedStores
from smartstore.world.snapshots import Snapshots
from smartstore.world.source import Source, SourceParts
from smartstore.world.telemetry import WorldMetrics

_HEALTHY_SECONDS = 60.0


def main() -> None:
    """Run the source that the environment describes until asked to stop."""
    configure_logs()
    environment = Environment.from_os()
    settings, data_dir = environment.run_settings(), environment.data_dir
    metrics = WorldMetrics()
    lock = lock_directory(data_dir, "world")
    make = _live if settings.source.type == "External" else _ledgered
    with make(environment, settings, metrics) as source:
        server = serve_metrics(
            environment.metrics_address,
            metrics.registry,
            lambda: source.alive_seconds_ago() < _HEALTHY_SECONDS,
        )
        try:
            source.run()
        except OSError as error:
            raise SystemExit(f"the ledger in {data_dir} cannot be written: {error}") from None
        finally:
            if server is not None:
                server.shutdown()
            lock.close()


@contextmanager
def _ledgered(
    environment: Environment, settings: RunSettings, metrics: WorldMetrics
) -> Iterator[Source | LiveSource]:
    """A world of our own: simulated or recorded."""
    prefix, data_dir = environment.prefix, environment.data_dir
    stop, changed = stop_event(), threading.Condition()
    ledger = Ledger(data_dir / "ledger")
    begun = settings if ledger.run is None else structs.replace(settings, stores=len(ledger.run.stores))
    try:
        world = build_world(begun, data_dir / "cache")
    except (ValueError, RuntimeError) as error:
        raise SystemExit(str(error)) from None
    brokers = environment.brokers
    facts = FactFeed(brokers, prefix, changed)
    progress = Progress(changed, facts.received)
    feed = ConfigFeed(brokers, prefix, changed)
    parts = SourceParts(
        settings=settings,
        wanted=_wanted(environment),
        production=Production(settings, world),
        ledger=ledger,
        snapshots=Snapshots(data_dir / "snapshots"),
        emitter=Emitter(environment.redis_url, prefix, settings.name, stop),
        feed=feed,
        facts=facts,
        progress=progress,
        changed=changed,
        stop=stop,
        metrics=metrics,
        prefix=prefix,
    )
    source = Source(parts)
    follower = follow_progress(brokers, prefix, progress)
    follower.start()
    try:
        yield source
    finally:
        follower.close()
        feed.close()
        facts.close()


def _wanted(environment: Environment) -> WantedStores:
    return WantedStores(Path(environment.require("SMARTSTORE_RUN_FILE")))


@contextmanager
def _live(
    environment: Environment, settings: RunSettings, metrics: WorldMetrics
) -> Iterator[Source | LiveSource]:
    """Real time, for facts from outside."""
    prefix, stop, changed = environment.prefix, stop_event(), threading.Condition()
    feed = ConfigFeed(environment.brokers, prefix, changed)
    parts = LiveParts(
        settings=settings,
        wanted=_wanted(environment),
        emitter=Emitter(environment.redis_url, prefix, settings.name, stop),
        feed=feed,
        changed=changed,
        stop=stop,
        metrics=metrics,
        prefix=prefix,
    )
    try:
        yield LiveSource(parts)
    finally:
        feed.close()


if __name__ == "__main__":
    main()
