"""The output topics against the expectations: every record at its version, the newest of each key, and the repeats."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from smartstore.contracts import topics as contract
from smartstore.contracts.topics import Topic
from smartstore.verify.compare import Comparison, Repeats
from smartstore.verify.differences import Check
from smartstore.verify.expectations import Expectations
from smartstore.verify.histories import Expected
from smartstore.verify.table_checks import key_of
from smartstore.verify.topics import Range, Record, Topics

Ranges = dict[int, Range]


def check_topics(
    topics: Topics, expectations: Expectations, ends: dict[str, Ranges], progress: Callable[[str], None]
) -> list[Check]:
    """Compare every output topic up to the offsets `ends`; what came later only counts as newer."""
    checks = []
    for topic, expected in expectations.keyed():
        progress(f"topic {topic.name}")
        checks.append(_keyed(topics, topic, expected, expectations.until, ends[topic.name]))
    progress(f"topic {contract.ADJUSTMENTS.name}")
    checks.append(Check(f"topic {contract.ADJUSTMENTS.name}"))
    corrections = expectations.corrections(checks[-1])
    for record in _distinct(topics, contract.ADJUSTMENTS, checks[-1], ends[contract.ADJUSTMENTS.name]):
        corrections.record(record)
    if _complete(ends[contract.ADJUSTMENTS.name]):
        corrections.finish()
    progress(f"topic {contract.DEAD_LETTERS.name}")
    checks.append(Check(f"topic {contract.DEAD_LETTERS.name}"))
    letters = expectations.dead_letters(checks[-1])
    for record in _distinct(topics, contract.DEAD_LETTERS, checks[-1], ends[contract.DEAD_LETTERS.name]):
        letters.record(record)
    if _complete(ends[contract.DEAD_LETTERS.name]):
        letters.finish()
    return checks


def _keyed(topics: Topics, topic: Topic, expected: Expected, until: int, ranges: Ranges) -> Check:
    check = Check(f"topic {topic.name}")
    comparison, repeats = Comparison(check, expected, until), Repeats(check, expected)
    next_offset = {partition: r.low for partition, r in ranges.items()}
    compacted = False
    for message, record in _records(topics, topic, check):
        partition, offset = message.partition(), message.offset()
        compacted |= offset != next_offset[partition]
        next_offset[partition] = offset + 1
        if offset >= ranges[partition].high:
            comparison.ahead(key_of(topic, record))
            continue
        ordinal = comparison.row(key_of(topic, record), record)
        if ordinal is not None:
            repeats.record(ordinal, record.version, message.value())
    comparison.finish(complete=topic.cleanup == "compact" or _complete(ranges))
    repeats.finish(compacted=compacted)
    return check


def _distinct(topics: Topics, topic: Topic, check: Check, ranges: Ranges) -> Iterator[Any]:
    """The records of an append-only topic, each key once; a repeat must have the same bytes."""
    seen: dict[bytes, int] = {}
    for message, record in _records(topics, topic, check):
        if message.offset() >= ranges[message.partition()].high:
            continue
        key, content = message.key(), hash(message.value())
        if key not in seen:
            seen[key] = content
            yield record
        elif seen[key] != content:
            check.differs(
                "a repeat has other bytes", key.decode(), "the same bytes", f"offset {message.offset()}"
            )


def _records(topics: Topics, topic: Topic, check: Check) -> Iterator[tuple[Record, Any]]:
    decode = msgspec.json.Decoder(topic.value).decode
    for batch in topics.read(topic):
        for message in batch:
            try:
                record = decode(message.value() or b"")
            except msgspec.MsgspecError as error:
                where = f"partition {message.partition()} offset {message.offset()}"
                check.differs("is no record", where, "a record of the contract", error)
                continue
            yield message, record


def _complete(ranges: Ranges) -> bool:
    """Whether Kafka still has the topic from its beginning."""
    return all(r.low == 0 for r in ranges.values())
