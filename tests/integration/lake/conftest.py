"""A lake that was written through kill -9 and without its checkpoint; its tests only look at it."""

import shutil
from collections.abc import Iterator

import pytest
from deltalake import DeltaTable, Field, Schema
from deltalake.schema import PrimitiveType
from msgspec.structs import replace

from smartstore.contracts import topics
from smartstore.contracts.events import Store
from tests.integration.lake.lake_process import Lake
from tests.integration.lake.records import NOON, Records


def _table_of_an_older_release(lake: Lake) -> None:
    """`cleansed/stores` as it was before `parts` came."""
    kinds = {"event_id": "string", "store_id": "string", "ordinal": "long"}
    fields = [Field(name, PrimitiveType(kind)) for name, kind in kinds.items()]
    path = lake.root / "cleansed" / "stores"
    path.mkdir(parents=True)
    properties = {"delta.deletedFileRetentionDuration": "interval 24 hours"}
    DeltaTable.create(str(path), Schema(fields), configuration=properties)


@pytest.fixture(scope="session")
def written(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Records, Lake]]:
    """Two rounds of records in the lake; what happens to the application in between is told here."""
    directory = tmp_path_factory.mktemp("lake")
    records = Records(bootstrap, f"lake{directory.name.replace('-', '')}_")
    lake = Lake(bootstrap, records.prefix, directory)
    _table_of_an_older_release(lake)
    records.write_round(1)
    try:
        lake.start()
        # The first micro-batch has begun: shelf_events are written, shelf_state is not.
        lake.wait_until(lambda: lake.commits("raw/shelf_events") > 1, pause=0.002)
        lake.kill()
        assert not lake.covers("cleansed/shelf_state", "shelf_state")
        shutil.rmtree(lake.state / "checkpoint")
        (lake.state / "checkpoint").mkdir()
        (lake.state / "checkpoint" / "metadata").write_text('{"id": "of another query"}')
        records.write_round(2)
        store = Store(event_id="o", store_id="s0001", timestamp=NOON, ordinal=0, name="One")
        records.write(topics.STORES, replace(store, version=3, name="Two"))
        records.write(topics.STORES, store)
        records.write_round(3)
        lake.start(SMARTSTORE_LAKE_MAINTENANCE_SECONDS="0", SMARTSTORE_LAKE_RETENTION_HOURS="0")
        wanted = {
            topic: records.ends(topic)
            for topic in (topics.SHELF_EVENTS, topics.SHELF_STATE, topics.STORES, topics.SHELF_RESTOCK_PLAN)
        }
        lake.wait_until(
            lambda: (
                all(covered(lake, topic) == count for topic, count in wanted.items())
                and covered(lake, topics.SHELF_STATE, "curated/product_total_state")
                == wanted[topics.SHELF_STATE]
                and covered(lake, topics.SHELF_RESTOCK_PLAN, "staging/shelf_refill_pending")
                == wanted[topics.SHELF_RESTOCK_PLAN]
            )
        )
        assert lake.stop() == 0
        yield records, lake
    finally:
        if lake.process is not None and lake.process.poll() is None:
            lake.kill()


def covered(lake: Lake, topic: topics.Topic, path: str | None = None) -> int:
    """How many records of a topic its table (or the one at `path`) covers."""
    assert topic.lake is not None
    return sum(offset + 1 for offset in lake.covers(path or topic.lake, topic.name).values())
