"""The whole verification, in the one order that is safe while everything moves.

1. Read how far each store is acknowledged; wait until Postgres has what Kafka has. 2. Take the Postgres snapshot.
3. Note the ends of the output topics, then of the source topics. 4. Only then read the ledger: the world writes it
before it emits, so it covers all that was seen before, and its ticks say which one all stores have acknowledged.
5. Source topics, replay, rows of configuration, tables, output topics.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from smartstore.contracts import topics as contract
from smartstore.contracts.applications import is_hot
from smartstore.contracts.outputs import JobStatus
from smartstore.contracts.topics import Topic
from smartstore.verify.configuration import RelayComparison
from smartstore.verify.differences import Check
from smartstore.verify.event_tables import TABLED, check_event_tables
from smartstore.verify.expectations import OUTPUTS, Expectations
from smartstore.verify.facts import FactCollection, check_facts, check_judgements
from smartstore.verify.journal import Journal
from smartstore.verify.ledger import Ledger
from smartstore.verify.ledger_index import LedgerIndex, read_index
from smartstore.verify.postgres import Postgres
from smartstore.verify.replay import Replay, Stranger, Truth
from smartstore.verify.serving_lag import wait_until_served
from smartstore.verify.source_lines import LineComparison, event_reader
from smartstore.verify.table_checks import check_tables
from smartstore.verify.ticks import milliseconds
from smartstore.verify.topic_checks import Ranges, check_topics
from smartstore.verify.topics import Record, Topics

Progress = Callable[[str], None]


class CannotVerify(Exception):
    """There is nothing to compare yet; says why."""


@dataclass(frozen=True)
class Outcome:
    """What was compared, at which acknowledged tick and with which last tick of the ledger (epoch ms)."""

    tick: int
    ledger_tick: int
    stores: int
    checks: list[Check]
    truth: str = "ledger"
    """What was taken for true: the ledger, or the `journal` of accepted events."""


@dataclass(frozen=True)
class Recomputed:
    """What the system must show, at and around the acknowledged tick (epoch ms), without looking at what it shows."""

    index: LedgerIndex
    truth: Truth
    tick: int


@dataclass(frozen=True)
class _Sources:
    """What the source topics had."""

    checks: list[Check]
    strangers: list[Stranger]
    facts: FactCollection
    found: dict[str, int | None]
    """By line: due events found; None where Kafka no longer has all."""


def verify(ledger: Ledger, topics: Topics, postgres: Postgres, timeout: float, progress: Progress) -> Outcome:
    """Verify; waits up to `timeout` seconds for Postgres. Raises `CannotVerify` and the readers' errors."""
    acknowledged = read_acknowledged(topics)
    served = {topic.name: topics.ranges(topic) for topic in TABLED}
    serving = wait_until_served(topics, postgres, timeout, progress)
    with postgres.snapshot() as snapshot:
        ends = {topic.name: topics.ranges(topic) for topic in OUTPUTS}
        ends |= {topic.name: topics.ranges(topic) for topic in contract.LINES}
        ledger.prepare(progress)
        tick = acknowledged_tick(ledger, acknowledged)
        index = read_index(ledger, tick, progress)
        sources = _check_sources(ledger, topics, index, ends, progress)
        truth = Replay(index, tick).run(ledger, sources.strangers, progress)
        relayed = _check_relay(topics, truth, progress)
        known = _event_ids(index)
        expectations = Expectations(
            index,
            truth,
            tick,
            lambda event_id: _contains(known, event_id),
            topics.prefix,
            len(sources.strangers),
        )
        tables, refused = check_tables(snapshot, expectations, progress)
        tables += check_event_tables(topics, snapshot, served, ends, progress)
    outputs = check_topics(topics, expectations, ends, progress)
    counts = _check_counts(index, sources.found, {line: refused[line] for line in index.data_lines})
    complete = all(r.low == 0 for line in contract.LINES for r in ends[line.name].values())
    facts = [
        check_facts(sources.facts, truth.facts, tick, complete=complete),
        check_judgements(ledger, truth.facts, index.last_seq),
    ]
    is_journal = isinstance(ledger, Journal)
    own = _describe_journal(known) if is_journal else _check_ledger(index, known)
    checks = [serving, own, *sources.checks, relayed, *facts, *tables, *outputs, counts]
    return Outcome(tick, index.last_tick, len(index.stores), checks, "journal" if is_journal else "ledger")


def recompute(ledger: Ledger, topics: Topics, progress: Progress) -> Recomputed:
    """Only recompute, from the truth and the source topics. Raises `CannotVerify` and the readers' errors."""
    acknowledged = read_acknowledged(topics)
    ends = {topic.name: topics.ranges(topic) for topic in contract.LINES}
    ledger.prepare(progress)
    tick = acknowledged_tick(ledger, acknowledged)
    index = read_index(ledger, tick, progress)
    sources = _check_sources(ledger, topics, index, ends, progress)
    return Recomputed(index, Replay(index, tick).run(ledger, sources.strangers, progress), tick)


def read_acknowledged(topics: Topics) -> dict[str, int]:
    """By store the newest tick (epoch ms) that every job of the hot application has published."""
    decoder = msgspec.json.Decoder(JobStatus)
    newest: dict[tuple[str, str], int] = {}
    for batch in topics.read(contract.JOB_STATUS):
        for message in batch:
            status = decoder.decode(message.value())
            if is_hot(status.application):
                newest[status.store_id, status.job] = milliseconds(status.tick)
    stores: dict[str, int] = {}
    for (store, _), tick in newest.items():
        stores[store] = min(tick, stores.get(store, tick))
    return stores


def acknowledged_tick(ledger: Ledger, acknowledged: dict[str, int]) -> int:
    """The newest tick (epoch ms) that each of its stores has acknowledged, and all ticks before it likewise.

    A store that was closed has no ticks any more and holds nothing up. Raises `CannotVerify` when there is none yet.
    """
    newest: int | None = None
    silent: list[str] = []
    for line in ledger.ticks():
        tick = milliseconds(line.tick)
        silent = [store for store in line.stores if acknowledged.get(store, -1) < tick]
        if silent:
            break
        newest = tick
    if newest is None:
        shown = ", ".join(silent[:5]) + (" …" if len(silent) > 5 else "")
        raise CannotVerify(
            f"no tick of store {shown or '(none)'} is acknowledged yet (topic job_status): try again in a moment"
        )
    return newest


def _check_sources(
    ledger: Ledger, topics: Topics, index: LedgerIndex, ends: dict[str, Ranges], progress: Progress
) -> _Sources:
    sources = _Sources([Check("source topics")], [], FactCollection(), {})
    check = sources.checks[0]
    event_at = event_reader(ledger)
    for topic in contract.LINES:
        progress(f"topic {topic.name}")
        emitted = {store: events for (line, store), events in index.emitted.items() if line == topic.name}
        ranges = ends[topic.name]
        cut = {partition for partition, r in ranges.items() if r.low > 0}
        line = LineComparison(
            check,
            topic,
            emitted,
            index.settings.source.tick_ms,
            event_at,
            cut.__contains__,
            sources.facts,
        )
        for message in _messages(topics, topic, ranges):
            line.record(message)
        found = line.finish()
        sources.found[topic.name] = None if cut else found
        sources.strangers.extend(line.strangers.values())
        if line.cut_events:
            check.notes.append(f"{line.cut_events:,} events of {topic.name} are older than what Kafka keeps")
    if sources.strangers:
        count = len(sources.strangers)
        check.notes.append(f"{count:,} events not in the ledger: taken into account at their effective ticks")
    return sources


def _check_relay(topics: Topics, truth: Truth, progress: Progress) -> Check:
    check = Check("configuration")
    comparison = RelayComparison(check, truth.opened)
    for topic in contract.CONFIG_TOPICS:
        progress(f"topic {topic.name}")
        comparison.rows(topic, (message for batch in topics.read(topic) for message in batch))
    for record in truth.relayed:
        comparison.record(record)
    comparison.finish()
    return check


def _messages(topics: Topics, topic: Topic, ranges: Ranges) -> Iterator[Record]:
    for batch in topics.read(topic):
        for message in batch:
            if message.offset() < ranges[message.partition()].high:
                yield message


def _event_ids(index: LedgerIndex) -> npt.NDArray[np.int64]:
    """hash(event_id) of every emitted event, sorted."""
    ids = [np.array(emitted.ids, np.int64) for emitted in index.emitted.values()]
    return np.sort(np.concatenate(ids)) if ids else np.zeros(0, np.int64)


def _contains(known: npt.NDArray[np.int64], event_id: str) -> bool:
    wanted = hash(event_id)
    place = int(np.searchsorted(known, wanted))
    return place < len(known) and int(known[place]) == wanted


def _check_ledger(index: LedgerIndex, known: npt.NDArray[np.int64]) -> Check:
    """The ledger keeps its own promises about event ids."""
    check = Check("ledger")
    check.compared = len(known)
    repeated = int((np.diff(known) == 0).sum())
    if repeated:
        check.differs(
            "unmarked repeats", "event lines", "each event_id once, unless marked", f"{repeated} repeated"
        )
    marked = np.array(index.duplicate_ids, np.int64)
    lost = int((~np.isin(marked, known)).sum())
    if lost:
        check.differs("duplicates of nothing", "event lines", "each repeats another event", f"{lost} do not")
    return check


def _describe_journal(known: npt.NDArray[np.int64]) -> Check:
    """Ids from outside are unique on their line only, and the bridge has seen to that."""
    check = Check("journal")
    check.compared = len(known)
    check.notes.append("the truth is the journal: the events that the bridge accepted, as Kafka has them")
    return check


def _check_counts(index: LedgerIndex, found: dict[str, int | None], refused: dict[str, int]) -> Check:
    """Per line: data lines in the ledger = accepted + duplicates + refused, at the acknowledged tick."""
    check = Check("counts")
    for line, emitted in sorted(index.data_lines.items()):
        accepted = found.get(line)
        if accepted is None:
            check.notes.append(f"{line} is not counted: Kafka no longer has all of it")
            continue
        check.compared += 1
        duplicates = index.duplicates[line]
        if emitted != accepted + duplicates + refused[line]:
            parts = f"{accepted} accepted + {duplicates} duplicates + {refused[line]} refused"
            check.differs("do not add up", line, f"{emitted} lines in the ledger", parts)
    return check
