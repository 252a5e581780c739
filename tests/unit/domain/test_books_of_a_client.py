"""The books that a client keeps by docs/stock-rules.md on its own, and the jobs, on the same random days."""

import random
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from smartstore.contracts import topics
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.wire import decoder, epoch_ms
from smartstore.domain.engine import Parameters
from smartstore.domain.memory import MemoryRunner
from tests.e2e.client_books import Books
from tests.e2e.client_day import Day, Record
from tests.e2e.client_tables import TABLES, expected, unlike

pytestmark = pytest.mark.unit

START_MS = epoch_ms(datetime(2026, 5, 4, 9, tzinfo=UTC))
TICK_MS = 1000
BESIDE_THE_JOBS = {"ref.stores", "ops.wh_events"}
"""Tables that no job writes."""


class Store:
    """One store in memory; its client posts, and time goes on."""

    def __init__(self, seed: int) -> None:
        self.now_ms = START_MS
        self.books = Books("s0001")
        self.day = Day(random.Random(seed), self.books, lambda: self.now_ms)
        planning = PlanningSettings(lateness_minutes=1, execution="Reported")
        self._runner = MemoryRunner(Parameters(TICK_MS, planning))
        self._tick_ms = START_MS

    def post(self, records: list[Record]) -> None:
        """Into the books, and to the jobs."""
        for record in records:
            self.books.post(record)
            own = {name: value for name, value in record.items() if name != "topic"}
            topic = topics.BY_NAME[record["topic"]]
            self._runner.event(topic.name, decoder(topic.value).decode(msgspec.json.encode(own)))

    def wait(self, milliseconds: int) -> None:
        """Take the ticks of a while."""
        self.now_ms += milliseconds
        while self._tick_ms + TICK_MS <= self.now_ms:
            self._tick_ms += TICK_MS
            self._runner.tick(self._tick_ms, [self.books.store])

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """What Postgres would show: of each key the newest version."""
        newest: dict[str, dict[str, Struct]] = {table: {} for table in TABLES}
        for output in self._runner.outputs:
            topic = topics.BY_NAME[output.topic]
            if topic.table in newest:
                rows, record = newest[topic.table], decoder(topic.value).decode(output.value)
                if _version(record) > _version(rows.get(output.key)):
                    rows[output.key] = record
        return {
            table: [tuple(getattr(row, name) for name in TABLES[table].split(", ")) for row in rows.values()]
            for table, rows in newest.items()
        }


def _version(record: Struct | None) -> int:
    return -1 if record is None else getattr(record, "version", 0)


@pytest.mark.parametrize("seed", range(8))
def test_the_jobs_come_to_what_a_client_has_in_its_own_books(seed: int) -> None:
    store = Store(seed)
    store.post(store.day.opening())
    store.wait(2 * TICK_MS)
    store.post(store.day.impossible())
    for records in store.day.ahead_of_its_cause():
        store.post(records)
        store.wait(TICK_MS)
    for _ in range(300):
        store.post(store.day.some())
        store.wait(store.day.rnd.choice((0, 0, 10, 400, 1500)))
    store.post(store.day.closing())
    store.wait(61_000)
    store.books.write_off()
    wanted = {table: rows for table, rows in expected([store.books]).items() if table not in BESIDE_THE_JOBS}
    assert unlike(wanted, store.tables()) == []
