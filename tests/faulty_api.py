"""A bad API server: a proxy before the real one that refuses, cuts, delays, forgets and lies, by a seed.

Every request draws at most one fault. What it drew and what came of it is noted, so that a test can count.
"""

import asyncio
import itertools
import json
import math
import random
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web
from yarl import URL

from tests.faults import CALM, WRITES, Asked, Faults

_STALE_SECONDS = 5.0
"""How old an answer may be that is given once more."""
_LONGEST_LINE = 2**22
_KEPT = ("Authorization", "Accept", "Content-Type", "User-Agent")


class FaultyApi:
    """The proxy, in a thread of its own, while the block runs. `faults` may be replaced meanwhile."""

    def __init__(self, upstream: Path, faults: Faults = CALM) -> None:
        """`upstream` is a kubeconfig with a token."""
        self.faults = faults
        self.asked: list[Asked] = []
        self.wrote: Callable[[Asked], None] = lambda _: None
        """Hears of every write that the API server did, before the answer is passed on."""
        self.held: Callable[[Asked], bool] = lambda _: False
        """Whether a request is not passed on yet."""
        self._config = yaml.safe_load(upstream.read_text())
        self._numbers = itertools.count()
        self._busy_until = 0.0
        self._lists: dict[str, deque[tuple[float, bytes]]] = {}
        self._watches: dict[int, web.Request] = {}
        self._own_errors: list[Exception] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._in_thread(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._in_thread(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if kind is None and self._own_errors:
            raise ExceptionGroup("faults that were not asked for", self._own_errors)

    def kubeconfig(self, path: Path) -> Path:
        """Write the kubeconfig of those who use the proxy, with the same token."""
        cluster = {"name": "test", "cluster": {"server": f"http://127.0.0.1:{self._port}"}}
        path.write_text(yaml.safe_dump({**self._config, "clusters": [cluster]}))
        return path

    @property
    def writes(self) -> list[Asked]:
        """The writes that were done."""
        return [one for one in self.asked if one.is_write and 200 <= one.status < 300]

    def cut_watches(self) -> None:
        """End all that there are at this moment."""
        for request in tuple(self._watches.values()):
            self._loop.call_soon_threadsafe(_end, request)

    def _in_thread(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _open(self) -> None:
        cluster = self._config["clusters"][0]["cluster"]
        self._upstream = cluster["server"]
        trusted = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusted, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=_LONGEST_LINE,
        )
        application = web.Application(client_max_size=_LONGEST_LINE)
        application.router.add_route("*", "/{path:.*}", self._checked)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        await self._runner.cleanup()
        watching = asyncio.all_tasks() - {asyncio.current_task()}
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        await self._session.close()

    async def _checked(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._handle(request)
        except ConnectionError:  # the client is gone
            return web.Response()
        except Exception as error:
            self._own_errors.append(error)
            raise

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        asked = Asked(
            *(time.monotonic(), request.method, request.path, request.query_string),
            agent=request.headers.get("User-Agent", ""),
            body=body if request.method in WRITES else b"",
        )
        chance = random.Random(f"{self.faults.seed}/{next(self._numbers)}")
        if request.query.get("watch") in ("1", "true"):
            return await self._watch(request, asked, chance)
        fault = self._drawn(asked, chance)
        if fault == "busy":
            return self._refused(asked, 429, fault)
        if fault == "error":
            return self._refused(asked, chance.choice((500, 502, 503, 504)), fault)
        if fault == "reset":
            return self._cut(request, asked, fault)
        if fault == "stale" and (old := self._old(request)) is not None:
            self._note(asked, 200, fault)
            return web.json_response(body=old)
        if fault == "slow":
            await asyncio.sleep(self.faults.slow_seconds)
        while self.held(asked):
            await asyncio.sleep(0.02)
        return await self._passed_on(request, asked, body, fault, chance)

    async def _passed_on(
        self, request: web.Request, asked: Asked, body: bytes, fault: str, chance: random.Random
    ) -> web.StreamResponse:
        headers = {name: request.headers[name] for name in _KEPT if name in request.headers}
        url = URL(self._upstream + request.raw_path, encoded=True)
        async with self._session.request(request.method, url, data=body or None, headers=headers) as upstream:
            content = await upstream.read()
            status, kind = upstream.status, upstream.headers.get("Content-Type", "application/json")
        if asked.is_write and status < 300:
            self.wrote(asked)
        if self.faults.stale and request.method == "GET" and status == 200:
            self._lists.setdefault(request.path_qs, deque(maxlen=8)).append((time.monotonic(), content))
        if fault != "lost":
            self._note(asked, status, fault)
            return web.Response(status=status, body=content, headers={"Content-Type": kind})
        self._note(asked, status, fault)
        if chance.random() < 0.5:
            half = web.StreamResponse(status=status, headers={"Content-Length": str(len(content))})
            await half.prepare(request)
            await half.write(content[: len(content) // 2])
        _end(request)
        return web.Response()

    def _drawn(self, asked: Asked, chance: random.Random) -> str:
        faults, draw = self.faults, chance.random()
        if time.monotonic() < self._busy_until:
            return "busy"
        for fault, share in (
            ("error", faults.errors),
            ("reset", faults.resets),
            ("lost", faults.lost),
            ("slow", faults.slow),
            ("stale", faults.stale),
            ("busy", faults.bursts),
        ):
            if draw < share:
                if fault == "busy":
                    self._busy_until = time.monotonic() + faults.burst_seconds
                return fault
            draw -= share
        return ""

    def _old(self, request: web.Request) -> bytes | None:
        """The oldest answer to the same request that is not too old, of lists only."""
        kept = self._lists.get(request.path_qs, ())
        oldest = time.monotonic() - _STALE_SECONDS
        found = next((content for moment, content in kept if moment > oldest), None)
        return found if found is not None and b'"items":' in found else None

    def _refused(self, asked: Asked, status: int, fault: str) -> web.Response:
        self._note(asked, status, fault)
        headers = {"Retry-After": "1"} if status == 429 else {}
        if status == 502:  # who stands between speaks no JSON
            return web.Response(status=status, text="<html>bad gateway</html>", content_type="text/html")
        return web.json_response(_status(status), status=status, headers=headers)

    def _cut(self, request: web.Request, asked: Asked, fault: str) -> web.Response:
        self._note(asked, 0, fault)
        _end(request)
        return web.Response()

    def _note(self, asked: Asked, status: int, fault: str) -> None:
        self.asked.append(replace(asked, status=status, fault=fault))

    async def _watch(self, request: web.Request, asked: Asked, chance: random.Random) -> web.StreamResponse:
        while self.held(asked):
            await asyncio.sleep(0.02)
        faults, draw = self.faults, chance.random()
        goes_on = "resourceVersion" in request.query
        if time.monotonic() < self._busy_until:
            return self._refused(asked, 429, "busy")
        fault, code = "", 0
        if draw < faults.gone and goes_on:
            fault, code = "gone", 410
        elif draw < faults.gone + faults.errors:
            fault, code = "error", 500
        if code and chance.random() < 0.5:
            return self._refused(asked, code, fault)
        self._note(asked, 200, fault)
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        if code:
            await answer.write(json.dumps({"type": "ERROR", "object": _status(code)}).encode() + b"\n")
            return answer
        self._watches[id(request)] = request
        try:
            await self._lines(request, answer, chance)
        finally:
            del self._watches[id(request)]
        return answer

    async def _lines(self, request: web.Request, answer: web.StreamResponse, chance: random.Random) -> None:
        """Pass the watch on until it has lasted long enough, or nobody listens any more."""
        clock = asyncio.get_running_loop()
        life = self.faults.watch_seconds
        end = math.inf if life is None else clock.time() + life * chance.uniform(0.5, 1.5)
        within, properly = chance.random() < 0.5, chance.random() < 0.5
        last = end + (life or 0) if within else end  # a line to be cut has to come first
        headers = {name: request.headers[name] for name in _KEPT if name in request.headers}
        url = URL(self._upstream + request.raw_path, encoded=True)
        async with self._session.get(url, headers=headers) as upstream:
            upstream.raise_for_status()
            while clock.time() < last and not _is_gone(request):
                reading = asyncio.ensure_future(upstream.content.readline())
                while not reading.done() and clock.time() < last and not _is_gone(request):
                    await asyncio.wait({reading}, timeout=0.2)
                if not reading.done():
                    reading.cancel()
                    break
                if not (line := await reading):
                    return
                if clock.time() > end:
                    await answer.write(line[: len(line) // 2])
                    break
                await answer.write(line)
        if not properly:
            _end(request)


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _end(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _status(code: int) -> dict[str, Any]:
    reasons = {410: "Expired", 429: "TooManyRequests"}
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "metadata": {},
        "status": "Failure",
        "code": code,
        "reason": reasons.get(code, "InternalError"),
        "message": f"on purpose: {code}",
    }
