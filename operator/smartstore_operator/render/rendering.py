"""From a SmartStore and a platform to components."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec

from smartstore.contracts.brokers import Brokers
from smartstore.contracts.settings import RunSettings
from smartstore_operator.api.smartstore import SmartStore
from smartstore_operator.render import connect, dataplane, kafka, postgres, valkey
from smartstore_operator.render.component import Component
from smartstore_operator.render.context import (
    BUCKET_KEYS,
    KAFKA_CA,
    KAFKA_PASSWORD,
    POSTGRES_CDC_PASSWORD,
    POSTGRES_GATEWAY_PASSWORD,
    POSTGRES_PASSWORD,
    POSTGRES_SINK_PASSWORD,
    POSTGRES_SUPERUSER_PASSWORD,
    REDIS_PASSWORD,
    Context,
    has_gateway,
)
from smartstore_operator.render.declared import Declared, declared
from smartstore_operator.render.platform import Platform, PortRequest
from smartstore_operator.render.run_settings import run_settings


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What a SmartStore is on one platform."""

    components: tuple[Component, ...]
    """What runs, each after what it needs; empty when the SmartStore is suspended."""
    tasks: tuple[Component, ...]
    """What runs when somebody asks for it."""
    declared: Declared
    run_settings: RunSettings
    endpoints: Mapping[str, str]
    """Addresses for people and `status`, without passwords: kafka, redis, postgres, connect; gateway, lake if any."""
    brokers: Brokers
    """With password; its certificates are expected in the data directory, as `KAFKA_CA`."""
    redis_url: str
    """With password."""
    postgres_dsn: str
    """With password."""
    connect_url: str
    lake_variables: Mapping[str, str]
    """By which the lake's tables are found, with keys; empty without a lake. There may be no tables yet."""

    def component(self, name: str) -> Component:
        """The component of this name; raises `KeyError`."""
        return {component.name: component for component in self.components}[name]


def render(smartstore: SmartStore, platform: Platform) -> Rendered:
    """The components of a SmartStore, as processes run them; pure.

    What the spec leaves to other operators is among them: where one is there (`Platform.operators`), its resources take
    the component's place; elsewhere Strimzi means a single node, SparkApplication a local driver, CloudNativePG one
    server.
    """
    settings = run_settings(smartstore)
    run_file = msgspec.json.format(msgspec.json.encode(settings), indent=2).decode() + "\n"
    context = Context(name=smartstore.name, spec=smartstore.spec, platform=platform, run_file=run_file)
    return Rendered(
        components=() if smartstore.spec.suspend else _components(context),
        tasks=_tasks(context),
        declared=declared(context),
        run_settings=settings,
        endpoints={
            "kafka": context.kafka_bootstrap,
            "redis": context.redis_address,
            "postgres": context.postgres_address,
            "connect": context.connect_url,
            **({"gateway": f"http://{platform.address('gateway')}"} if has_gateway(context.spec) else {}),
            **({"lake": context.bucket_address} if context.bucket_address else {}),
        },
        brokers=context.brokers(f"{platform.data_dir}/{KAFKA_CA}"),
        redis_url=context.redis_url,
        postgres_dsn=context.postgres_dsn,
        connect_url=context.connect_url,
        lake_variables=context.lake_variables if context.spec.lake.enabled else {},
    )


def _tasks(context: Context) -> tuple[Component, ...]:
    lake = (dataplane.verify_lake(context),) if context.spec.lake.enabled else ()
    backup = (dataplane.backup(context),) if context.spec.postgres.backups.enabled else ()
    return (dataplane.verify(context), *lake, dataplane.report(context), *backup)


def port_requests(smartstore: SmartStore) -> tuple[PortRequest, ...]:
    """The ports that `Platform.ports` must hold for this SmartStore."""
    spec = smartstore.spec
    requests = []
    if spec.kafka.type != "External":
        requests += [
            _request("kafka", "kafka", 9092, spec.kafka.port),
            _request("kafka-controller", "kafka", 9093, None),
        ]
    if spec.redis.type == "Managed":
        requests.append(_request("valkey", "valkey", 6379, spec.redis.port))
    if spec.postgres.type != "External":
        requests.append(_request("postgres", "postgres", 5432, spec.postgres.port))
    if spec.connect.type == "Managed":
        requests.append(_request("connect", "connect", 8083, spec.connect.port))
    if has_gateway(spec):
        requests.append(_request(dataplane.GATEWAY, dataplane.GATEWAY, 8080, spec.source.external.port))
    for offset, part in enumerate(dataplane.metrics_parts(spec)):
        requests.append(_request(dataplane.metrics_port(part), part, 9400 + offset, None))
    return tuple(requests)


def secret_names(smartstore: SmartStore) -> tuple[str, ...]:
    """The secrets that `Platform.secrets` must hold; the applier makes each once, of letters and digits, and keeps it.

    For an External system the value is that system's own password, not a generated one.
    """
    brokers = smartstore.spec.kafka
    is_secured = brokers.type == "Strimzi" and brokers.secured
    kafka = (KAFKA_PASSWORD,) if brokers.authentication or is_secured else ()
    superuser = () if smartstore.spec.postgres.type == "External" else (POSTGRES_SUPERUSER_PASSWORD,)
    gateway = (POSTGRES_GATEWAY_PASSWORD,) if has_gateway(smartstore.spec) else ()
    lake = smartstore.spec.lake
    bucket = tuple(BUCKET_KEYS) if lake.enabled and lake.bucket else ()
    return (
        *(REDIS_PASSWORD, POSTGRES_PASSWORD, POSTGRES_SINK_PASSWORD, POSTGRES_CDC_PASSWORD),
        *(*gateway, *superuser, *kafka, *bucket),
    )


def _request(name: str, component: str, preferred: int, given: int | None) -> PortRequest:
    return PortRequest(name=name, component=component, preferred=preferred, given=given)


def _components(context: Context) -> tuple[Component, ...]:
    spec = context.spec
    servers = []
    if spec.kafka.type != "External":
        servers.append(kafka.component(context))
    if spec.redis.type == "Managed":
        servers.append(valkey.component(context))
    if spec.postgres.type != "External":
        servers.append(postgres.component(context))
    if spec.connect.type == "Managed":
        servers.append(connect.component(context))
    parts = [
        dataplane.topics(context),
        dataplane.migrate(context),
        dataplane.connectors(context),
        dataplane.bridge(context),
        *dataplane.hot(context),
        dataplane.world(context),
    ]
    if has_gateway(spec):
        parts.append(dataplane.gateway(context))
    if spec.lake.enabled:
        parts.append(dataplane.lake(context))
    return _without_missing_needs((*servers, *parts))


def _without_missing_needs(components: tuple[Component, ...]) -> tuple[Component, ...]:
    """Drop needs that no component meets: an external system is there already."""
    names = {component.name for component in components}
    return tuple(replace(c, needs=tuple(need for need in c.needs if need in names)) for c in components)
