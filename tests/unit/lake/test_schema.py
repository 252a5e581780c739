"""A contract that grows fits its table; one that contradicts it is refused by name."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from deltalake import DeltaTable, Schema
from msgspec import Struct
from prometheus_client import CollectorRegistry

from smartstore.contracts import outputs, topics
from smartstore.contracts.derive.columns import columns_of
from smartstore.lake.metrics import Metrics
from smartstore.lake.schema import IncompatibleTable, delta_schema, demand_compatible
from smartstore.lake.store import Shape, Store
from smartstore.lake.tables import KAFKA_COLUMNS

pytestmark = pytest.mark.unit


class Lot(Struct, frozen=True, kw_only=True):
    """A nested record."""

    code: str
    quantity: int


class Before(Struct, frozen=True, kw_only=True):
    """A record of the last release."""

    key: str
    lots: list[Lot]


class WiderLot(Lot, frozen=True, kw_only=True):
    """The nested record with one field more."""

    note: str | None = None


class After(Struct, frozen=True, kw_only=True):
    """The record of this release."""

    key: str
    lots: list[WiderLot]
    weight: float | None = None


class WrongLot(Struct, frozen=True, kw_only=True):
    """The nested record with another type."""

    code: int
    quantity: int


class Wrong(Struct, frozen=True, kw_only=True):
    """A record that no table of the last release can hold."""

    key: bool
    lots: list[WrongLot]


def _schema(record: type[Struct]) -> dict[str, Any]:
    return delta_schema(columns_of(record), KAFKA_COLUMNS)


def test_new_fields_fit_at_any_depth() -> None:
    demand_compatible("ops/t", _schema(Before), columns_of(After))


def test_a_table_of_a_newer_release_fits() -> None:
    demand_compatible("ops/t", _schema(After), columns_of(Before))


def test_another_type_is_refused_by_table_and_column() -> None:
    with pytest.raises(IncompatibleTable) as refused:
        demand_compatible("ops/t", _schema(Before), columns_of(Wrong))
    lines = str(refused.value).splitlines()
    assert lines[0].startswith("ops/t: column key is string, the contract says boolean;")
    assert lines[1].startswith("ops/t: column lots[].code is string, the contract says long;")


@pytest.mark.parametrize("topic", topics.TOPICS, ids=lambda topic: topic.name)
def test_delta_accepts_the_schema_of_every_contract(topic: topics.Topic) -> None:
    text = msgspec.json.encode(_schema(topic.value)).decode()
    assert msgspec.json.decode(Schema.from_json(text).to_json()) == _schema(topic.value)


def test_new_columns_are_added_when_the_table_is_opened(tmp_path: Path) -> None:
    store = Store(None, str(tmp_path), timedelta(hours=24), Metrics(CollectorRegistry()))  # type: ignore[arg-type]
    store.open(Shape(path="ops/t", record=Before, topic="t"))
    store.open(Shape(path="ops/t", record=After, extra=KAFKA_COLUMNS, topic="t"))
    table = DeltaTable(store.location("ops/t"))
    assert [field.name for field in table.schema().fields] == ["key", "lots", "weight", *KAFKA_COLUMNS]
    assert store.covered("ops/t") == {"t": {}}


def test_a_table_is_made_once_and_checked_when_opened_again(tmp_path: Path) -> None:
    metrics = Metrics(CollectorRegistry())

    def open_as(record: type[Struct], hours: int) -> DeltaTable:
        store = Store(None, str(tmp_path), timedelta(hours=hours), metrics)  # type: ignore[arg-type]
        store.open(Shape(path="ops/alerts", record=record))
        return DeltaTable(store.location("ops/alerts"))

    table = open_as(outputs.Alert, 24)
    assert (table.protocol().min_reader_version, table.protocol().min_writer_version) == (1, 2)
    assert open_as(outputs.Alert, 24).version() == 0
    changed = open_as(outputs.Alert, 48)
    assert changed.metadata().configuration["delta.deletedFileRetentionDuration"] == "interval 48 hours"

    class Other(Struct):
        """Has a field of the same name and another type."""

        alert_id: int

    with pytest.raises(IncompatibleTable, match="ops/alerts: column alert_id is string"):
        open_as(Other, 48)
