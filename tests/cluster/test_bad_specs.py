"""Specs that cannot be followed: the API server refuses what it can, the operator tells the rest, with the field."""

import asyncio
from typing import Any

import pytest

from smartstore_operator.api.smartstore import API_VERSION, KIND
from smartstore_operator.reconcile.reconciler import Reconciler
from smartstore_operator.runtime.api_server import ApiError, ApiServer
from tests.specs import IMAGES

pytestmark = pytest.mark.cluster

PATCH = {"spec": {"template": {"spec": {"priorityClassName": "high"}}}}
BROKERS = {"type": "External", "bootstrapServers": "k:1"}

REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"stores": "three"}, ".spec.stores: expected numeric (int or float), got string"),
    ({"stores": -1}, "spec.stores in body should be greater than or equal to 1"),
    ({"colour": "red"}, "spec.colour"),
    ({"profile": "Staging"}, "spec.profile: Unsupported value"),
    ({"source": {"type": "Guess"}}, "spec.source.type: Unsupported value"),
    ({"source": {"speed": "fast"}}, ".spec.source.speed: expected numeric (int or float), got string"),
    ({"source": {"tick": "2h"}}, "200ms to 1h is allowed"),
    ({"source": {"startHour": 24}}, "spec.source.startHour"),
    ({"source": {"replay": {"start": "yesterday"}}}, "spec.source.replay.start"),
    ({"source": {"faults": {"malformedPct": 101}}}, "spec.source.faults.malformedPct"),
    ({"kafka": {"partitions": 0}}, "spec.kafka.partitions"),
    ({"kafka": {"heap": "much"}}, "spec.kafka.heap"),
    ({"kafka": {"type": "External"}}, "type External needs bootstrapServers"),
    ({"kafka": {"tls": {}}}, "tls is for type External only"),
    (
        {"kafka": {"type": "SingleNode", "authentication": {"username": "u"}}},
        "authentication is for type External only",
    ),
    (
        {"kafka": {**BROKERS, "authentication": {}}},
        "spec.kafka.authentication.username: Required value",
    ),
    ({"redis": {"type": "External"}}, "type External needs host"),
    ({"postgres": {"host": "db"}}, "type External needs host, and only type External has it"),
    ({"streaming": {"hot": {"trigger": "2h"}}}, "0s to 1h is allowed"),
    (
        {"maintenance": {"windows": [{"schedule": "tomorrow", "duration": "1h"}]}},
        "spec.maintenance.windows[0].schedule",
    ),
    ({"maintenance": {"windows": [{"schedule": "0 4 * * *", "duration": "10s"}]}}, "1m to 168h is allowed"),
    ({"deletionPolicy": "Perhaps"}, "spec.deletionPolicy: Unsupported value"),
    ({"overrides": [{"kind": "Deployment", "patch": {}}]}, "spec.overrides[0].name"),
)
TOLD: tuple[tuple[dict[str, Any], str], ...] = (
    (
        {"streaming": {"hot": {"shards": 3}}},
        "streaming.hot.shards is 3, but the 4 partitions (kafka.partitions)",
    ),
    (
        {"kafka": {**BROKERS, "authentication": {"username": "u"}}},
        "spec.kafka.authentication.passwordSecret: type External needs it",
    ),
    (
        {"kafka": {**BROKERS, "authentication": {"username": "u", "passwordSecret": {"name": "u"}}}},
        "spec.kafka.authentication.passwordSecret: there is no Secret u with a key password",
    ),
    (
        {"kafka": {**BROKERS, "tls": {"caSecret": {"name": "ca"}}}},
        "spec.kafka.tls.caSecret: there is no Secret ca with a key ca.crt",
    ),
    ({"redis": {"type": "External", "host": "r"}}, "spec.redis.passwordSecret: type External needs it"),
    (
        {"postgres": {"type": "External", "host": "p", "passwordSecret": {"name": "db"}}},
        "spec.postgres.passwordSecret: there is no Secret db with a key password",
    ),
    ({"stores": 500}, "stores is 500, but the recorded data of source type Replay have 433 stores"),
    (
        {"maintenance": {"windows": [{"schedule": "0 4 30 2 *", "duration": "1h"}]}},
        "spec.maintenance.windows[0].schedule: '0 4 30 2 *' is no schedule: Bad day-of-month",
    ),
    (
        {"maintenance": {"windows": [{"schedule": "0 24 * * *", "duration": "1h"}]}},
        "spec.maintenance.windows[0].schedule: '0 24 * * *' is no schedule: Bad hour",
    ),
    (
        {"overrides": [{"kind": "Deployment", "name": "demo-brige", "patch": PATCH}]},
        "spec.overrides[0]: there is no Deployment demo-brige",
    ),
    (
        {"overrides": [{"kind": "Deployment", "name": "demo-bridge", "patch": {"metadata": {"name": "x"}}}]},
        "spec.overrides[0]: metadata.name cannot be changed",
    ),
)
FROZEN: tuple[tuple[dict[str, Any], str], ...] = (
    (
        {"kafka": {"partitions": 2}},
        "kafka.partitions cannot change: each store has its place in one partition",
    ),
    ({"kafka": {"partitions": 8}}, "kafka.partitions cannot change"),
    ({"profile": "Production"}, "kafka.partitions cannot change"),
    ({"streaming": {"hot": {"shards": 2}}}, "streaming.hot.shards cannot change"),
    ({"streaming": {"hot": {"shufflePartitions": 4}}}, "streaming.hot.shufflePartitions cannot change"),
    ({"source": {"type": "Simulation"}}, "source.type cannot change"),
    ({"kafka": {"type": "SingleNode"}}, "kafka.type cannot change"),
    ({"postgres": {"type": "External", "host": "db"}}, "postgres.type cannot change"),
)


def _document(namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "demo", "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


async def _refusal(server: ApiServer, namespace: str, spec: dict[str, Any]) -> str:
    """What the API server says, checking the fields as kubectl asks for it."""
    with pytest.raises(ApiError) as error:
        await server._ask(
            "PATCH",
            f"/apis/{API_VERSION}/namespaces/{namespace}/smartstores/demo",
            params={"fieldManager": "tester", "force": "true", "fieldValidation": "Strict"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            json=_document(namespace, spec),
        )
    return str(error.value)


@pytest.mark.parametrize(("spec", "expected"), REFUSED)
def test_the_api_server_refuses_it(namespace: str, spec: dict[str, Any], expected: str) -> None:
    async def run() -> None:
        async with ApiServer.from_environment() as server:
            assert expected in await _refusal(server, namespace, spec)

    asyncio.run(run())


@pytest.mark.parametrize(("spec", "expected"), TOLD)
def test_the_operator_tells_it(namespace: str, spec: dict[str, Any], expected: str) -> None:
    async def unknown(_: Any) -> None:
        return None

    async def run() -> None:
        async with ApiServer.from_environment() as server:
            live = await server.apply(_document(namespace, spec))
            await Reconciler(server, IMAGES, lambda: "2026-01-01T00:00:00Z", unknown).reconcile(live)
            found = await server.get(KIND, namespace, "demo")
            assert found is not None
            (ready,) = (one for one in found["status"]["conditions"] if one["type"] == "Ready")
            assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
            assert expected in ready["message"]
            assert await server.list("StatefulSet", namespace, {}) == []

    asyncio.run(run())


@pytest.mark.parametrize(("spec", "expected"), FROZEN)
def test_what_data_hang_on_cannot_change(namespace: str, spec: dict[str, Any], expected: str) -> None:
    async def run() -> None:
        async with ApiServer.from_environment() as server:
            await server.apply(_document(namespace, {}))
            assert expected in await _refusal(server, namespace, spec)
            await server.apply(
                _document(namespace, {"stores": 7, "kafka": {"partitions": 4}})
            )  # as it is anyway

    asyncio.run(run())
