"""One stretch of the bridge's work, from taking the lock to losing the connection. Nothing outlives it but what is in
Redis and in Kafka, so every way it can end is the same as a crash:

* Read, not yet sent: the entry is pending; the next session reads it before anything newer of its stream.
* Sent, unconfirmed: likewise. Kafka may hold it once or twice, at its place or again after it. The producer delivers
  without gaps, so what a session sent of a partition before it ended is a beginning of what is sent again.
* Confirmed, not acknowledged: likewise; certainly in Kafka twice, with the same (stream, redis id).
* The transaction that acknowledges, remembers ids, keeps the clock and counts was sent, its answer lost: Redis ran it
  wholly or not at all. If it did, the entry is not pending; if not, none of its traces exist.
* Trimmed: only entries below the last acknowledged id, and batches of a stream are acknowledged in order.

An id is remembered in Redis in the very transaction that acknowledges its entry, so a pending entry finds its own id
there never, the id of an earlier acknowledged copy always. Ids of entries not yet acknowledged are held in memory, by
session: within it, the second copy is dropped; after a crash the first is sent again and the second dropped again. As
batches are acknowledged in order, a dropped copy is never acknowledged before the entry that it repeats.
"""

import logging
import threading
import time
from collections import deque

from smartstore.contracts.topics import DEAD_LETTERS, Topic
from smartstore.contracts.wire import (
    HEADER_POSITION,
    HEADER_STREAM,
    HEADER_TICK,
    TICK_KEY,
    encode,
    partition_of,
)
from smartstore.ingest.dedup import SeenIds, known
from smartstore.ingest.intake import FanOut, Forward, Intake, Refuse, Verdict
from smartstore.ingest.lock import EXPIRY_MS, BridgeLock
from smartstore.ingest.outbox import Confirmation, Headers, Outbox
from smartstore.ingest.streams import BRIDGED, Entries, StreamReader
from smartstore.ingest.telemetry import BridgeMetrics
from smartstore.process.redis_link import RedisLink
from smartstore.process.waiting import Stopped

READ_COUNT = 1000
"""Entries read of each stream at once."""
IN_FLIGHT = 30_000
"""Entries read and not yet acknowledged, at most (plus one read)."""
_BLOCK_MS = 200
_ANSWER_SECONDS = 0.005
_LOCK_LOOK_SECONDS = 0.3
_RENEW_SECONDS = EXPIRY_MS / 1000 / 5
_OBSERVE_SECONDS = 2.0
_STOP_SECONDS = 20.0
log = logging.getLogger("smartstore.ingest.bridge")


class Batch:
    """Entries of one stream that were read together; acknowledged together."""

    __slots__ = ("clock_ms", "confirmation", "counts", "digests", "ids", "line")

    def __init__(self, line: str, ids: list[bytes], confirmation: Confirmation) -> None:
        self.line = line
        self.ids = ids
        self.confirmation = confirmation
        self.digests: dict[int, list[bytes]] = {}
        """Ids to be remembered, by bucket."""
        self.clock_ms: int | None = None
        """The stream's clock after the last entry."""
        self.counts = dict.fromkeys(("in", "forwarded", "duplicate", "dead", "tick"), 0)


class Line:
    """One stream as the session handles it."""

    def __init__(self, topic: Topic, prefix: str, partitions: int, clock_ms: int | None) -> None:
        self.topic = topic
        self.name = prefix + topic.name
        self.intake = Intake(topic, partitions, clock_ms)
        self.seen = SeenIds(prefix, topic.name)
        self.stream_header = (HEADER_STREAM, topic.name.encode())
        self.in_flight: set[bytes] = set()
        """Digests of the ids that are forwarded and not yet acknowledged."""
        self.acknowledged_clock_ms = clock_ms


class Session:
    """Reads, judges, sends and acknowledges while it holds the lock. Used by one thread."""

    def __init__(
        self,
        link: RedisLink,
        outbox: Outbox,
        metrics: BridgeMetrics,
        stop: threading.Event,
        *,
        prefix: str,
        partitions: int,
    ) -> None:
        self._link = link
        self._outbox = outbox
        self._metrics = metrics
        self._stop = stop
        self._prefix = prefix
        self._partitions = partitions
        self._lock = BridgeLock(link, prefix)
        self._reader = StreamReader(link, prefix)
        self._clocks_key = f"{prefix}bridge:clocks"
        self._counts_key = f"{prefix}bridge:counts"
        self._lines: dict[str, Line] = {}
        self._batches: deque[Batch] = deque()
        self._in_flight = 0
        self._renewed_at = 0.0
        self._observed_at = 0.0

    def run(self) -> None:
        """Work until asked to stop, then finish what is under way.

        Raises:
            RedisUnavailable: the connection or the lock was lost; begin a new session.
            DeliveryFailed: Kafka did not take a record.
            Stopped: asked to stop before the lock was free.
        """
        self._await_lock()
        self._metrics.holds_lock.set(1)
        try:
            self._open()
            while not self._stop.is_set():
                self._upkeep()
                self._round()
            self._finish()
        finally:
            self._metrics.holds_lock.set(0)

    def _await_lock(self) -> None:
        while not self._lock.try_to_take():
            self._metrics.confirmed()
            if self._stop.wait(_LOCK_LOOK_SECONDS):
                raise Stopped
        self._renewed_at = time.monotonic()

    def _open(self) -> None:
        self._reader.open()
        clocks = _pairs(self._link.call("HGETALL", self._clocks_key))
        for topic in BRIDGED:
            clock = clocks.get(topic.name)
            self._lines[topic.name] = Line(topic, self._prefix, self._partitions, clock)
        totals = _pairs(self._link.call("HGETALL", self._counts_key))
        self._metrics.set_totals(
            {
                (stream, outcome): n
                for (stream, _, outcome), n in ((k.partition(":"), n) for k, n in totals.items())
            }
        )
        log.info("at work: %d streams, %d partitions", len(self._lines), self._partitions)

    def _round(self) -> None:
        """Read once, send what was read, acknowledge what Kafka has confirmed."""
        taken = 0
        if self._in_flight < IN_FLIGHT:
            idle = not self._batches and not self._reader.rereading
            arrived = self._reader.read(READ_COUNT, _BLOCK_MS if idle else None)
            taken = sum(map(len, arrived.values()))
            if arrived:
                self._take(arrived)
        self._outbox.poll(0 if taken >= READ_COUNT or not self._batches else _ANSWER_SECONDS)
        self._acknowledge()

    def _take(self, arrived: dict[str, Entries]) -> None:
        """Judge and send; one exchange with Redis asks for all ids of the round."""
        judged: list[tuple[Line, list[Verdict]]] = []
        asked: list[tuple[int, list[bytes]]] = []
        questions: list[tuple[object, ...]] = []
        for name, entries in arrived.items():
            line = self._lines[name]
            first_ms = line.intake.clock_ms
            judge = line.intake.judge
            verdicts = [judge(redis_id, fields) for redis_id, fields in entries]
            judged.append((line, verdicts))
            digests = [v.digest for v in verdicts if isinstance(v, Forward) and v.digest]
            last_ms = line.intake.clock_ms
            commands = (
                line.seen.questions(last_ms if first_ms is None else first_ms, last_ms, digests)
                if digests and last_ms is not None
                else []
            )
            questions.extend(commands)
            asked.append((len(commands), digests))
        replies = iter(self._link.pipeline(questions))
        for (line, verdicts), (count, digests) in zip(judged, asked, strict=True):
            seen = known(digests, [next(replies) for _ in range(count)])
            self._send(line, verdicts, seen)

    def _send(self, line: Line, verdicts: list[Verdict], seen: set[bytes]) -> None:
        batch = Batch(line.topic.name, [verdict.redis_id for verdict in verdicts], Confirmation(self._outbox))
        counts = batch.counts
        for verdict in verdicts:
            if isinstance(verdict, Forward):
                if verdict.digest:
                    if verdict.digest in seen or verdict.digest in line.in_flight:
                        counts["duplicate"] += 1
                        continue
                    line.in_flight.add(verdict.digest)
                    batch.digests.setdefault(verdict.bucket, []).append(verdict.digest)
                counts["forwarded"] += 1
                self._outbox.send(
                    batch.confirmation,
                    line.name,
                    verdict.key,
                    verdict.value,
                    verdict.partition,
                    [line.stream_header, (HEADER_POSITION, verdict.redis_id)],
                )
            elif isinstance(verdict, FanOut):
                counts["tick"] += 1
                self._send_tick(line, verdict, batch.confirmation)
            else:
                counts["dead"] += 1
                self._send_refusal(verdict, batch.confirmation)
        counts["in"] = len(verdicts) - counts["tick"]
        batch.clock_ms = line.intake.lasting_clock_ms
        self._batches.append(batch)
        self._in_flight += len(batch.ids)

    def _send_tick(self, line: Line, tick: FanOut, confirmation: Confirmation) -> None:
        headers: Headers = [line.stream_header, (HEADER_POSITION, tick.redis_id), (HEADER_TICK, b"1")]
        for partition, value in tick.values.items():
            self._outbox.send(confirmation, line.name, TICK_KEY, value, partition, headers)

    def _send_refusal(self, refusal: Refuse, confirmation: Confirmation) -> None:
        letter = refusal.letter
        self._outbox.send(
            confirmation,
            self._prefix + DEAD_LETTERS.name,
            letter.dead_letter_id,
            encode(letter),
            partition_of(letter.dead_letter_id, self._partitions),
            [],
        )

    def _acknowledge(self) -> None:
        """Acknowledge the batches that Kafka has confirmed, oldest first, in one transaction."""
        done: list[Batch] = []
        while self._batches and self._batches[0].confirmation.complete:
            done.append(self._batches.popleft())
        if not done:
            return
        commands: list[tuple[object, ...]] = []
        for batch in done:
            commands.extend(self._closing(batch))
        self._link.transaction(commands)
        for batch in done:
            line = self._lines[batch.line]
            for digests in batch.digests.values():
                line.in_flight.difference_update(digests)
            self._in_flight -= len(batch.ids)
            for outcome, number in batch.counts.items():
                self._metrics.count(batch.line, outcome, number)
        self._metrics.confirmed()

    def _closing(self, batch: Batch) -> list[tuple[object, ...]]:
        line = self._lines[batch.line]
        commands = [*line.seen.remember(batch.digests), *self._reader.acknowledge(line.name, batch.ids)]
        if batch.clock_ms is not None and batch.clock_ms != line.acknowledged_clock_ms:
            commands.append(("HSET", self._clocks_key, batch.line, batch.clock_ms))
            if line.acknowledged_clock_ms is not None and line.intake.compares_ids:
                commands.extend(line.seen.forget(line.acknowledged_clock_ms, batch.clock_ms))
            line.acknowledged_clock_ms = batch.clock_ms
        for outcome, number in batch.counts.items():
            if number:
                commands.append(("HINCRBY", self._counts_key, f"{batch.line}:{outcome}", number))
        return commands

    def _upkeep(self) -> None:
        now = time.monotonic()
        if now - self._renewed_at >= _RENEW_SECONDS:
            self._lock.renew()
            self._renewed_at = now
        if now - self._observed_at >= _OBSERVE_SECONDS:
            self._metrics.set_backlog(self._reader.backlog())
            self._metrics.in_flight.set(self._in_flight)
            self._observed_at = now

    def _finish(self) -> None:
        """Confirm and acknowledge what was sent, give the lock back."""
        give_up = time.monotonic() + _STOP_SECONDS
        while self._batches and time.monotonic() < give_up:
            self._outbox.poll(0.05)
            self._acknowledge()
            self._upkeep()
        self._lock.release()


def _pairs(reply: list[bytes]) -> dict[str, int]:
    return {name.decode(): int(value) for name, value in zip(reply[::2], reply[1::2], strict=True)}
