"""Savepoints of the hot application: other shards and partitions, and a lost checkpoint."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from smartstore.contracts import topics
from smartstore.contracts.settings import PlanningSettings
from smartstore.contracts.wire import decoder
from smartstore.domain.engine import Parameters
from tests.integration.streaming.hot_process import Hot
from tests.integration.streaming.lines_on_kafka import (
    START_MS,
    STEP_MS,
    Lines,
    outputs_of_the_memory_runner,
    published,
    read,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]
STORES = ("s0001", "s0002", "s0003")


def applications(bootstrap: str, prefix: str) -> dict[str, set[str]]:
    """The applications that have spoken for each store."""
    decode, found = decoder(topics.JOB_STATUS.value).decode, dict[str, set[str]]()
    for _, value, _ in read(bootstrap, prefix + topics.JOB_STATUS.name):
        status = decode(value)
        found.setdefault(status.store_id, set()).add(status.application)
    return found


def forget_before(bootstrap: str, prefix: str, positions: dict[str, dict[str, int]]) -> None:
    """Have Kafka delete what lies before these offsets, as its retention would."""
    places = [
        TopicPartition(prefix + line, int(partition), offset)
        for line, offsets in positions.items()
        for partition, offset in offsets.items()
    ]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.delete_records(places).values():
        future.result(60)


def test_a_savepoint_goes_on_in_two_shards_and_after_a_lost_checkpoint(
    bootstrap: str, topic_prefix: str, new_hot: Callable[..., Hot], tmp_path: Path
) -> None:
    savepoints = tmp_path / "savepoints"
    savepoints.mkdir()
    lines = Lines(bootstrap, topic_prefix, STORES, shelves=40)
    hot = new_hot(SMARTSTORE_SAVEPOINT_DIR=str(savepoints)).start()
    lines.open_stores()
    lines.minutes(1, 30, events=30)
    hot.wait_for(START_MS + 5 * STEP_MS, 300)
    (savepoints / "request").write_text("one")
    summary_file = savepoints / "one" / "hot.json"
    give_up = time.monotonic() + 300
    while not summary_file.exists():
        assert time.monotonic() < give_up, hot.log.read_text()[-3000:]
        time.sleep(0.2)
    summary = json.loads(summary_file.read_text())
    assert (summary["stores"], summary["shards"]) == (3, 1)
    assert set(summary["positions"]) == {line.name for line in topics.HOT_LINES}
    lines.minutes(31, 50, events=30)
    hot.wait_for(START_MS + 51 * STEP_MS, 300)
    assert hot.stop() == 0

    shards = [
        new_hot(
            f"hot-{n}",
            SMARTSTORE_HOT_SHARD=str(n),
            SMARTSTORE_HOT_SHARDS="2",
            SMARTSTORE_HOT_SHUFFLE_PARTITIONS="3",
            SMARTSTORE_HOT_SAVEPOINT=str(savepoints / "one"),
        )
        for n in range(2)
    ]
    for shard in shards:
        shard.start()
    lines.minutes(51, 70, events=30)
    shards[0].wait_for(START_MS + 71 * STEP_MS, 300)
    assert [shard.stop() for shard in shards] == [0, 0]

    spoken = applications(bootstrap, topic_prefix)
    assert all("hot" in names and len(names) == 2 for names in spoken.values())
    assert {name for names in spoken.values() for name in names} == {"hot", "hot-0", "hot-1"}
    expected = outputs_of_the_memory_runner(bootstrap, topic_prefix, Parameters(STEP_MS, PlanningSettings()))
    found = published(bootstrap, topic_prefix)
    assert found.keys() == expected.keys()

    forget_before(bootstrap, topic_prefix, summary["positions"])
    lost = new_hot("lost").start()
    assert lost.process is not None
    assert lost.process.wait(timeout=300) == 1
    assert "there is no checkpoint, so reading begins at offset 0" in lost.log.read_text()
    again = new_hot("again", SMARTSTORE_HOT_SAVEPOINT=str(savepoints / "one")).start()
    lines.minutes(71, 75, events=30)
    again.wait_for(START_MS + 76 * STEP_MS, 300)
    assert again.stop() == 0
