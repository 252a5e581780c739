"""Every field of the spec does something, in a cluster and on one machine, or its description says that it does not."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from smartstore.world.ledger import LedgerError
from smartstore.world.resume import demand_same_run
from smartstore_operator.api.fields import sections
from smartstore_operator.api.frozen import FROZEN_OF_A_WORLD
from smartstore_operator.api.load import validate_smartstore
from smartstore_operator.api.smartstore import API_VERSION, KIND, SmartStore
from smartstore_operator.render import Platform, port_requests, render, secret_names
from smartstore_operator.render.kubernetes import manifests, place
from smartstore_operator.render.kubernetes.overrides import merged
from smartstore_operator.render.run_settings import run_settings
from tests.specs import IMAGES

pytestmark = pytest.mark.unit

DESCRIPTIONS = {
    field.path: f"{section.description} {field.description}"
    for section in sections()
    for field in section.fields
}

Spec = dict[str, Any]

KAFKA: Spec = {"type": "External", "bootstrapServers": "kafka:9092"}
GUARDED: Spec = {
    **KAFKA,
    "tls": {"caSecret": {"name": "a", "key": "b"}},
    "authentication": {"username": "u", "passwordSecret": {"name": "a", "key": "b"}},
}
SERVER: Spec = {"type": "External", "host": "server", "passwordSecret": {"name": "a", "key": "b"}}
CONNECT: Spec = {"type": "External", "url": "http://connect"}
BUCKET: Spec = {"type": "S3", "bucket": {"name": "shop-lake", "credentialsSecret": {"name": "keys"}}}
GATEWAY: Spec = {"type": "External"}

ANOTHER: Mapping[str, Any] = {
    "stores": 6,
    "profile": "Production",
    "paused": True,
    "suspend": True,
    "overrides": [{"kind": "Deployment", "name": "demo-bridge", "patch": {"spec": {"replicas": 0}}}],
    "deletionPolicy": "Delete",
    "source.type": "Simulation",
    "source.execution": "Reported",
    "source.seed": 43,
    "source.speed": 1,
    "source.tick": "10s",
    "source.maxLead": 0,
    "source.startHour": 8,
    "source.days": 1,
    "source.simulation.rangeScale": 0.5,
    "source.simulation.dailyCustomers": 10,
    "source.simulation.trafficMultiplier": 2,
    "source.simulation.start": "2026-02-01",
    "source.replay.products": 10,
    "source.replay.start": "2017-02-01",
    "source.replay.multiplier": 2,
    "source.faults.malformedPct": 1,
    "source.faults.duplicatePct": 1,
    "source.faults.latePct": 1,
    "source.faults.lateMax": "1h",
    "kafka.partitions": 8,
    "kafka.heap": "1Gi",
    "kafka.storage": "7Gi",
    "kafka.replicas": 3,
    "kafka.secured": True,
    "kafka.version": "4.3.0",
    "kafka.port": 19092,
    "redis.memory": "1Gi",
    "postgres.memory": "1Gi",
    "postgres.storage": "7Gi",
    "postgres.backups.enabled": True,
    "connect.heap": "1Gi",
    "connect.port": 18083,
    "lake.enabled": False,
    "lake.size": "100Gi",
    "lake.retention": "48h",
    "streaming.hot.trigger": "1s",
    "streaming.hot.maxRecordsPerTrigger": 1000,
    "streaming.hot.driverMemory": "2Gi",
    "streaming.serviceAccount": "another",
    "streaming.volumeAccess": "ReadWriteOnce",
    "streaming.hot.executors.instances": 3,
    "streaming.hot.executors.cores": 3,
    "streaming.hot.executors.memory": "3Gi",
    "streaming.lake.executors.instances": 3,
    "streaming.lake.executors.cores": 3,
    "streaming.lake.executors.memory": "3Gi",
    "streaming.hot.shards": 2,
    "streaming.hot.shufflePartitions": 4,
    "streaming.lake.trigger": "1s",
    "streaming.lake.maxRecordsPerTrigger": 1000,
    "streaming.lake.driverMemory": "2Gi",
    "planning.shelf.thresholdPct": 10,
    "planning.shelf.minQty": 5,
    "planning.shelf.targetPct": 90,
    "planning.shelf.nearExpiryDays": 1,
    "planning.shelf.cooldown": "5m",
    "planning.shelf.lateness": "5m",
    "planning.restock.pickDelay": "5m",
    "planning.restock.travelTime": "5m",
    "planning.restock.removalHour": 5,
    "planning.supplier.deliveryDays": ["Sun"],
    "planning.supplier.deliveryHour": 5,
    "planning.supplier.orderLead": "5h",
    "planning.supplier.nearExpiryDays": 1,
    "planning.supplier.demandSmoothingPct": 50,
    "planning.supplier.openingDemandPct": 50,
    "planning.supplier.safetyFactor": 3,
    "planning.discounts.hour": 5,
    "planning.discounts.todayPct": 10,
    "planning.discounts.tomorrowPct": 10,
    "serving.api.enabled": False,
    "serving.console.enabled": False,
    "monitoring.podMonitors.enabled": False,
    "monitoring.rules.enabled": False,
    "monitoring.grafana.enabled": False,
    "maintenance.windows": [{"schedule": "0 3 * * *", "duration": "1h"}],
}
"""For each field that stands for itself a value that is not its default."""

EXTERNAL: Mapping[str, tuple[Spec, Spec]] = {
    "source.external.port": (GATEWAY, {"external": {"port": 18080}}),
    "source.external.recordsPerSecond": (GATEWAY, {"external": {"recordsPerSecond": 7}}),
    "kafka.type": ({}, KAFKA),
    "kafka.bootstrapServers": (KAFKA, {"bootstrapServers": "another:9092"}),
    "connect.type": ({}, CONNECT),
    "connect.url": (CONNECT, {"url": "http://another"}),
    **{
        f"{system}.{field}": (SERVER, change)
        for system in ("redis", "postgres")
        for field, change in (
            ("host", {"host": "another"}),
            ("port", {"port": 16379}),
            ("passwordSecret.name", {"passwordSecret": {"name": "another"}}),
            ("passwordSecret.key", {"passwordSecret": {"key": "another"}}),
        )
    },
    "streaming.backend": ({"backend": "SparkApplication"}, {"backend": "Local"}),
    **{
        f"postgres.backups.{field}": ({"backups": {"enabled": True}}, {"backups": {field: value}})
        for field, value in (("schedule", "0 5 * * *"), ("keep", 3), ("size", "7Gi"))
    },
    "postgres.instances": ({"type": "CloudNativePG"}, {"instances": 3}),
    **{
        f"kafka.{field}": (GUARDED, change)
        for field, change in (
            ("tls.caSecret.name", {"tls": {"caSecret": {"name": "another"}}}),
            ("tls.caSecret.key", {"tls": {"caSecret": {"key": "another"}}}),
            ("authentication.mechanism", {"authentication": {"mechanism": "PLAIN"}}),
            ("authentication.username", {"authentication": {"username": "another"}}),
            (
                "authentication.passwordSecret.name",
                {"authentication": {"passwordSecret": {"name": "another"}}},
            ),
            ("authentication.passwordSecret.key", {"authentication": {"passwordSecret": {"key": "another"}}}),
        )
    },
    "lake.type": ({}, BUCKET),
    **{
        f"lake.bucket.{field}": (BUCKET, {"bucket": {field: value}})
        for field, value in (
            *(("name", "another"), ("prefix", "another/place"), ("region", "another")),
            ("endpoint", "http://another:9000"),
        )
    },
    "lake.bucket.credentialsSecret.name": (BUCKET, {"bucket": {"credentialsSecret": {"name": "another"}}}),
    "redis.type": ({}, SERVER),
    "postgres.type": ({}, SERVER),
}
"""For each field that has to do with one type: its block without and with another value."""

BY_THE_RECONCILER = frozenset(
    (
        *("paused", "maintenance.windows"),
        *(
            f"{system}.passwordSecret.{field}"
            for system in ("redis", "postgres", "kafka.authentication")
            for field in ("name", "key")
        ),
        *("kafka.tls.caSecret.name", "kafka.tls.caSecret.key", "lake.bucket.credentialsSecret.name"),
    )
)
"""In a cluster these change what the operator does with what it rendered (tests/cluster)."""


def _smartstores(path: str) -> tuple[SmartStore, SmartStore]:
    """Without and with another value of a field."""
    if path in EXTERNAL:
        block = path.partition(".")[0]
        before, change = EXTERNAL[path]
        return _parsed({block: before}), _parsed({block: merged(before, change)})
    spec: Any = ANOTHER[path]
    for name in reversed(path.split(".")):
        spec = {name: spec}
    return _parsed({}), _parsed(spec)


def _parsed(spec: Spec) -> SmartStore:
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "demo"}, "spec": spec}
    return validate_smartstore(document)


def _in_a_cluster(smartstore: SmartStore) -> object:
    secrets = {name: f"value-of-{name}" for name in secret_names(smartstore)}
    platform = place(smartstore, "shops", secrets, "MkU3OEVBNTcwNTJENDM2Qg")
    return manifests(smartstore, platform, "shops", IMAGES)


def _on_one_machine(smartstore: SmartStore, platform: Platform) -> object:
    requests = port_requests(smartstore)
    ports = {request.name: request.given or 20_000 + number for number, request in enumerate(requests)}
    rendered = render(smartstore, replace(platform, ports=ports))
    directories = tuple(replace(component, volume=None) for component in rendered.components)
    return replace(rendered, components=directories), requests


def test_every_field_is_looked_at() -> None:
    fields = {
        path for path in DESCRIPTIONS if "[]" not in path
    }  # fields of a list's items come with the list
    assert {*ANOTHER, *EXTERNAL} == fields - {"catalog"}
    assert ANOTHER.keys().isdisjoint(EXTERNAL)


@pytest.mark.parametrize("path", [*ANOTHER, *EXTERNAL])
def test_a_field_has_an_effect_or_says_that_it_has_none(path: str, platform: Platform) -> None:
    before, after = _smartstores(path)
    text, is_followed = DESCRIPTIONS[path], path in BY_THE_RECONCILER
    in_a_cluster = is_followed or _in_a_cluster(before) != _in_a_cluster(after)
    on_one_machine = _on_one_machine(before, platform) != _on_one_machine(after, platform)
    expected = {
        (True, True): None,
        (True, False): "No effect on one machine",
        (False, True): "No effect in a cluster",
        (False, False): "No effect yet",
    }[in_a_cluster, on_one_machine]
    assert expected is None or expected in text
    assert ("No effect" in text) is (expected is not None)


@pytest.mark.parametrize("path", [*ANOTHER, *EXTERNAL])
def test_what_a_world_of_our_own_cannot_change_is_fixed(path: str) -> None:
    """Else it would be accepted, and the source would refuse to start again."""
    before, after = map(run_settings, _smartstores(path))
    try:
        demand_same_run(before, after)
    except LedgerError:
        # another speed may be another tick
        assert path.startswith(FROZEN_OF_A_WORLD) or path in ("source.type", "source.tick", "source.speed")
    else:
        assert not path.startswith(FROZEN_OF_A_WORLD)
