"""The source of `type: External`: tills and sensors write the facts, this process writes the ticks as real time passes.

It keeps no ledger: what it must not forget (the last tick, how far configuration was relayed) lies in Redis and is
written in the same transaction as the ticks and records it speaks of. So each tick is written once, whatever dies, and
the wall clock decides only when. Ticks missed while this process was away are written in their order, as if it had been
there; after a long absence the clock goes on from the present, and whatever came meanwhile belongs to that tick.
"""

import logging
import threading
import time
from collections.abc import Callable

from msgspec import Struct, structs

from smartstore.contracts.events import StoreConfig
from smartstore.contracts.grid import DECODE_GRID, Grid, grid_key
from smartstore.contracts.settings import RunSettings, numbered_stores
from smartstore.contracts.topics import STORE_CONFIG
from smartstore.contracts.wire import encode, from_epoch_ms
from smartstore.process.waiting import Stopped
from smartstore.world.clock import Clock
from smartstore.world.config_feed import ConfigFeed
from smartstore.world.emitter import Emitter, PositionError
from smartstore.world.ledger_lines import FIELD_DATA, Entry, entry_of_tick
from smartstore.world.model import status_record
from smartstore.world.relay import ConfigRelay
from smartstore.world.source import await_bridge, cached_time, configs_of
from smartstore.world.telemetry import WorldMetrics

MOST_MISSED = 3600
"""Ticks missed that are written afterwards; a longer absence is closed by one tick."""
_LOOK_SECONDS = 0.2
log = logging.getLogger("smartstore.world")


def wall_clock_ms() -> int:
    """The present in milliseconds since 1970; it decides when a tick is written, never what is in it."""
    return time.time_ns() // 1_000_000  # noqa: TID251


def next_tick(last_ms: int, now_ms: int, tick_ms: int) -> int:
    """The tick after `last_ms` on the grid of `tick_ms`; the present one if more than `MOST_MISSED` were missed."""
    present = now_ms // tick_ms * tick_ms
    return present if present - last_ms > MOST_MISSED * tick_ms else last_ms + tick_ms


class LiveParts(Struct, frozen=True, kw_only=True):
    """What a live source works with. `changed` is notified when rows of configuration have arrived; `wanted` says how
    many stores are to be open.
    """

    settings: RunSettings
    wanted: Callable[[], int]
    emitter: Emitter
    feed: ConfigFeed
    changed: threading.Condition
    stop: threading.Event
    metrics: WorldMetrics
    prefix: str


class LiveSource:
    """Ticks in real time. `run` belongs to one thread, `alive_seconds_ago` may be asked from any."""

    def __init__(self, parts: LiveParts, now_ms: Callable[[], int] = wall_clock_ms) -> None:
        self._parts = parts
        self._emitter = parts.emitter
        self._now_ms = now_ms
        self._tick_ms = parts.settings.source.tick_ms
        self._grid = Grid(self._tick_ms, 0, parts.settings.stores)
        self._relay = ConfigRelay(self._grid.stores)
        self._grid_key = grid_key(parts.prefix, parts.settings.name)
        self._relay_key = f"{parts.prefix}source:{parts.settings.name}:relay"
        self._is_saved = True
        """Whether Redis has all that the relay knows; it is much, and changes seldom."""
        self._seq = 0
        self._clock = Clock(speed=1, tick_ms=self._tick_ms, max_lead=0, start_ms=0)
        """Only measures."""
        self._alive_at = time.monotonic()

    def alive_seconds_ago(self) -> float:
        """Seconds since the source last got on, or waited for a good reason."""
        return time.monotonic() - self._alive_at

    def run(self) -> None:
        """Go on after the last tick written, until asked to stop.

        Raises:
            PositionError: Redis and the settings do not belong together.
        """
        try:
            self._resume()
            self._parts.feed.follow(self._relay.positions)
            while True:
                tick = next_tick(self._grid.tick, self._now_ms(), self._tick_ms)
                self._wait_for(tick)
                self._write_tick(tick)
        except Stopped:
            log.info("stopped after tick %s", from_epoch_ms(self._grid.tick).isoformat())
        finally:
            self._emitter.close()

    def _resume(self) -> None:
        self._seq = self._emitter.begin_or_go_on()
        grid = self._emitter.remembered(self._grid_key)
        if grid is None:
            if self._seq:
                raise PositionError(
                    "Redis has records of another source of this name; start over with `smartstore reset`"
                )
            self._grid = structs.replace(self._grid, tick=self._now_ms() // self._tick_ms * self._tick_ms)
            log.info("new run %s of %d stores", self._parts.settings.name, self._grid.open)
            return
        self._grid = DECODE_GRID(grid)
        if self._grid.tick_ms != self._tick_ms:
            raise PositionError(
                f"this run was begun with source.tick = {self._grid.tick_ms} ms, not {self._tick_ms} ms; change it "
                "back, or start over with `smartstore reset`"
            )
        relay = self._emitter.remembered(self._relay_key)
        self._relay = ConfigRelay(self._grid.stores)
        if relay is not None:
            self._relay.restore(relay)
        log.info("resumed %s at %s", self._parts.settings.name, from_epoch_ms(self._grid.tick).isoformat())

    def _wait_for(self, tick: int) -> None:
        """Wait until the wall clock has reached the tick; configuration is relayed meanwhile."""
        while True:
            self._step()
            self._relay_configuration(tick)
            seconds = (tick - self._now_ms()) / 1000
            if seconds <= 0:
                return
            with self._parts.changed:
                if not self._parts.feed.waiting():
                    self._parts.changed.wait(min(seconds, _LOOK_SECONDS))

    def _write_tick(self, tick: int) -> None:
        entries = [self._config_entry(config) for config in self._scaled(tick - self._tick_ms)]
        memory = [] if self._is_saved else [("SET", self._relay_key, self._relay.snapshot())]
        self._grid = structs.replace(self._grid, tick=tick)
        self._seq += 1
        entries.append(entry_of_tick(self._seq, tick, self._grid.ticked))
        grid = ("SET", self._grid_key, encode(self._grid))
        self._emitter.emit(entries, [grid, *memory, *cached_time(self._parts.prefix, tick)])
        self._is_saved = True
        self._parts.metrics.stores.set(self._grid.open)
        self._parts.metrics.ticks.inc()
        self._parts.metrics.simulated_time.set(tick / 1000)
        self._clock.emitted(tick)
        self._parts.metrics.speed.set(self._clock.achieved_speed())
        await_bridge(self._emitter, self._parts.metrics, self._step, self._parts.stop)

    def _scaled(self, moment_ms: int) -> list[StoreConfig]:
        """Have as many stores open as are wanted from a moment on: what the stores concerned are told."""
        wanted, grid = self._parts.wanted(), self._grid
        if wanted == grid.open:
            return []
        before, moment = grid.stores, from_epoch_ms(moment_ms)
        open_before, open_now = numbered_stores(grid.open), numbered_stores(wanted)
        closed = {store: at for store, at in grid.closed.items() if store not in open_now}
        closed |= {store: moment_ms for store in open_before if store not in open_now}
        self._grid = structs.replace(grid, open=wanted, closed=closed)
        log.info("%d stores are open, %d before", wanted, grid.open)
        concerned = set(open_before).symmetric_difference(open_now).intersection(before)
        told = [
            status_record(store, "open" if store in open_now else "closed", moment_ms)
            for store in sorted(concerned)
        ]
        self._is_saved = False
        return told + self._relay.admit(self._grid.stores, moment)

    def _config_entry(self, config: StoreConfig) -> Entry:
        self._seq += 1
        return Entry(self._seq, (STORE_CONFIG.name,), FIELD_DATA, encode(config))

    def _relay_configuration(self, tick: int) -> None:
        """Write what has arrived of the configuration topics, at the lower bound of the tick to come.

        How far the relay came is remembered with it; a row of which only a part was written before a crash is written
        again with the same event ids.
        """
        moment = from_epoch_ms(tick - self._tick_ms)
        rows = self._parts.feed.take()
        self._is_saved = self._is_saved and not rows
        entries = [
            self._config_entry(config)
            for row in rows
            for config in configs_of(row, moment, self._relay, self._emitter, self._parts.metrics) or ()
        ]
        if entries:
            self._emitter.emit(entries, [("SET", self._relay_key, self._relay.snapshot())])
            self._is_saved = True
            self._parts.metrics.events.labels(STORE_CONFIG.name).inc(len(entries))

    def _step(self) -> None:
        self._alive_at = time.monotonic()
        self._parts.metrics.redis_up.set(self._emitter.connected)
        if self._parts.stop.is_set():
            raise Stopped
