"""One declaration, six systems: a field added to a contract shows up in every derivation."""

import msgspec
import pytest
from msgspec import Struct

from smartstore.contracts import events, outputs
from smartstore.contracts.derive import sql
from smartstore.contracts.derive.columns import ListOf, StructOf, columns_of
from smartstore.contracts.derive.connect import connect_schema
from smartstore.contracts.derive.delta import delta_columns
from smartstore.contracts.derive.json_schema import json_schema
from smartstore.contracts.derive.kafka import topic_config
from smartstore.contracts.derive.spark import spark_ddl
from smartstore.contracts.fields import Percent
from smartstore.contracts.topics import (
    ADJUSTMENTS,
    ALERTS,
    CONFIG_TOPICS,
    POS_TRANSACTIONS,
    SHELF_STATE,
    STORES,
    TOPICS,
    WH_EVENTS,
    Topic,
)


class WiderState(outputs.ShelfState, frozen=True, kw_only=True):
    """A copy of the shelf state with one field more."""

    reserved_pct: Percent | None = None
    """Share that is promised to online orders."""


def wider_topic() -> Topic:
    return msgspec.structs.replace(SHELF_STATE, value=WiderState)


def test_adding_a_field_is_one_edit() -> None:
    topic = wider_topic()
    assert json_schema(topic)["$defs"]["WiderState"]["properties"]["reserved_pct"]
    assert spark_ddl(topic.value).endswith(", reserved_pct DOUBLE")
    assert delta_columns(topic.value).endswith(
        "reserved_pct DOUBLE COMMENT 'Share that is promised to online orders.'"
    )
    fields = msgspec.json.decode(connect_schema(topic))["fields"]
    assert fields[-1] == {"field": "reserved_pct", "type": "double", "optional": True}
    assert '"reserved_pct" double precision,\n' in sql.create_table(topic)
    comment = (
        "COMMENT ON COLUMN state.shelf_state.\"reserved_pct\" IS 'Share that is promised to online orders.'"
    )
    assert comment in sql.comments(topic)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_topic_is_derivable(topic: Topic) -> None:
    assert spark_ddl(topic.value)
    assert delta_columns(topic.value)
    assert json_schema(topic)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    schema = msgspec.json.decode(connect_schema(topic))
    assert [field["field"] for field in schema["fields"]] == [
        column.name for column in columns_of(topic.value)
    ]
    assert topic_config(topic)["message.timestamp.type"] == "LogAppendTime"


def test_kafka_keeps_state_and_expires_facts() -> None:
    assert topic_config(SHELF_STATE)["cleanup.policy"] == "compact"
    assert "retention.ms" not in topic_config(SHELF_STATE)
    assert topic_config(ADJUSTMENTS)["retention.ms"] == str(30 * 86_400_000)


def test_nested_records_become_nested_spark_types() -> None:
    ddl = spark_ddl(POS_TRANSACTIONS.value)
    assert "items ARRAY<STRUCT<line_no: BIGINT, shelf_id: STRING, " in ddl
    assert "expiry_date: DATE>>" in ddl


def test_columns_carry_limits_choices_and_defaults() -> None:
    columns = {column.name: column for column in columns_of(events.Store)}
    assert columns["parts"].default == 1
    assert not columns["parts"].required
    assert columns["status"].choices == ("closed", "open")
    assert columns["store_id"].limits["pattern"].startswith("^[A-Za-z0-9]")
    lots = next(column for column in columns_of(events.ShelfEvent) if column.name == "lots")
    assert lots.nullable
    assert isinstance(lots.type, ListOf)
    assert isinstance(lots.type.item.type, StructOf)


def test_a_field_without_words_of_its_own_takes_those_of_its_type() -> None:
    descriptions = {column.name: column.description for column in columns_of(outputs.Alert)}
    assert descriptions["stock_pct"] == "May exceed 100 when a shelf is overfilled."
    assert descriptions["created_at"] == "Business time in UTC."


def test_missing_fields_of_old_records_get_their_default_in_connect() -> None:
    fields = {field["field"]: field for field in msgspec.json.decode(connect_schema(STORES))["fields"]}
    assert fields["parts"] == {"field": "parts", "type": "int64", "optional": False, "default": 1}


def test_a_line_may_have_records_without_any_field_in_connect() -> None:
    """Its ticks are converted before they are passed over."""
    assert all(field["optional"] for field in msgspec.json.decode(connect_schema(WH_EVENTS))["fields"])
    fields = {field["field"]: field for field in msgspec.json.decode(connect_schema(STORES))["fields"]}
    assert not fields["store_id"]["optional"]


def test_tables_have_the_contract_key() -> None:
    assert 'PRIMARY KEY ("store_id", "alert_id")' in sql.create_table(ALERTS)
    assert '"parts" bigint NOT NULL DEFAULT 1' in sql.create_table(STORES)


def test_the_table_of_a_line_has_a_row_for_each_event() -> None:
    assert WH_EVENTS.key == ("store_id", "shelf_id")
    assert 'PRIMARY KEY ("store_id", "event_id")' in sql.create_table(WH_EVENTS)


def test_configuration_topics_are_compacted_and_named_as_their_tables() -> None:
    assert {topic.config_table for topic in CONFIG_TOPICS} == {
        "config.shelf_policies",
        "config.wh_policies",
        "config.shelf_profiles",
        "config.batch_catalog",
    }
    for topic in CONFIG_TOPICS:
        assert (topic.cleanup, len(topic.key), topic.table) == ("compact", 1, None)


@pytest.mark.parametrize("topic", CONFIG_TOPICS, ids=lambda topic: topic.name)
def test_every_kind_of_configuration_has_its_field_in_the_record_for_stores(topic: Topic) -> None:
    fields = {field.name: field.type for field in msgspec.structs.fields(events.StoreConfig)}
    assert fields[str(topic.config)] == topic.value | None
    assert {"store_id", "updated_at"} <= {column.name for column in columns_of(topic.value)}


def test_a_nested_field_cannot_be_a_column() -> None:
    topic = msgspec.structs.replace(POS_TRANSACTIONS, table="ops.pos_transactions")
    with pytest.raises(TypeError, match="pos_transactions: items is nested"):
        sql.create_table(topic)


class Ambiguous(Struct, frozen=True, kw_only=True):
    """A record no contract may have."""

    amount: int | bool


def test_a_field_of_two_types_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"Ambiguous\.amount: a field may be one type"):
        columns_of(Ambiguous)
