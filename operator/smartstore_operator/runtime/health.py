"""Whether the operator is alive and does its work, and its metrics, over HTTP: /healthz, /readyz, /metrics.

A process can be alive while its watch is dead and hears nothing any more. So the operator that acts writes a canary
every so often, a ConfigMap that it watches like any other, and must hear of it.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from prometheus_client import generate_latest

from smartstore_operator.api.marks import ESTATE_LABEL
from smartstore_operator.render.kubernetes.metadata import MANAGED
from smartstore_operator.runtime.api_server import ApiError, ApiServer
from smartstore_operator.runtime.telemetry import Telemetry

log = logging.getLogger(__name__)

CANARY = "smartstore-operator-canary"
CANARY_SECONDS = 30.0
_DEAF_SECONDS = 120.0
"""Longer than kopf takes to notice a dead connection and to open another one."""


@dataclass
class Health:
    """What the probes ask. An operator that waits for the Lease is alive and ready: it does what it should."""

    _sung: float | None = None
    """When the last canary that nobody heard of was written; None while none is awaited."""
    _clock: Any = field(default=time.monotonic)

    def sung(self) -> None:
        """A canary was written."""
        if self._sung is None:
            self._sung = self._clock()

    def heard(self) -> None:
        """The watch told of a canary."""
        self._sung = None

    @property
    def is_alive(self) -> bool:
        """Whether the watch still tells what happens."""
        return self._sung is None or self._clock() - self._sung < _DEAF_SECONDS


async def sing(server: ApiServer, namespace: str, health: Health) -> None:
    """Write the canary again and again."""
    labels = {**MANAGED, ESTATE_LABEL: CANARY}
    while True:
        song = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": CANARY, "namespace": namespace, "labels": labels},
            "data": {"moment": str(time.time_ns())},
        }
        try:
            await server.apply(song, force=True)
        except ApiError as error:  # says nothing of the watches
            log.warning("the canary was not written: %s", error)
        else:
            health.sung()
        await asyncio.sleep(CANARY_SECONDS)


async def serve_health(port: int, health: Health, telemetry: Telemetry) -> web.AppRunner:
    """Start the server; the caller cleans the runner up."""

    async def metrics(_: web.Request) -> web.Response:
        body = generate_latest(telemetry.registry)
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def alive(_: web.Request) -> web.Response:
        if health.is_alive:
            return web.Response(text="ok\n")
        return web.Response(status=503, text="the watch does not tell of the canary any more\n")

    async def ready(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    application = web.Application()
    application.add_routes(
        [web.get("/metrics", metrics), web.get("/healthz", alive), web.get("/readyz", ready)]
    )
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, None, port).start()
    return runner
