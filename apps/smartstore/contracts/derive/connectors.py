"""The connectors as they should be: pure functions from settings and contracts to configurations."""

from collections.abc import Mapping

from msgspec import Struct

from smartstore.contracts.brokers import group_id
from smartstore.contracts.derive.connect import connect_schema
from smartstore.contracts.derive.sql import table_topics
from smartstore.contracts.topics import CONFIG_TOPICS, Topic
from smartstore.contracts.wire import HEADER_TICK

Config = Mapping[str, str]

DEAD_LETTER_TOPIC = "connect_dead_letters"
"""Records that a converter refused, byte for byte, with the reason in their headers."""

_TRANSFORMS = "org.apache.kafka.connect.transforms."
_STRINGS = "org.apache.kafka.connect.storage.StringConverter"
_JSON = "org.apache.kafka.connect.json.JsonConverter"


class Login(Struct, frozen=True, kw_only=True):
    """A Postgres login as a connector's configuration shows it; the password may be a ConfigProvider reference."""

    user: str
    password: str


class Settings(Struct, frozen=True, kw_only=True):
    """Addresses and logins of one SmartStore, as Kafka Connect sees them."""

    prefix: str
    """What the topics' names begin with."""
    names: str
    """What the connectors' names begin with."""
    host: str
    port: int
    database: str
    sink: Login
    cdc: Login


def declared_connectors(settings: Settings) -> dict[str, Config]:
    """Name → configuration of every connector this SmartStore should have."""
    sinks = {sink_name(settings, topic): sink_config(settings, topic) for topic in table_topics()}
    return {**sinks, source_name(settings): _config_source(settings)}


def sink_name(settings: Settings, topic: Topic) -> str:
    """Name of the sink of a topic; its consumer group is `group_id(name)`."""
    return f"{settings.names}sink-{topic.name.replace('_', '-')}"


def source_name(settings: Settings) -> str:
    """Name of the source of the configuration."""
    return f"{settings.names}source-config"


def slot_name(settings: Settings) -> str:
    """Replication slot of the source; Postgres allows lower-case letters, digits and underscores."""
    prefix = "".join(letter if letter.isalnum() else "_" for letter in settings.prefix.lower())
    return f"{prefix}smartstore_config"


def sink_config(settings: Settings, topic: Topic) -> Config:
    """The sink that keeps a topic's table: upsert by key, from the topic's beginning, refused records put aside."""
    return {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "tasks.max": "1",
        "topics": f"{settings.prefix}{topic.name}",
        # ISO strings go in as they are; Postgres casts them to the column's type.
        "connection.url": f"jdbc:postgresql://{settings.host}:{settings.port}/{settings.database}"
        "?stringtype=unspecified&ApplicationName=smartstore-sink",
        "connection.username": settings.sink.user,
        "connection.password": settings.sink.password,
        "connection.pool.min_size": "1",
        "connection.pool.max_size": "2",
        "insert.mode": "upsert",
        "primary.key.mode": "record_value",
        "primary.key.fields": ",".join(topic.row_key),
        "collection.name.format": str(topic.table),
        "schema.evolution": "none",
        "batch.size": "3000",
        # The buffer would keep a batch's last row per key, be it an older one; the table's guard must see them all.
        "use.reduction.buffer": "false",
        "key.converter": _STRINGS,
        "value.converter": _JSON,
        "value.converter.schemas.enable": "true",
        "value.converter.schema.content": connect_schema(topic),
        "consumer.override.group.id": group_id(sink_name(settings, topic)),
        "consumer.override.auto.offset.reset": "earliest",
        "consumer.override.max.poll.records": "3000",
        # An event should be seen at once: a fetch returns with the first record.
        "consumer.override.fetch.min.bytes": "1",
        "consumer.override.fetch.max.wait.ms": "100",
        **_dead_letters(settings),
        **(_without_ticks() if topic.line else {}),
    }


def _dead_letters(settings: Settings) -> Config:
    return {
        "errors.tolerance": "all",
        "errors.log.enable": "true",
        "errors.log.include.messages": "false",
        "errors.deadletterqueue.topic.name": f"{settings.prefix}{DEAD_LETTER_TOPIC}",
        "errors.deadletterqueue.topic.replication.factor": "-1",
        "errors.deadletterqueue.context.headers.enable": "true",
    }


def _without_ticks() -> Config:
    """Tick records share a line with its facts; a table has no row for them."""
    return {
        "transforms": "facts",
        "transforms.facts.type": f"{_TRANSFORMS}Filter",
        "transforms.facts.predicate": "tick",
        "predicates": "tick",
        "predicates.tick.type": f"{_TRANSFORMS}predicates.HasHeaderKey",
        "predicates.tick.name": HEADER_TICK,
    }


def _config_source(settings: Settings) -> Config:
    server = slot_name(settings)
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        "database.hostname": settings.host,
        "database.port": str(settings.port),
        "database.dbname": settings.database,
        "database.user": settings.cdc.user,
        "database.password": settings.cdc.password,
        "topic.prefix": server,
        "plugin.name": "pgoutput",
        "slot.name": server,
        "slot.drop.on.stop": "false",
        "publication.name": "smartstore_config",
        "publication.autocreate.mode": "disabled",
        "table.include.list": ",".join(topic.config_table for topic in CONFIG_TOPICS),
        "snapshot.mode": "when_needed",
        "poll.interval.ms": "100",
        "status.update.interval.ms": "1000",
        "retriable.restart.connector.wait.ms": "1000",
        # Postgres keeps its log from the slot's position on, and configuration changes rarely: the heartbeat moves the
        # slot.
        "heartbeat.interval.ms": "10000",
        "heartbeat.action.query": "SELECT pg_logical_emit_message(false, 'smartstore-heartbeat', '')",
        "message.prefix.exclude.list": "smartstore-heartbeat",
        "decimal.handling.mode": "double",
        "time.precision.mode": "isostring",
        "tombstones.on.delete": "false",
        "topic.creation.default.replication.factor": "-1",
        "topic.creation.default.partitions": "1",
        "key.converter": _STRINGS,
        "value.converter": _JSON,
        "value.converter.schemas.enable": "false",
        **_plain_rows(settings, server),
    }


def _plain_rows(settings: Settings, server: str) -> Config:
    """From Debezium's envelope to a plain row whose key is the row's; a deleted row comes with `__deleted`."""
    keys = sorted({topic.key[0] for topic in CONFIG_TOPICS})
    config = {
        "transforms": ",".join(["unwrap", "route", *keys]),
        "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
        "transforms.unwrap.delete.tombstone.handling.mode": "rewrite",
        "transforms.route.type": f"{_TRANSFORMS}RegexRouter",
        "transforms.route.regex": rf"{server}\.config\.(.*)",
        "transforms.route.replacement": f"{settings.prefix}$1",
        "predicates": ",".join(keys),
    }
    for key in keys:
        topics = "|".join(topic.name for topic in CONFIG_TOPICS if topic.key[0] == key)
        config |= {
            f"transforms.{key}.type": f"{_TRANSFORMS}ExtractField$Key",
            f"transforms.{key}.field": key,
            f"transforms.{key}.predicate": key,
            f"predicates.{key}.type": f"{_TRANSFORMS}predicates.TopicNameMatches",
            f"predicates.{key}.pattern": f"{settings.prefix}({topics})".replace(".", r"\."),
        }
    return config
