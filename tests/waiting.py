"""Waiting for what others do."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any


def eventually(what: Callable[[], Any], seconds: float = 30.0) -> float:
    """How long it took until `what` was true; a failed assertion or command within it is a no."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        try:
            if what():
                return time.monotonic() - begin
        except AssertionError:
            pass
        time.sleep(0.1)
    raise AssertionError("it did not come")


async def until(what: Callable[[], Awaitable[Any]], seconds: float, pause: float = 0.02) -> None:
    """Wait until `what` is true; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await what():
            await asyncio.sleep(pause)
