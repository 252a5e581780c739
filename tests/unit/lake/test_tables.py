"""Which topic has which table, and what a table looks like."""

import re
from pathlib import Path

import msgspec
import pytest

from smartstore.contracts import topics
from smartstore.contracts.derive.columns import columns_of
from smartstore.contracts.lake import PRODUCT_TOTAL_PARTS, PRODUCT_TOTAL_PATH, Part
from smartstore.contracts.topics import Topic
from smartstore.lake.tables import KAFKA_COLUMNS, VERBATIM_COLUMNS, Table, lake_tables
from smartstore.lake.totals import addends

pytestmark = pytest.mark.unit
DOCS = Path(__file__).parents[3] / "docs" / "lake.md"


def test_lines_are_mirrored_states_are_merged_and_other_outputs_inserted_once() -> None:
    modes = {table.path: table.mode for table in lake_tables()}
    assert modes["raw/shelf_events"] == "mirror"
    assert modes["cleansed/shelf_state"] == "state"
    assert modes["ops/alerts"] == "state"
    assert modes["cleansed/pos_transaction_lines"] == "insert"


def test_a_topic_with_a_lake_path_needs_nothing_else() -> None:
    topic = msgspec.structs.replace(topics.SHELF_STATE, name="wh_state", lake="cleansed/wh_state")
    without = msgspec.structs.replace(topic, name="private", lake=None)
    assert [table.path for table in lake_tables((topic, without))] == ["cleansed/wh_state"]


@pytest.mark.parametrize("table", lake_tables(), ids=lambda table: table.path)
def test_paths_and_columns_do_not_collide(table: Table) -> None:
    assert re.fullmatch(r"(raw|cleansed|curated|ops|analytics)/[a-z_]+", table.path)
    assert [other.path for other in lake_tables()].count(table.path) == 1
    own = {column.name for column in columns_of(table.topic.value)}
    assert not own & {*KAFKA_COLUMNS, *VERBATIM_COLUMNS}
    assert set(table.topic.key) <= own


def test_every_table_is_documented() -> None:
    documented = set(re.findall(r"^\| `([a-z]+/[a-z_]+)` \|", DOCS.read_text(), re.MULTILINE))
    fed = {table.path for table in lake_tables()} | {PRODUCT_TOTAL_PATH}
    assert fed <= documented, "docs/lake.md lacks tables"


def test_a_total_takes_what_there_is() -> None:
    shelf = {"shelf_state": topics.SHELF_STATE}
    assert [addend.part.name for addend in addends(PRODUCT_TOTAL_PARTS, shelf)] == ["units_on_shelf"]
    both = shelf | {
        "wh_state": msgspec.structs.replace(topics.SHELF_STATE, name="wh_state", lake="cleansed/wh_state")
    }
    assert [(a.part.name, a.path, a.column) for a in addends(PRODUCT_TOTAL_PARTS, both)] == [
        ("units_on_shelf", "cleansed/shelf_state", "current_stock"),
        ("units_in_back_room", "cleansed/wh_state", "current_stock"),
    ]


def test_a_part_without_its_column_is_refused_by_name() -> None:
    known: dict[str, Topic] = {"shelf_state": topics.SHELF_STATE}
    with pytest.raises(LookupError, match=r"curated/product_total_state: shelf_state has no column pieces"):
        addends((Part(name="units", topic="shelf_state", columns=("pieces",)),), known)
