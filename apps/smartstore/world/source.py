"""The source's life: resume where the ledger ends, then tick after tick into the ledger and from there into Redis."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from smartstore.contracts.events import StoreConfig
from smartstore.contracts.settings import RunSettings
from smartstore.contracts.topics import DAY_MS, DEAD_LETTERS, STORE_CONFIG
from smartstore.contracts.wire import STREAM_LIMIT, encode, from_epoch_ms
from smartstore.process.waiting import Stopped
from smartstore.world.clock import Clock
from smartstore.world.config_feed import ConfigFeed
from smartstore.world.emitter import Emitter
from smartstore.world.fact_feed import FactFeed
from smartstore.world.ledger import Ledger, LedgerError
from smartstore.world.ledger_lines import (
    FIELD_DATA,
    LINE_NAMES,
    Entry,
    Record,
    TickMark,
    entry_of,
    entry_of_tick,
    fact_line,
    record_line,
    relayed_line,
    row_line,
    run_line,
    scale_line,
    tick_line,
)
from smartstore.world.model import Emission
from smartstore.world.production import Production, TickRecords
from smartstore.world.progress import Progress
from smartstore.world.relay import ConfigRelay, ConfigRow, RowError, refused_row
from smartstore.world.resume import demand_same_run, entries_after, fact_of, realise_again
from smartstore.world.scaling import Closing, scale
from smartstore.world.snapshots import Snapshot, Snapshots
from smartstore.world.telemetry import WorldMetrics

SNAPSHOT_RECORDS = 200_000
"""A snapshot is taken at each simulated day and after so many records, which bounds the time a restart takes."""
_LOOK_SECONDS = 0.2
_SYNC_SECONDS = 0.5
log = logging.getLogger("smartstore.world")


class SourceParts(Struct, frozen=True, kw_only=True):
    """What a source works with. `changed` is notified when rows of configuration or acknowledgements have arrived;
    `wanted` says how many stores are to be open.
    """

    settings: RunSettings
    wanted: Callable[[], int]
    production: Production
    ledger: Ledger
    snapshots: Snapshots
    emitter: Emitter
    feed: ConfigFeed
    facts: FactFeed
    progress: Progress
    changed: threading.Condition
    stop: threading.Event
    metrics: WorldMetrics
    prefix: str


class Source:
    """Runs one world. `run` belongs to one thread, `alive_seconds_ago` may be asked from any."""

    def __init__(self, parts: SourceParts) -> None:
        self._parts = parts
        self._production = parts.production
        self._world = parts.production.world
        self._ledger = parts.ledger
        self._emitter = parts.emitter
        self._metrics = parts.metrics
        self._relay = ConfigRelay(self._world.stores)
        source = parts.settings.source
        self._tick_ms = source.tick_ms
        self._start = self._last_tick = parts.production.first_tick - source.tick_ms
        self._opened: dict[str, int] = {}
        """By store that opened since this process started: the tick before its first one."""
        self._closed_seq: int | None = None
        """Sequence number of the last tick's line, once world and ledger agree on it."""
        self._clock = Clock(
            speed=source.speed, tick_ms=source.tick_ms, max_lead=source.max_lead, start_ms=self._last_tick
        )
        self._records_since_snapshot = 0
        self._synced_at = 0.0
        self._alive_at = time.monotonic()

    def alive_seconds_ago(self) -> float:
        """Seconds since the source last got on, or waited for a good reason."""
        return time.monotonic() - self._alive_at

    def alive(self) -> None:
        """Note a sign of life."""
        self._alive_at = time.monotonic()

    def run(self) -> None:
        """Resume, then emit ticks until asked to stop; at the end of the data stay idle.

        Raises:
            LedgerError, PositionError: the ledger, Redis and the settings do not belong together.
        """
        try:
            self._resume()
            self._parts.feed.follow(self._relay.positions)
            committed = self._ledger.committed
            self._parts.facts.follow(
                committed.facts if committed else {}, committed.taken if committed else {}
            )
            self._closing = Closing(self._production, committed.closing if committed else {})
            for tick in self._ticks_to_come():
                self._wait_for(tick)
                self._write_tick(tick)
            self._stay()
        except Stopped:
            self._save_snapshot()
        finally:
            self._ledger.close()
            self._emitter.close()

    # Start

    def _resume(self) -> None:
        settings, ledger = self._parts.settings, self._ledger
        if ledger.run is None:
            self._emitter.begin()
            ledger.append([run_line(settings, self._world.stores)])
            log.info("new run %s of %d stores", settings.name, len(self._world.stores))
            return
        demand_same_run(ledger.run.settings, settings)
        self._last_tick = realise_again(
            self._production, self._relay, ledger, self._parts.snapshots, self._step
        )
        self._closed_seq = ledger.committed.seq if ledger.committed else None
        position = self._emitter.position()
        if position >= ledger.next_seq:
            raise LedgerError(
                f"the ledger ends at {ledger.next_seq - 1}, but Redis has records up to {position}: the ledger lost "
                "its end, as in a power cut; start over with `smartstore reset`"
            )
        self._emitter.emit(entries_after(ledger, position))
        self._metrics.simulated_time.set(self._last_tick / 1000)
        log.info("resumed %s at %s", settings.name, from_epoch_ms(self._last_tick).isoformat())

    def _step(self) -> None:
        self.alive()
        if self._parts.stop.is_set():
            raise Stopped

    # Ticks

    def _ticks_to_come(self) -> Iterator[int]:
        last = self._production.last_tick
        while last is None or self._last_tick < last:
            yield self._last_tick + self._tick_ms

    def _wait_for(self, tick: int) -> None:
        """Wait until the clock allows a tick; configuration is relayed meanwhile."""
        while True:
            self._step()
            self._relay_configuration(tick)
            self._observe()
            pause, held = self._clock.seconds_until_due(), self._held(tick)
            if pause <= 0 and not held:
                return
            before = time.monotonic()
            with self._parts.changed:
                if not self._parts.feed.waiting() and (pause > 0 or self._held(tick)):
                    self._parts.changed.wait(min(pause, _LOOK_SECONDS) if pause > 0 else _LOOK_SECONDS)
            if held and pause <= 0:
                self._metrics.held_back.inc(time.monotonic() - before)

    def _held(self, tick: int) -> bool:
        return not self._clock.may_lead(tick, self._acknowledged_ms())

    def _acknowledged_ms(self) -> int | None:
        """The slowest open or closing store's acknowledged tick."""
        since = {store: self._opened.get(store, self._start) for store in self._world.awake}
        return self._parts.progress.acknowledged_ms(since)

    def _write_tick(self, tick: int) -> None:
        """One tick: made, into the ledger, from there into Redis."""
        acknowledged = self._parts.progress.acknowledged()
        told = self._parts.facts.take(acknowledged.facts)
        facts = [fact_of(fact.line, fact.data) for fact in told]
        self._closing.told(facts, tick)
        for store in self._closing.resting(acknowledged.ticks):
            self._world.rest(store)
        lines, scaled = self._scaled()
        made = self._production.make(tick, facts, scaled)
        self._closing.made(tick)
        for fact in told:
            lines.append(fact_line(self._ledger.next_seq + len(lines), fact.line, fact.data))
        records, first = made.records, self._ledger.next_seq + len(lines)
        closing = first + len(records)
        lines += [record_line(seq, record) for seq, record in enumerate(records, first)]
        lines.append(tick_line(self._mark(closing, tick, made)))
        self._ledger.commit(lines, tick)
        self._sync_now_and_then()
        self._last_tick, self._closed_seq = tick, closing
        self._records_since_snapshot += len(lines)
        entries = [entry_of(seq, record) for seq, record in enumerate(records, first)]
        entries.append(entry_of_tick(closing, tick, self._world.awake))
        self._emitter.emit(entries, cached_time(self._parts.prefix, tick))
        self._clock.emitted(tick)
        self._count(records, made.lost_units)
        if tick % DAY_MS == 0 or self._records_since_snapshot >= SNAPSHOT_RECORDS:
            self._save_snapshot()
        await_bridge(self._emitter, self._parts.metrics, self._step, self._parts.stop)

    def _scaled(self) -> tuple[list[bytes], list[Emission]]:
        """The ledger's line for a change of the number of stores, if one is wanted, and what it begins with.

        The run's first tick has the stores that the run began with.
        """
        wanted = self._parts.wanted()
        if wanted == len(self._world.open_stores) or self._closed_seq is None:
            return [], []
        before = self._world.open_stores
        emissions = scale(self._world, self._relay, wanted, self._last_tick)
        stores = self._world.open_stores
        self._opened |= dict.fromkeys(set(stores).difference(before), self._last_tick)
        log.info("%d stores are open, %d before", len(stores), len(before))
        return [scale_line(self._ledger.next_seq, stores)], emissions

    def _mark(self, seq: int, tick: int, made: TickRecords) -> TickMark:
        return TickMark(
            seq=seq,
            tick=from_epoch_ms(tick),
            stores=list(self._world.awake),
            records=len(made.records),
            checksum=made.checksum,
            relayed=self._relay.positions,
            facts=self._parts.facts.positions(),
            taken=self._parts.facts.taken,
            closing=self._closing.until,
        )

    def _stay(self) -> None:
        """All data are out: wait to be stopped."""
        log.info("all data have been emitted, up to %s", from_epoch_ms(self._last_tick).isoformat())
        self._save_snapshot()
        self._metrics.finished.set(1)
        while True:
            self._step()
            self._observe()
            self._parts.stop.wait(_LOOK_SECONDS)

    # Configuration

    def _relay_configuration(self, tick: int) -> None:
        """Write what has arrived of the configuration topics, at the lower bound of the tick to come."""
        moment = from_epoch_ms(tick - self._tick_ms)
        lines: list[bytes] = []
        entries: list[Entry] = []
        for row in self._parts.feed.take():
            configs = configs_of(row, moment, self._relay, self._emitter, self._metrics)
            if configs is None:
                continue
            remaining, place = len(configs), (row.topic, row.partition, row.offset)
            lines.append(row_line(self._ledger.next_seq + len(lines), row.value or b"", (*place, remaining)))
            for remaining, config in zip(range(len(configs) - 1, -1, -1), configs, strict=True):
                seq, data = self._ledger.next_seq + len(lines), encode(config)
                lines.append(relayed_line(seq, data, (*place, remaining)))
                entries.append(Entry(seq, (STORE_CONFIG.name,), FIELD_DATA, data))
        if lines:
            self._ledger.append(lines)
            self._emitter.emit(entries)
            self._metrics.events.labels(STORE_CONFIG.name).inc(len(entries))

    # Upkeep

    def _sync_now_and_then(self) -> None:
        now = time.monotonic()
        if now - self._synced_at >= _SYNC_SECONDS:
            self._ledger.sync()
            self._synced_at = now

    def _save_snapshot(self) -> None:
        """Only directly after a tick line: configuration relayed since then belongs to the tick to come."""
        if self._closed_seq is None or self._ledger.next_seq != self._closed_seq + 1:
            return
        self._ledger.sync()
        self._parts.snapshots.save(
            Snapshot(
                tick_ms=self._last_tick,
                place=self._ledger.place(),
                world=self._world.snapshot(),
                faults=self._production.faults.snapshot(),
                relay=self._relay.snapshot(),
            )
        )
        self._records_since_snapshot = 0

    def _observe(self) -> None:
        metrics, clock = self._metrics, self._clock
        metrics.redis_up.set(self._emitter.connected)
        metrics.speed.set(clock.achieved_speed())
        metrics.lead.set(clock.lead(self._last_tick, self._acknowledged_ms()) + 1)
        metrics.stores.set(len(self._world.open_stores))

    def _count(self, records: Sequence[Record], lost_units: int) -> None:
        metrics = self._metrics
        metrics.ticks.inc()
        metrics.simulated_time.set(self._last_tick / 1000)
        metrics.lost_sales.inc(lost_units)
        for line, count in Counter(record.line for record in records).items():
            metrics.events.labels(line).inc(count)
        for fault, count in Counter(
            r.fault or r.kind for r in records if r.fault or r.kind == "broken"
        ).items():
            metrics.faults.labels(fault).inc(count)


def await_bridge(
    emitter: Emitter, metrics: WorldMetrics, step: Callable[[], None], stop: threading.Event
) -> None:
    """Wait while a stream holds much more than the bridge has yet brought to Kafka; `step` may raise to break off."""
    while True:
        lengths = emitter.stream_lengths(LINE_NAMES)
        for line, length in lengths.items():
            metrics.stream_length.labels(line).set(length)
        if max(lengths.values()) <= STREAM_LIMIT:
            return
        step()
        stop.wait(_LOOK_SECONDS)


def cached_time(prefix: str, tick: int) -> list[tuple[str, str, str]]:
    """Commands that tell whoever asks Redis for the time that `tick` (epoch ms) has been written."""
    moment = from_epoch_ms(tick)
    return [
        ("SET", f"{prefix}sim:now", encode(moment).decode().strip('"')),
        ("SET", f"{prefix}sim:today", moment.date().isoformat()),
    ]


def configs_of(
    row: ConfigRow, moment: datetime, relay: ConfigRelay, emitter: Emitter, metrics: WorldMetrics
) -> Sequence[StoreConfig] | None:
    """The records that relay a row of configuration; None for a tombstone, and for a row that cannot be relayed, which
    goes to the dead letters.
    """
    try:
        configs = relay.records(row, moment)
    except RowError as error:
        log.warning("row %d/%d of %s is refused: %s", row.partition, row.offset, row.topic, error)
        emitter.publish(DEAD_LETTERS.name, encode(refused_row(row, str(error))))
        metrics.config_rows.labels(row.topic, "refused").inc()
        return None
    metrics.config_rows.labels(row.topic, "relayed").inc()
    return None if row.value is None else configs
