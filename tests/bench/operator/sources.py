"""The sources of many SmartStores, which say that as many stores are open as were asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.bench.operator.estates import STORES

_PORT = 9400
"""Where a source in a cluster has its metrics (render.rendering.port_requests)."""


@asynccontextmanager
async def sources() -> AsyncIterator[None]:
    """They answer while the block runs, on this machine, whatever Service they are asked as."""
    application = web.Application()
    application.router.add_get("/metrics", _metrics)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", _PORT).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def _metrics(request: web.Request) -> web.Response:
    service, namespace, *_ = request.host.split(".")
    count = STORES[namespace, service.removesuffix("-world")]
    return web.Response(text=f"smartstore_world_stores {count}\n")
