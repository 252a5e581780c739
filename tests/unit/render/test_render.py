"""Promises of `render` that hold for every SmartStore."""

import dataclasses
import json
from datetime import timedelta
from typing import Any

import pytest

from smartstore.contracts.settings import RunSettings
from smartstore_operator.api.load import validate_smartstore
from smartstore_operator.api.smartstore import SmartStore
from smartstore_operator.render import Component, Platform, port_requests, render, secret_names


def _smartstore(**spec: Any) -> SmartStore:
    document = {
        "apiVersion": "smartstore.io/v1alpha1",
        "kind": "SmartStore",
        "metadata": {"name": "demo"},
        "spec": spec,
    }
    return validate_smartstore(document)


def _names(smartstore: SmartStore, platform: Platform) -> list[str]:
    return [component.name for component in render(smartstore, platform).components]


GUARDED: dict[str, Any] = {
    "type": "External",
    "bootstrapServers": "k1:9094",
    "tls": {"caSecret": {"name": "brokers"}},
    "authentication": {"username": "shop", "passwordSecret": {"name": "shop"}},
}
SPECS: tuple[dict[str, Any], ...] = (
    {},
    {"profile": "Production"},
    {"kafka": {"type": "External", "bootstrapServers": "k1:9092,k2:9092"}},
    {"kafka": GUARDED},
    {"redis": {"type": "External", "host": "redis.example"}, "postgres": {"type": "External", "host": "db"}},
    {"connect": {"type": "External", "url": "http://connect:8083"}},
    {"source": {"type": "External"}},
    {"lake": {"enabled": False}},
)


@pytest.mark.parametrize("spec", SPECS)
def test_components_come_after_what_they_need(spec: dict[str, Any], platform: Platform) -> None:
    seen: set[str] = set()
    for component in render(_smartstore(**spec), platform).components:
        assert set(component.needs) <= seen, component.name
        seen.add(component.name)


def test_the_same_input_gives_the_same_output(platform: Platform) -> None:
    assert render(_smartstore(), platform) == render(_smartstore(), platform)


def test_a_description_for_a_cluster_runs_as_its_plain_pieces(platform: Platform) -> None:
    cluster = _smartstore(
        kafka={"type": "Strimzi"},
        postgres={"type": "CloudNativePG"},
        streaming={"backend": "SparkApplication"},
    )
    laptop = _smartstore(kafka={"type": "SingleNode"}, streaming={"backend": "Local"})
    assert render(cluster, platform) == render(laptop, platform)


@pytest.mark.parametrize("spec", SPECS)
def test_exactly_the_requested_ports_and_secrets_are_used(spec: dict[str, Any], platform: Platform) -> None:
    smartstore = _smartstore(**spec)
    requested = {request.name: platform.ports[request.name] for request in port_requests(smartstore)}
    secrets = {name: platform.secrets[name] for name in secret_names(smartstore)}
    rendered = render(smartstore, dataclasses.replace(platform, ports=requested, secrets=secrets))
    used = {name: port for component in rendered.components for name, port in component.ports.items()}
    assert used == requested
    owners = {name: component.name for component in rendered.components for name in component.ports}
    assert owners == {request.name: request.component for request in port_requests(smartstore)}


def test_a_port_that_the_user_gave_is_asked_for() -> None:
    requests = {r.name: r for r in port_requests(_smartstore(kafka={"port": 19092}))}
    assert requests["kafka"].given == 19092
    assert requests["postgres"].given is None


def test_no_secret_is_on_a_command_line_or_in_a_readable_file(platform: Platform) -> None:
    components = [c for spec in SPECS for c in render(_smartstore(**spec), platform).components]
    for component in components:
        commands = (component.argv, *component.before_start, component.probe.argv if component.probe else ())
        public = " ".join((*(word for argv in commands for word in argv), *component.files.values()))
        assert not [secret for secret in platform.secrets.values() if secret in public], component.name


def test_a_process_knows_only_the_passwords_it_needs(platform: Platform) -> None:
    knows = {
        component.name: {name for name, secret in platform.secrets.items() if secret in component.environment.values()
                         or f":{secret}@" in " ".join(component.environment.values())}
        for component in render(_smartstore(), platform).components
    }  # fmt: skip
    connectors = {"postgres-sink-password", "postgres-cdc-password"}
    assert knows == {
        "kafka": set(),
        "valkey": {"redis-password"},
        "postgres": set(),
        "connect": connectors,
        "topics": set(),
        "migrate": {"postgres-password", *connectors},
        "connectors": {"postgres-password", *connectors},
        "bridge": {"redis-password"},
        "hot": set(),
        "lake": set(),
        "world": {"redis-password"},
    }


def test_endpoints_are_shown_without_passwords(platform: Platform) -> None:
    rendered = render(_smartstore(), platform)
    assert set(rendered.endpoints) == {"kafka", "redis", "postgres", "connect"}
    assert "secret" not in "".join(rendered.endpoints.values())
    assert "secret-of-postgres@" in rendered.postgres_dsn


def test_passwords_are_quoted_in_urls(platform: Platform) -> None:
    secrets = {**platform.secrets, "redis-password": "a/b@c:d", "postgres-password": "p%q"}
    rendered = render(_smartstore(), dataclasses.replace(platform, secrets=secrets))
    assert rendered.redis_url.startswith("redis://:a%2Fb%40c%3Ad@127.0.0.1:")
    assert rendered.postgres_dsn.startswith("postgresql://smartstore:p%25q@127.0.0.1:")


def test_external_systems_are_not_run(platform: Platform) -> None:
    smartstore = _smartstore(
        kafka={"type": "External", "bootstrapServers": "k1:9092"},
        redis={"type": "External", "host": "redis", "port": 6380},
        postgres={"type": "External", "host": "db"},
        connect={"type": "External", "url": "http://connect:8083"},
    )
    assert _names(smartstore, platform) == [
        "topics",
        "migrate",
        "connectors",
        "bridge",
        "hot",
        "world",
        "lake",
    ]
    rendered = render(smartstore, platform)
    assert rendered.endpoints == {
        "kafka": "k1:9092",
        "redis": "redis:6380",
        "postgres": "db:5432",
        "connect": "http://connect:8083",
    }
    assert rendered.component("topics").environment["SMARTSTORE_KAFKA_REPLICATION"] == "-1"
    assert "SMARTSTORE_CONNECT_SECRETS" not in rendered.component("connectors").environment


def _worker(component: Component) -> dict[str, str]:
    """The settings of Connect's worker, as Java reads them."""
    (text,) = (
        files["worker.properties"]
        for files in (component.files, component.secret_files)
        if "worker.properties" in files
    )
    lines = (line.partition("=") for line in text.splitlines())
    return {name: json.loads(f'"{value}"') for name, _, value in lines}


def test_every_client_of_guarded_brokers_gets_certificates_and_login(platform: Platform) -> None:
    platform = dataclasses.replace(platform, kafka_ca="the authority")
    rendered = render(_smartstore(kafka=GUARDED), platform)
    for name in ("topics", "connectors", "bridge", "hot", "world", "lake"):
        component = rendered.component(name)
        own = {key: value for key, value in component.environment.items() if "_KAFKA_" in key}
        assert own.pop("SMARTSTORE_KAFKA_PARTITIONS") == "4"
        assert own.pop("SMARTSTORE_KAFKA_REPLICATION", "-1") == "-1"
        assert own == {
            "SMARTSTORE_KAFKA_BOOTSTRAP": "k1:9094",
            "SMARTSTORE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "SMARTSTORE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "SMARTSTORE_KAFKA_USERNAME": "shop",
            "SMARTSTORE_KAFKA_PASSWORD": "secret-of-kafka",
            "SMARTSTORE_KAFKA_CA_FILE": f"/data/my store/config/{name}/kafka-ca.pem",
        }
        assert component.files["kafka-ca.pem"] == "the authority"
    for name in ("valkey", "postgres", "migrate"):
        assert "kafka" not in json.dumps(dataclasses.asdict(rendered.component(name))).lower()
    assert rendered.brokers.ca_file == "/data/my store/kafka-ca.pem"


def test_connects_clients_log_in_with_a_password_of_any_letters(platform: Platform) -> None:
    password = 'a"b\\c=d ü€'
    secrets = {**platform.secrets, "kafka-password": password}
    platform = dataclasses.replace(platform, kafka_ca="the authority", secrets=secrets)
    connect = render(_smartstore(kafka=GUARDED), platform).component("connect")
    assert connect.files["kafka-ca.pem"] == "the authority"
    assert "worker.properties" in connect.secret_files
    assert connect.secret_files["worker.properties"].isascii()  # Java would read it as Latin-1
    worker = _worker(connect)
    assert worker["bootstrap.servers"] == "k1:9094"
    for prefix in ("", "producer.", "consumer."):
        assert worker[f"{prefix}security.protocol"] == "SASL_SSL"
        assert worker[f"{prefix}ssl.truststore.location"] == "/data/my store/config/connect/kafka-ca.pem"
        quoted = worker[f"{prefix}sasl.jaas.config"].partition("password=")[2].removesuffix(";")
        assert json.loads(quoted) == password


def test_brokers_of_a_public_authority_need_no_file(platform: Platform) -> None:
    kafka = {"type": "External", "bootstrapServers": "k1:9094", "tls": {}}
    rendered = render(_smartstore(kafka=kafka), platform)
    bridge, connect = rendered.component("bridge"), rendered.component("connect")
    assert bridge.environment["SMARTSTORE_KAFKA_SECURITY_PROTOCOL"] == "SSL"
    assert not [name for name in bridge.environment if name.endswith(("_CA_FILE", "_USERNAME", "_PASSWORD"))]
    assert "kafka-ca.pem" not in {**bridge.files, **connect.files}
    worker = _worker(connect)
    assert worker["producer.security.protocol"] == worker["consumer.security.protocol"] == "SSL"
    assert "worker.properties" in connect.files


def test_all_consumer_groups_begin_alike(platform: Platform) -> None:
    worker = _worker(render(_smartstore(), platform).component("connect"))
    assert worker["group.id"] == "smartstore-demo-connect"
    assert worker["config.storage.topic"] == "demo-connect-configs"


def test_a_suspended_smartstore_runs_nothing(platform: Platform) -> None:
    assert render(_smartstore(suspend=True), platform).components == ()


def test_an_external_source_comes_with_a_gateway_that_knows_no_owners_password(platform: Platform) -> None:
    source = {"type": "External", "external": {"port": 8080, "recordsPerSecond": 7}}
    smartstore = _smartstore(source=source)
    rendered = render(smartstore, platform)
    gateway = rendered.component("gateway")
    told = " ".join(gateway.environment.values())
    assert {name for name, secret in platform.secrets.items() if f":{secret}@" in told} == {
        "redis-password",
        "postgres-gateway-password",
    }
    assert gateway.environment["SMARTSTORE_GATEWAY_RECORDS_PER_SECOND"] == "7"
    password = platform.secrets["postgres-gateway-password"]
    assert rendered.component("migrate").environment["SMARTSTORE_POSTGRES_GATEWAY_PASSWORD"] == password
    assert rendered.endpoints["gateway"] == f"http://127.0.0.1:{platform.ports['gateway']}"
    requests = {request.name: request for request in port_requests(smartstore)}
    assert requests["gateway"].given == 8080


def test_an_empty_spec_gives_the_settings_the_data_plane_has_by_itself(platform: Platform) -> None:
    assert render(_smartstore(), platform).run_settings == RunSettings(name="demo")


def test_every_setting_reaches_the_data_plane(platform: Platform) -> None:
    settings = render(
        _smartstore(
            stores=7,
            source={
                "type": "Simulation", "execution": "Reported",
                "seed": 1, "speed": 60, "tick": "1m", "maxLead": 0, "startHour": 6, "days": 2,
                "simulation": {"rangeScale": 0.5, "dailyCustomers": 9, "trafficMultiplier": 2, "start": "2026-02-03"},
                "replay": {"products": 3, "start": "2017-02-03", "multiplier": 4},
                "faults": {"malformedPct": 1, "duplicatePct": 2, "latePct": 5, "lateMax": "1h"},
            },
            planning={"shelf": {
                "thresholdPct": 40, "minQty": 2, "targetPct": 90, "nearExpiryDays": 3,
                "cooldown": "2h", "lateness": "30m",
            }, "restock": {"pickDelay": "2m", "travelTime": "5m", "removalHour": 3}, "supplier": {
                "deliveryDays": ["Sat", "Tue"], "deliveryHour": 6, "orderLead": "36h", "nearExpiryDays": 7,
                "demandSmoothingPct": 30, "openingDemandPct": 10, "safetyFactor": 2,
            }, "discounts": {"hour": 5, "todayPct": 60, "tomorrowPct": 20}},
        ),
        platform,
    ).run_settings  # fmt: skip
    source, planning, default = settings.source, settings.planning, RunSettings(name="demo")
    assert (settings.stores, source.tick_ms, source.max_lead) == (7, 60_000, 0)
    assert (source.faults.late_max_minutes, planning.cooldown_minutes, planning.lateness_minutes) == (
        60,
        120,
        30,
    )
    for given, unset in (
        (source, default.source),
        (source.simulation, default.source.simulation),
        (source.replay, default.source.replay),
        (source.faults, default.source.faults),
        (planning, default.planning),
    ):
        for field in given.__struct_fields__:
            assert getattr(given, field) != getattr(unset, field), field


def test_the_hot_application_gets_its_trigger_and_memory(platform: Platform) -> None:
    smartstore = _smartstore(
        streaming={"hot": {"trigger": "1s", "driverMemory": "2Gi", "shufflePartitions": 4}}
    )
    environment = render(smartstore, platform).component("hot").environment
    assert environment["SMARTSTORE_HOT_TRIGGER_MS"] == str(timedelta(seconds=1) // timedelta(milliseconds=1))
    assert environment["SMARTSTORE_SPARK_DRIVER_MEMORY"] == "2048m"
    assert environment["SMARTSTORE_HOT_SHUFFLE_PARTITIONS"] == "4"


def test_the_lake_gets_its_settings_and_starts_last(platform: Platform) -> None:
    smartstore = _smartstore(
        lake={"retention": "48h"},
        streaming={"lake": {"trigger": "30s", "maxRecordsPerTrigger": 5000, "driverMemory": "1Gi"}},
    )
    rendered = render(smartstore, platform)
    lake = rendered.components[-1]
    assert lake.name == "lake"
    assert {"hot", "world", "connectors", "bridge"} == set(lake.after)
    assert (
        lake.environment["SMARTSTORE_LAKE_ROOT"]
        == rendered.lake_variables["SMARTSTORE_LAKE_ROOT"]
        == "/data/my store/state/lake/tables"
    )
    assert lake.environment["SMARTSTORE_LAKE_TRIGGER_MS"] == "30000"
    assert lake.environment["SMARTSTORE_LAKE_MAX_RECORDS"] == "5000"
    assert lake.environment["SMARTSTORE_LAKE_RETENTION_HOURS"] == "48"
    assert lake.environment["SMARTSTORE_SPARK_DRIVER_MEMORY"] == "1024m"


def test_a_smartstore_may_do_without_a_lake(platform: Platform) -> None:
    smartstore = _smartstore(lake={"enabled": False})
    assert "lake" not in _names(smartstore, platform)
    assert "lake-metrics" not in {request.name for request in port_requests(smartstore)}


def test_heaps_stay_within_the_memory_budget(platform: Platform) -> None:
    heaps = [_heap(component) for component in render(_smartstore(), platform).components]
    assert sum(heaps) <= 2560


def _heap(component: Component) -> int:
    driver = component.environment.get("SMARTSTORE_SPARK_DRIVER_MEMORY", "0m").removesuffix("m")
    options = [
        word.removeprefix("-Xmx").removesuffix("m") for word in component.argv if word.startswith("-Xmx")
    ]
    return int(driver) + sum(map(int, options))
