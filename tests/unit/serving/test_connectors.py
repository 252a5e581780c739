"""Declared connectors and the restart budget, without a server."""

import re

import pytest

from smartstore.contracts.derive.connectors import (
    Settings,
    declared_connectors,
    sink_config,
    sink_name,
    slot_name,
)
from smartstore.contracts.derive.sql import table_topics
from smartstore.contracts.topics import COMMANDS, CONFIG_TOPICS, SHELF_STATE, WH_EVENTS
from smartstore.process.env import Environment
from smartstore.serving.connectors.backoff import FORGIVEN_AFTER_SECONDS, LONGEST_SECONDS, BackOff
from smartstore.serving.connectors.settings import UnusableDsn, read_settings

DSN = "postgresql://owner:pa%20ss@db.example:6543/shop"


def settings(**variables: str) -> Settings:
    return read_settings(Environment(variables={"SMARTSTORE_POSTGRES_DSN": DSN, **variables}))


def test_every_table_has_a_sink_with_its_key_and_table() -> None:
    declared = declared_connectors(settings())
    assert len(declared) == len(table_topics()) + 1
    sink = declared["sink-shelf-state"]
    assert sink["topics"] == "shelf_state"
    assert sink["collection.name.format"] == "state.shelf_state"
    assert sink["primary.key.fields"] == "store_id,shelf_id"
    assert sink["connection.url"].startswith("jdbc:postgresql://db.example:6543/shop?stringtype=unspecified")


def test_the_prefix_is_in_every_name_but_the_tables() -> None:
    prefixed = settings(SMARTSTORE_TOPIC_PREFIX="T-1.")
    declared = declared_connectors(prefixed)
    assert all(name.startswith("T-1.") for name in declared)
    sink = declared[sink_name(prefixed, SHELF_STATE)]
    assert sink["topics"] == "T-1.shelf_state"
    assert sink["errors.deadletterqueue.topic.name"] == "T-1.connect_dead_letters"
    assert sink["collection.name.format"] == "state.shelf_state"
    assert sink["consumer.override.group.id"] == "smartstore-T-1.sink-shelf-state"
    assert slot_name(prefixed) == "t_1_smartstore_config"


def test_the_source_reads_every_table_of_configuration_under_its_key() -> None:
    source = declared_connectors(settings(SMARTSTORE_TOPIC_PREFIX="t."))["t.source-config"]
    tables = source["table.include.list"].split(",")
    assert tables == [topic.config_table for topic in CONFIG_TOPICS]
    for topic, table in zip(CONFIG_TOPICS, tables, strict=True):
        route = re.compile(source["transforms.route.regex"])
        assert (
            route.sub(r"t.\1", f"{slot_name(settings(SMARTSTORE_TOPIC_PREFIX='t.'))}.{table}")
            == f"t.{topic.name}"
        )
        (key,) = topic.key
        assert source[f"transforms.{key}.field"] == key
        assert re.fullmatch(source[f"predicates.{key}.pattern"], f"t.{topic.name}")
        others = [name for name in source["predicates"].split(",") if name != key]
        assert not any(
            re.fullmatch(source[f"predicates.{name}.pattern"], f"t.{topic.name}") for name in others
        )


def test_the_sink_of_a_line_has_a_row_for_each_event_and_passes_over_ticks() -> None:
    assert sink_config(settings(), WH_EVENTS)["primary.key.fields"] == "store_id,event_id"
    config = sink_config(settings(), COMMANDS)
    assert config["predicates.tick.name"] == "tick"
    assert config["transforms.facts.predicate"] == "tick"


def test_passwords_are_references_where_the_worker_can_resolve_them() -> None:
    plain = settings(SMARTSTORE_POSTGRES_SINK_PASSWORD="s")
    assert (plain.sink.user, plain.sink.password) == ("smartstore_sink", "s")
    assert (plain.cdc.user, plain.cdc.password) == ("owner", "pa ss")
    hidden = settings(SMARTSTORE_POSTGRES_SINK_PASSWORD="s", SMARTSTORE_CONNECT_SECRETS="file:/run/secrets:")
    assert hidden.sink.password == "${file:/run/secrets:SMARTSTORE_POSTGRES_SINK_PASSWORD}"
    assert hidden.cdc.password == "${file:/run/secrets:SMARTSTORE_POSTGRES_PASSWORD}"


@pytest.mark.parametrize(
    "dsn", ["postgresql:///shop?host=/tmp", "postgresql:///shop", "postgresql://a,b/shop"]
)
def test_an_address_that_connect_cannot_use_is_refused(dsn: str) -> None:
    with pytest.raises(UnusableDsn, match="needs one TCP host"):
        read_settings(Environment(variables={"SMARTSTORE_POSTGRES_DSN": dsn}))


def test_restarts_become_rarer_and_a_long_good_run_is_forgiven() -> None:
    back_off = BackOff()
    restarts = [second for second in range(100) if back_off.may_restart(float(second))]
    assert restarts == [0, 1, 3, 7, 15, 31, 61, 91]
    assert back_off.wait_seconds == LONGEST_SECONDS
    later = 99 + FORGIVEN_AFTER_SECONDS + 1
    assert back_off.may_restart(later)
    assert not back_off.may_restart(later + 0.5)
    assert back_off.may_restart(later + 1)
