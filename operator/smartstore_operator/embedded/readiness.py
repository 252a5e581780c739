"""Readiness of a component, asked from outside: an HTTP 200, an open TCP port, or a command that exits 0."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from smartstore_operator.embedded.ports import HOST
from smartstore_operator.render.component import Component, Probe

ATTEMPT_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 0.5

RunCommand = Callable[[Sequence[str]], Awaitable[int]]
"""Runs a command beside the component and gives its exit code."""


async def wait_ready(component: Component, run: RunCommand) -> None:
    """Return at the first success of the component's probe, at once if it has none.

    Raises `TimeoutError` after the probe's `timeout_seconds`.
    """
    probe = component.probe
    if probe is None:
        return
    async with asyncio.timeout(probe.timeout_seconds):
        pause = _FIRST_PAUSE
        while not await is_ready(component, probe, run):
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, _LONGEST_PAUSE)


async def is_ready(component: Component, probe: Probe, run: RunCommand) -> bool:
    """Ask once; an answer that takes longer than `ATTEMPT_SECONDS` is a no."""
    try:
        async with asyncio.timeout(ATTEMPT_SECONDS):
            if probe.kind == "exec":
                for port in component.ports.values():  # much cheaper than a command that can only fail
                    await _answers(port, None)
                return await run(probe.argv) == 0
            port = component.ports[probe.port or next(iter(component.ports))]
            return await _answers(port, probe.path if probe.kind == "http" else None)
    except (TimeoutError, OSError):
        return False


async def _answers(port: int, path: str | None) -> bool:
    """Whether the port accepts a connection and, given a path, answers a GET with status 200."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        if path is None:
            return True
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        return (await reader.readline()).split()[1:2] == [b"200"]
    finally:
        writer.close()
