"""What a record that nobody can read does to its line: it is kept with the reason, and nothing waits for it."""

import pytest

from smartstore.contracts import topics
from smartstore.contracts.wire import encode
from tests.unit.domain.lines_of_a_store import Lines, count, lot, of, profile, run, shelf_event

REMOVAL = encode(shelf_event("x", 1.2, "removal", "A1", 1, lots=[lot("B1", 1)]))


@pytest.mark.parametrize(
    "unreadable",
    [
        b"no json",
        b"\xff\xfe",
        b'{"event_id": "x"}',
        REMOVAL.replace(b'"2025-12-30"', b"1767052800000"),  # a date as a number
        REMOVAL.replace(b'"quantity":1', b'"quantity":"1"'),
    ],
)
def test_an_unreadable_record_stops_nothing(unreadable: bytes) -> None:
    lines = Lines().write(profile("A1"), count("A1", [lot("B1", 10)])).tick(1)
    lines.raw(topics.SHELF_EVENTS.name, unreadable).write(shelf_event("e1", 1.5, "pickup", "A1", 4)).tick(2)
    _, outputs = run(lines)
    assert [one.current_stock for one in of(outputs, topics.SHELF_STATE)] == [10, 6]
    (letter,) = of(outputs, topics.DEAD_LETTERS)
    assert (letter.source, letter.store_id) == ("shelf_events", "s0001")
    assert letter.reason
    assert letter.value.encode() == unreadable.replace(b"\xff\xfe", rb"\xff\xfe")
