"""What the status repeats comes from the metrics pages, whatever of them answers."""

import asyncio
import socket
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, Gauge

from smartstore.process.server import serve_metrics
from smartstore_operator.api.load import validate_smartstore
from smartstore_operator.api.smartstore import API_VERSION, KIND
from smartstore_operator.reconcile.sight import Application, Sight, is_due, repeated
from smartstore_operator.render import secret_names
from smartstore_operator.render.kubernetes import place
from smartstore_operator.render.platform import Platform
from smartstore_operator.runtime.data_plane import DataPlane
from tests.specs import plain

pytestmark = pytest.mark.unit


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _platform(**ports: int) -> Platform:
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "demo"}, "spec": plain()}
    smartstore = validate_smartstore(document)
    secrets = dict.fromkeys(secret_names(smartstore), "x")
    platform = place(smartstore, "shops", secrets, "MkU3OEVBNTcwNTJENDM2Qg")
    named = {f"{component}-metrics": port for component, port in ports.items()}
    hosts = dict.fromkeys(named, "127.0.0.1")
    return replace(platform, ports={**platform.ports, **named}, hosts={**platform.hosts, **hosts})


def _look(platform: Platform, *applications: str) -> Sight:
    async def look() -> Sight:
        async with DataPlane() as data_plane:
            return await data_plane.look(platform, applications)

    return asyncio.run(look())


def test_pages_that_answer_are_read_and_the_others_left_out() -> None:
    registry, port = CollectorRegistry(), _free_port()
    Gauge("smartstore_world_stores", "", registry=registry).set(3)
    named = ["application"]
    Gauge("smartstore_application_lag_records", "", named, registry=registry).labels("hot").set(12)
    Gauge("smartstore_application_last_batch_seconds", "", named, registry=registry).labels("hot").set(0.84)
    ticks = Gauge("smartstore_job_tick_seconds", "", ["job", "application"], registry=registry)
    ticks.labels("wh-aggregator", "hot").set(1767261600)
    ticks.labels("alerts", "hot").set(1767261660)
    server = serve_metrics(("127.0.0.1", port), registry, lambda: True)
    assert server is not None
    try:
        found = _look(_platform(world=port, hot=port, lake=_free_port()), "hot", "lake")
    finally:
        server.shutdown()
        server.server_close()
    moments = {"alerts": "2026-01-01T10:01:00Z", "wh-aggregator": "2026-01-01T10:00:00Z"}
    hot = Application(name="hot", lag_records=12, last_batch_seconds=0.8, ticks=moments)
    assert found == Sight(stores=3, applications=(hot,))


def test_nobody_answers() -> None:
    assert _look(_platform(world=_free_port(), hot=_free_port()), "hot") == Sight()


def test_restarts_are_those_of_the_component_s_pods() -> None:
    labels = {"app.kubernetes.io/component": "hot"}
    pod = {"metadata": {"labels": labels}, "status": {"containerStatuses": [{"restartCount": 2}]}}
    starting = {"metadata": {"labels": labels}}
    said = repeated(
        [Application(name="hot"), Application(name="lake")], [pod, starting], "2026-01-01T00:00:00Z"
    )
    assert [(each["name"], each["restarts"]) for each in said["applications"]] == [("hot", 2), ("lake", 0)]
    assert [is_due(said, f"2026-01-01T00:0{minute}:00Z") for minute in (0, 1)] == [False, True]
    assert is_due({}, "2026-01-01T00:00:00Z")
