"""Tables of source lines: a row for each event, as it stands first on its topic."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import msgspec

from smartstore.contracts.events import Event
from smartstore.contracts.topics import LINES, Topic
from smartstore.contracts.wire import TICK_KEY
from smartstore.verify.differences import Check
from smartstore.verify.postgres import Snapshot
from smartstore.verify.topic_checks import Ranges
from smartstore.verify.topics import Record, Topics

TABLED = tuple(topic for topic in LINES if topic.table)


def check_event_tables(
    topics: Topics,
    snapshot: Snapshot,
    served: dict[str, Ranges],
    ends: dict[str, Ranges],
    progress: Callable[[str], None],
) -> list[Check]:
    """Compare the tables with what their topics have up to `ends`; what stood before `served` must be there."""
    checks = []
    for topic in TABLED:
        progress(f"table {topic.table}")
        checks.append(_check(topics, snapshot, topic, served[topic.name], ends[topic.name]))
    return checks


def _check(topics: Topics, snapshot: Snapshot, topic: Topic, served: Ranges, ends: Ranges) -> Check:
    check = Check(str(topic.table))
    rows = {(row.store_id, row.event_id): hash(row) for row in snapshot.rows(topic)}
    seen: set[tuple[str, str]] = set()
    for message, event in _events(topics, topic, ends):
        key = event.store_id, event.event_id
        if key in seen:
            continue
        seen.add(key)
        check.compared += 1
        found, where = rows.get(key), f"{event.store_id} event {event.event_id}"
        if found is None and message.offset() < served[message.partition()].high:
            check.differs("is missing", where, event, "no row")
        elif found is not None and found != hash(event):
            check.differs("content differs", where, event, "another row")
    if all(one.low == 0 for one in ends.values()):
        for store_id, event_id in rows.keys() - seen:
            check.differs("is not on its topic", f"{store_id} event {event_id}", "no row", "a row")
    return check


def _events(topics: Topics, topic: Topic, ends: Ranges) -> Iterator[tuple[Record, Event]]:
    """The line's events up to `ends`; what is none was found with the source topics."""
    decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(topic.value)
    for batch in topics.read(topic):
        for message in batch:
            if message.key() == TICK_KEY or message.offset() >= ends[message.partition()].high:
                continue
            with suppress(msgspec.MsgspecError):
                yield message, decoder.decode(message.value())
