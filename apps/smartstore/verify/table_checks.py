"""The serving tables against the expectations."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from smartstore.contracts import topics as contract
from smartstore.contracts.topics import Topic
from smartstore.verify.compare import Comparison
from smartstore.verify.conservation import Conservation
from smartstore.verify.differences import Check
from smartstore.verify.expectations import Expectations
from smartstore.verify.histories import Key
from smartstore.verify.postgres import Snapshot


def check_tables(
    snapshot: Snapshot, expectations: Expectations, progress: Callable[[str], None]
) -> tuple[list[Check], Counter[str]]:
    """Compare every table; also returns, by line, how many due dead letters were found."""
    conservation = Conservation(expectations.until, expectations.skus())
    collectors: dict[str, Callable[[Any], None]] = {
        contract.SHELF_STATE.name: conservation.shelf,
        contract.SHELF_BATCH_STATE.name: conservation.lot,
        contract.WH_STATE.name: conservation.back_room,
        contract.WH_BATCH_STATE.name: conservation.back_lot,
    }
    checks = []
    for topic, expected in expectations.keyed():
        progress(f"table {topic.table}")
        check = Check(str(topic.table))
        comparison = Comparison(check, expected, expectations.until)
        collect = collectors.get(topic.name)
        for row in snapshot.rows(topic):
            comparison.row(key_of(topic, row), row)
            if collect is not None:
                collect(row)
        comparison.finish()
        checks.append(check)
    checks.append(Check(str(contract.ADJUSTMENTS.table)))
    corrections = expectations.corrections(checks[-1])
    for row in snapshot.rows(contract.ADJUSTMENTS):
        conservation.correction(corrections.record(row))
    corrections.finish()
    checks.append(Check(str(contract.DEAD_LETTERS.table)))
    letters = expectations.dead_letters(checks[-1])
    for row in snapshot.rows(contract.DEAD_LETTERS):
        letters.record(row)
    letters.finish()
    checks.append(Check("conservation"))
    conservation.finish(checks[-1], expectations.truth.flows, faultless=expectations.faultless)
    return checks, letters.found_due


def key_of(topic: Topic, record: Struct) -> Key:
    """The record's key as a tuple."""
    return tuple([getattr(record, name) for name in topic.key])
