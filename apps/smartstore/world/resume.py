"""After a restart: bring the world to the last committed tick, and check that it is still the same world."""

import logging
from collections.abc import Callable, Iterator, Sequence

import msgspec

from smartstore.contracts.settings import RunSettings
from smartstore.contracts.topics import BY_NAME
from smartstore.contracts.wire import decoder, from_epoch_ms
from smartstore.world.ledger import Ledger, LedgerError
from smartstore.world.ledger_lines import (
    DECODE_LINE,
    DECODE_TICK,
    Entry,
    Line,
    Place,
    entry_of_line,
    is_fact,
    is_row,
    is_scale,
    is_tick,
)
from smartstore.world.model import Emission, JobFact, SnapshotError
from smartstore.world.production import Production
from smartstore.world.relay import ConfigRelay, ConfigRow
from smartstore.world.scaling import scale
from smartstore.world.snapshots import Snapshot, Snapshots

_MAY_CHANGE = ("speed", "max_lead", "days")
log = logging.getLogger("smartstore.world.resume")


def demand_same_run(written: RunSettings | None, wanted: RunSettings) -> None:
    """Speed, lead, end and the number of stores may change in the middle of a run, nothing else.

    Raises:
        LedgerError: names the first setting that differs.
    """
    if written is None:
        raise LedgerError("the ledger's first line has no settings; start over with `smartstore reset`")
    difference = _difference(
        msgspec.to_builtins(_comparable(written)), msgspec.to_builtins(_comparable(wanted)), ""
    )
    if difference:
        raise LedgerError(
            f"this run was begun with {difference}; change it back, or start over with `smartstore reset`"
        )


def realise_again(
    production: Production,
    relay: ConfigRelay,
    ledger: Ledger,
    snapshots: Snapshots,
    step: Callable[[], None],
) -> int:
    """Make the ticks from the newest snapshot to the last committed one again, writing nothing; returns that tick.

    `step` is called after each tick and may raise to break off.

    Raises:
        LedgerError: a tick differs from what the ledger says of it.
    """
    committed = ledger.committed
    if committed is None:
        start = production.first_tick - production.tick_ms
        _take_rows(relay, ledger.relayed, start)
        return start
    snapshot = _restore(production, relay, snapshots.newest(committed.seq))
    facts: list[JobFact] = []
    scaled: list[Emission] = []
    last = snapshot.tick_ms if snapshot else production.world.start_ms
    for line in ledger.lines_from(snapshot.place if snapshot else None):
        if is_tick(line):
            last = _make_again(production, line, facts, scaled)
            facts, scaled = [], []
            step()
        elif is_scale(line):
            scaled = scale(production.world, relay, len(DECODE_LINE(line).stores), last)
        elif is_fact(line):
            told = DECODE_LINE(line)
            facts.append(fact_of(told.line or "", bytes(told.data)))
        elif is_row(line):
            row = DECODE_LINE(line)
            if row.seq < committed.seq:
                _take_row(relay, row, last)
    relay.positions = {topic: dict(offsets) for topic, offsets in committed.relayed.items()}
    _take_rows(relay, ledger.relayed, committed.tick_ms)
    return committed.tick_ms


def entries_after(ledger: Ledger, position: int) -> Iterator[Entry]:
    """What the ledger puts into Redis after a position."""
    for line in ledger.lines_after(position):
        entry = entry_of_line(DECODE_LINE(line))
        if entry is not None:
            yield entry


def _take_rows(relay: ConfigRelay, relayed: Sequence[Line], moment_ms: int) -> None:
    for line in relayed:
        if line.kind == "row":
            _take_row(relay, line, moment_ms)


def _take_row(relay: ConfigRelay, line: Line, moment_ms: int) -> None:
    """Let the relay know a row again; what brought it to the stores stands in the ledger."""
    topic, partition, offset, _ = msgspec.convert(line.relayed, Place)
    relay.records(ConfigRow(topic, partition, offset, bytes(line.data)), from_epoch_ms(moment_ms))


def _restore(production: Production, relay: ConfigRelay, snapshot: Snapshot | None) -> Snapshot | None:
    if snapshot is None:
        return None
    try:
        production.world.restore(snapshot.world)
    except SnapshotError as error:
        log.warning("%s; making the run again from its beginning", error)
        return None
    production.faults.restore(snapshot.faults)
    relay.restore(snapshot.relay)
    return snapshot


def fact_of(line: str, data: bytes) -> JobFact:
    """A fact as the world takes it."""
    return JobFact(line, decoder(BY_NAME[line].value).decode(data))


def _make_again(
    production: Production, line: bytes, facts: Sequence[JobFact], scaled: Sequence[Emission]
) -> int:
    mark = DECODE_TICK(line)
    for store in set(production.world.awake).difference(mark.stores):
        production.world.rest(store)
    made = production.make(mark.tick_ms, facts, scaled)
    if (len(made.records), made.checksum) != (mark.records, mark.checksum):
        raise LedgerError(
            f"made again, the tick {mark.tick.isoformat()} differs from the ledger ({len(made.records)} records, "
            f"{mark.records} expected): another version of SmartStore or of the data wrote it; "
            "start over with `smartstore reset`"
        )
    return mark.tick_ms


def _comparable(settings: RunSettings) -> RunSettings:
    same = dict.fromkeys(_MAY_CHANGE, 0)
    return msgspec.structs.replace(
        settings, stores=0, source=msgspec.structs.replace(settings.source, **same)
    )


def _difference(written: object, wanted: object, path: str) -> str | None:
    if isinstance(written, dict) and isinstance(wanted, dict):
        for name in written:
            found = _difference(written[name], wanted.get(name), f"{path}.{name}" if path else name)
            if found:
                return found
        return None
    return None if written == wanted else f"{path} = {written}, not {wanted}"
