"""What a SmartStore declares beside what runs: topics, connectors, the settings of Connect's group.

Where it runs by itself, one-shots and services of ours bring Kafka and Connect to it; where Strimzi runs them, it
becomes that operator's resources.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from smartstore.contracts.derive.connectors import Login, Settings, declared_connectors
from smartstore.contracts.derive.kafka import topic_config
from smartstore.contracts.logins import CDC, SINK
from smartstore.contracts.topics import TOPICS
from smartstore_operator.render import connect
from smartstore_operator.render.context import POSTGRES_DATABASE, Context, connector_names

Configuration = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """Names and configurations, as Kafka and Connect have them."""

    topics: Mapping[str, Configuration]
    connectors: Mapping[str, Configuration]
    """Without passwords: they refer to variables of the worker."""
    connect_group: Configuration


def declared(context: Context) -> Declared:
    """What the contracts and the spec declare."""
    host, _, port = context.postgres_address.rpartition(":")
    settings = Settings(
        prefix="",
        names=connector_names(context.name),
        host=host,
        port=int(port),
        database=POSTGRES_DATABASE,
        sink=Login(user=SINK, password=_reference("SMARTSTORE_POSTGRES_SINK_PASSWORD")),
        cdc=Login(user=CDC, password=_reference("SMARTSTORE_POSTGRES_CDC_PASSWORD")),
    )
    return Declared(
        topics={topic.name: topic_config(topic) for topic in TOPICS},
        connectors=declared_connectors(settings),
        connect_group=connect.group_settings(context),
    )


def _reference(variable: str) -> str:
    return f"${{{connect.SECRETS}{variable}}}"
