"""After a restart: bring the world to the last committed tick, and check that it is still the same world."""

import logging
from collections.abc import Callable, Iterator, Sequence

import msgspec

from smartstore.contracts.events import StoreConfig
from smartstore.contracts.settings import RunSettings
from smartstore.contracts.topics import BY_NAME, STORE_CONFIG
from smartstore.contracts.wire import decoder
from smartstore.world.ledger import Ledger, LedgerError
from smartstore.world.ledger_lines import (
    DECODE_LINE,
    DECODE_TICK,
    Entry,
    Line,
    Place,
    entry_of_line,
    is_fact,
    is_relayed,
    is_tick,
)
from smartstore.world.model import JobFact, SnapshotError
from smartstore.world.production import Production
from smartstore.world.relay import ConfigRelay
from smartstore.world.snapshots import Snapshot, Snapshots

_MAY_CHANGE = ("speed", "max_lead", "days")
log = logging.getLogger("smartstore.world.resume")


def demand_same_run(written: RunSettings | None, wanted: RunSettings) -> None:
    """Speed, lead and end may change in the middle of a run, nothing else.

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
        _take_over(relay, ledger.relayed)
        return production.first_tick - production.tick_ms
    snapshot = _restore(production, relay, snapshots.newest(committed.seq))
    facts: list[JobFact] = []
    for line in ledger.lines_from(snapshot.place if snapshot else None):
        if is_tick(line):
            _make_again(production, line, facts)
            facts = []
            step()
        elif is_fact(line):
            told = DECODE_LINE(line)
            facts.append(fact_of(told.line or "", bytes(told.data)))
        elif is_relayed(line):
            config = DECODE_LINE(line)
            if config.seq < committed.seq:
                relay.note(_config_of(config))
    relay.positions = {topic: dict(offsets) for topic, offsets in committed.relayed.items()}
    _take_over(relay, ledger.relayed)
    return committed.tick_ms


def entries_after(ledger: Ledger, position: int) -> Iterator[Entry]:
    """What the ledger puts into Redis after a position."""
    for line in ledger.lines_after(position):
        entry = entry_of_line(DECODE_LINE(line))
        if entry is not None:
            yield entry


def _take_over(relay: ConfigRelay, relayed: Sequence[Line]) -> None:
    """Note what was relayed after the last committed tick."""
    for line in relayed:
        topic, partition, offset, _ = msgspec.convert(line.relayed, Place)
        relay.note(_config_of(line))
        relay.positions.setdefault(topic, {})[partition] = offset + 1


def _config_of(line: Line) -> StoreConfig:
    config: StoreConfig = decoder(STORE_CONFIG.value).decode(line.data)
    return config


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


def _make_again(production: Production, line: bytes, facts: Sequence[JobFact]) -> None:
    mark = DECODE_TICK(line)
    made = production.make(mark.tick_ms, facts)
    if (len(made.records), made.checksum) != (mark.records, mark.checksum):
        raise LedgerError(
            f"made again, the tick {mark.tick.isoformat()} differs from the ledger ({len(made.records)} records, "
            f"{mark.records} expected): another version of SmartStore or of the data wrote it; "
            "start over with `smartstore reset`"
        )


def _comparable(settings: RunSettings) -> RunSettings:
    same = dict.fromkeys(_MAY_CHANGE, 0)
    return msgspec.structs.replace(settings, source=msgspec.structs.replace(settings.source, **same))


def _difference(written: object, wanted: object, path: str) -> str | None:
    if isinstance(written, dict) and isinstance(wanted, dict):
        for name in written:
            found = _difference(written[name], wanted.get(name), f"{path}.{name}" if path else name)
            if found:
                return found
        return None
    return None if written == wanted else f"{path} = {written}, not {wanted}"
