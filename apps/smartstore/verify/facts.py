"""Facts of the jobs: those on Kafka against those that must be there, and how the world judged them."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import msgspec

from smartstore.contracts.events import Event
from smartstore.contracts.outputs import LedgerNote
from smartstore.contracts.topics import BY_NAME
from smartstore.contracts.wire import HEADER_FACT, HEADER_JOB
from smartstore.verify.differences import Check
from smartstore.verify.ledger import FactLine, Ledger, NoteLine, TickLine
from smartstore.verify.ticks import milliseconds
from smartstore.verify.topics import Record


@dataclass(frozen=True)
class ExpectedFact:
    """A fact that a job must have stated at `decided` (epoch ms of the tick)."""

    line: str
    record: Event
    decided: int


@dataclass(frozen=True)
class FoundFact:
    """A fact as it stands on Kafka, with its number among those of its store."""

    line: str
    record: Event
    number: int


def _decode(line: str, value: bytes | msgspec.Raw) -> Any:
    return msgspec.json.decode(value, type=BY_NAME[line].value)


def number_of(message: Record) -> int:
    """The fact's number among those of its store; 0 for a record that no job wrote."""
    headers = message.headers() or []
    if len(headers) < 2 or headers[0][0] != HEADER_JOB or headers[1][0] != HEADER_FACT:
        return 0
    return int(headers[1][1])


class FactCollection:
    """The facts of all lines, as read from Kafka."""

    def __init__(self) -> None:
        self.found: dict[str, FoundFact] = {}
        """By event id."""

    def add(self, check: Check, line: str, number: int, value: bytes) -> None:
        """Take one record of a job; a repeat must be the same."""
        try:
            record = _decode(line, value)
        except msgspec.MsgspecError as error:
            check.differs("is no event", f"{line} fact {number}", "a record of the contract", error)
            return
        fact = FoundFact(line, record, number)
        known = self.found.setdefault(record.event_id, fact)
        if known != fact:
            check.differs("a repeat differs", f"{line} fact {record.event_id}", known, fact)


def check_facts(
    found: FactCollection, expected: dict[str, ExpectedFact], tick: int, *, complete: bool
) -> Check:
    """What jobs stated, against what they had to; `complete`: Kafka still has all lines from their beginning."""
    check = Check("facts of jobs")
    for event_id, fact in found.found.items():
        check.compared += 1
        wanted = expected.get(event_id)
        where = f"{fact.line} {fact.record.store_id} fact {fact.number} {event_id}"
        if wanted is None:
            check.differs("should not exist", where, "nothing", fact.record)
        elif (wanted.line, wanted.record) != (fact.line, fact.record):
            check.differs("content differs", where, wanted.record, fact.record)
    if complete:
        for event_id, wanted in expected.items():
            if wanted.decided <= tick and event_id not in found.found:
                check.differs("is missing", f"{wanted.line} {event_id}", wanted.record, "nothing")
        _check_numbers(check, found)
    return check


def _check_numbers(check: Check, found: FactCollection) -> None:
    numbers: dict[str, list[int]] = {}
    for fact in found.found.values():
        numbers.setdefault(fact.record.store_id, []).append(fact.number)
    for store_id, taken in numbers.items():
        if sorted(taken) != list(range(1, len(taken) + 1)):
            check.differs("numbers have gaps or repeats", store_id, f"1 to {len(taken)}", "other numbers")


def check_judgements(ledger: Ledger, expected: dict[str, ExpectedFact], last_seq: int) -> Check:
    """Each fact the world took in was one that had to be stated, and could be made true, once."""
    check = Check("facts in the world")
    told: dict[str, int] = {}
    judged: Counter[str] = Counter()
    last_tick = 0
    for _, line in ledger.lines(until_seq=last_seq):
        if type(line) is FactLine:
            record = _decode(line.line, line.data)
            check.compared += 1
            told[record.event_id] = milliseconds(record.timestamp)
            wanted = expected.get(record.event_id)
            if wanted is None or wanted.record != record:
                check.differs("was not to be stated", f"{line.line} {record.event_id}", wanted, record)
        elif type(line) is NoteLine:
            note = msgspec.json.decode(line.data, type=LedgerNote)
            if note.kind == "impossible":
                where = f"{note.store_id} {note.shelf_id} {note.event_id}"
                check.differs("is impossible", where, "what the fact names is there", note.timestamp)
            if note.kind in ("applied", "impossible"):
                judged[note.event_id or ""] += 1
        elif type(line) is TickLine:
            last_tick = milliseconds(line.tick)
    for event_id, due in told.items():
        if judged[event_id] != 1 and (due < last_tick or judged[event_id] > 1):
            check.differs("judged otherwise than once", event_id, 1, judged[event_id])
    return check
