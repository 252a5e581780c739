"""The supervisor: all components of one system as processes, from the first start to the last stop.

    async with Supervisor(components, data) as supervisor:
        await supervisor.start()
        await supervisor.wait(seconds=60)

Leaving the block stops everything in reverse order and leaves no process behind; if this process is killed, the
parent-death signals and the watchdog do it.
"""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import smartstore_operator
from smartstore_operator.embedded import control, watchdog
from smartstore_operator.embedded.children import Children
from smartstore_operator.embedded.datadir import DataDir, read_json, write_json
from smartstore_operator.embedded.errors import StartFailure
from smartstore_operator.embedded.logfiles import rotate
from smartstore_operator.embedded.processes import INSTANCE_VARIABLE, end_all, members, memory_bytes
from smartstore_operator.embedded.runner import Change, RestartPolicy, Runner
from smartstore_operator.render.component import Component

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HOUSEKEEPING_SECONDS = 1.0


class Supervisor:
    """Starts, watches and stops components. The caller holds the data directory's lock.

    Runs in the event loop of the main thread. `listener` hears every change of a component's state; `observe` adds to
    what `status` answers, `commands` answer further requests.
    """

    def __init__(
        self,
        components: Sequence[Component],
        data: DataDir,
        *,
        policy: RestartPolicy | None = None,
        listener: Callable[[Change], None] = lambda _: None,
        observe: Callable[[], dict[str, Any]] = dict,
        commands: Mapping[str, control.Command] | None = None,
    ) -> None:
        self.instance = str(uuid.uuid4())
        self.ready = False
        self.started = time.time()
        self.expired = False
        self._data = data
        self._listener = listener
        self._observe = observe
        self._commands = commands or {}
        self._children = Children(self.instance, self._note)
        self._runners = {
            component.name: Runner(component, data, self._children, policy or RestartPolicy(), self._heard)
            for component in components
        }
        self._needs = {c.name: [need for need in c.needs if need in self._runners] for c in components}
        self._after = {c.name: c.after for c in components}
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._stop = asyncio.Event()
        """Somebody asked for the stop, or it has begun."""
        self._over = asyncio.Event()
        """That, or the time is up: then commands such as `verify` may still run."""
        self._hurry = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._server: asyncio.Server | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._noted: dict[str, Any] = {}

    async def __aenter__(self) -> "Supervisor":
        self._clear_predecessor()
        self._note()
        self._children.open()
        self._watch()
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.request_stop)
        self._server = await control.serve(self._data.run, self._answer)
        self._tasks.append(asyncio.create_task(self._keep_house()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._stop_all()
        finally:
            for task in self._tasks:
                task.cancel()
            if self._server is not None:
                self._server.close()
            self._children.close()
            self._dismiss_watchdog()
            loop = asyncio.get_running_loop()
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    async def start(self, names: Collection[str] | None = None) -> bool:
        """Bring up `names` (default: all) and what they need; False if a stop was requested or the time was up before.

        Raises:
            StartFailure: one of them did not come up.
            KeyError: there is no component of that name.
        """
        wanted = self._closure(self._runners if names is None else names)
        for name in wanted:
            if name not in self._lives:
                needs = [self._runners[need] for need in self._needs[name]]
                after = [self._runners[other] for other in self._after[name] if other in wanted]
                self._lives[name] = asyncio.create_task(self._runners[name].run(needs, after), name=name)
        all_ready = asyncio.create_task(self._all_ready(wanted))
        stopping = asyncio.create_task(self._over.wait())
        try:
            while not all_ready.done() and not stopping.done():
                lives = {life for life in self._lives.values() if not life.done()}
                await asyncio.wait({all_ready, stopping, *lives}, return_when=asyncio.FIRST_COMPLETED)
                self._raise_failure()
        finally:
            all_ready.cancel()
            stopping.cancel()
        if self._over.is_set():
            return False
        for name in wanted:
            self._runners[name].settled = True
        self.ready = True
        return True

    async def wait(self, seconds: float | None = None) -> None:
        """Return when a stop was requested, when the time is up (`expire`), or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()

    def request_stop(self) -> None:
        """Ask for the graceful stop; asked again while stopping, the rest is killed."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()
        self._over.set()

    def expire(self) -> None:
        """End `start` and `wait` because the time is up, not because somebody asked."""
        self.expired = not self._stop.is_set()
        self._over.set()

    @property
    def stopping(self) -> bool:
        """Whether a stop was requested."""
        return self._stop.is_set()

    async def run_command(
        self, name: str, argv: Sequence[str], environment: dict[str, str], output: int
    ) -> int:
        """Run a command as part of the instance, its output into the descriptor `output`; its exit code.

        A requested stop kills it.
        """
        child = self._children.spawn(name, argv, environment, Path.cwd(), output)
        stopping = asyncio.create_task(self._stop.wait())
        try:
            either: list[asyncio.Future[Any]] = [child.exited, stopping]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            child.kill_group()
            return await child.end()
        finally:
            stopping.cancel()

    def states(self) -> dict[str, str]:
        """State by component; costs nothing."""
        return {name: runner.state for name, runner in self._runners.items()}

    def restarts(self) -> dict[str, int]:
        """Restarts by component; costs nothing."""
        return {name: runner.restarts for name, runner in self._runners.items()}

    def components(self) -> list[dict[str, Any]]:
        """Name, state, pid, restarts, memory and age of every component."""
        trees = self._children.trees()
        rows = [runner.describe() for runner in self._runners.values()]
        return [{**row, "rss_bytes": memory_bytes(trees.get(row["name"], []))} for row in rows]

    def status(self) -> dict[str, Any]:
        """What `smartstore status` shows."""
        rows = self.components()
        own = memory_bytes([os.getpid(), *([self._watchdog.pid] if self._watchdog else [])])
        return {
            "ready": self.ready
            and not self.stopping
            and all(row["state"] in ("ready", "finished") for row in rows),
            "pid": os.getpid(),
            "since": self.started,
            **self._observe(),
            "components": rows,
            "rss_bytes": own + sum(row["rss_bytes"] for row in rows),
        }

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        command = request["command"]
        if command == "ping":
            return {"ready": self.ready and not self.stopping}
        if command == "status":
            return self.status()
        if command == "down":
            self.request_stop()
            return {"pid": os.getpid()}
        if command == "start":
            try:
                return {"ready": await self.start(request["components"])}
            except StartFailure as failure:
                return {"error": str(failure), "tail": failure.tail}
        if command in self._commands:
            return self._commands[command](request)
        raise ValueError(f"unknown command {command!r}")

    async def _all_ready(self, names: Iterable[str]) -> None:
        for name in names:
            await self._runners[name].ready.wait()

    def _raise_failure(self) -> None:
        for life in self._lives.values():
            if life.done() and not life.cancelled() and life.exception() is not None:
                raise life.exception()  # type: ignore[misc]

    def _closure(self, names: Iterable[str]) -> list[str]:
        """`names` and all they need, needs first."""
        ordered: list[str] = []

        def add(name: str) -> None:
            if name not in ordered:
                for need in self._needs[name]:
                    add(need)
                ordered.append(name)

        for name in names:
            add(name)
        return ordered

    async def _stop_all(self) -> None:
        """Stop every component after those that need it."""
        self._stop.set()
        self.ready = False
        for life in self._lives.values():
            life.cancel()
        await asyncio.gather(*self._lives.values(), return_exceptions=True)
        stops: dict[str, asyncio.Task[None]] = {}

        async def stop_after(name: str, dependents: list[str]) -> None:
            await asyncio.gather(*(stops[dependent] for dependent in dependents))
            await self._runners[name].stop(self._hurry)

        for name in reversed(self._closure(self._lives)):
            dependents = [other for other in stops if name in self._needs[other]]
            stops[name] = asyncio.create_task(stop_after(name, dependents))
        await asyncio.gather(*stops.values())

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)
            for runner in self._runners.values():
                with contextlib.suppress(OSError):
                    rotate(runner.log)
            self._note()
            if self._watchdog is not None and self._watchdog.poll() is not None:
                log.warning("the watchdog ended, starting another one")
                self._watch()

    def _watch(self) -> None:
        """Start the watchdog. Its pipe closes when this process ends, since no child inherits the other end."""
        root = str(Path(smartstore_operator.__file__).parents[1])
        environment = {"PATH": os.defpath, "PYTHONPATH": root}
        self._watchdog = subprocess.Popen(
            [sys.executable, "-S", "-m", watchdog.__name__, self.instance, str(self._data.record)],
            env=environment,
            cwd=self._data.root,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._children.spared = {self._watchdog.pid}

    def _dismiss_watchdog(self) -> None:
        if self._watchdog is not None:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                self._watchdog.communicate(b"done", timeout=5)

    def _clear_predecessor(self) -> None:
        """End what an instance left behind whose supervisor and watchdog were both killed."""
        last = read_json(self._data.record)
        if isinstance(last.get("instance"), str) and last["instance"] != os.environ.get(INSTANCE_VARIABLE):
            noted = watchdog.recorded(self._data.record)
            end_all(lambda: members(last["instance"], noted), seconds=10)

    def _note(self) -> None:
        """Write down all processes of the instance: some hide their marker, and once orphaned nothing tells them."""
        keys = sorted([key.pid, key.start] for key in self._children.process_keys())
        record = {"instance": self.instance, "processes": keys}
        if record != self._noted:
            write_json(self._data.record, record)
            self._noted = record

    def _heard(self, change: Change) -> None:
        level = logging.WARNING if change.state in ("restarting", "failing") else logging.INFO
        log.log(
            level, "%s is %s%s", change.component, change.state, f": {change.reason}" if change.reason else ""
        )
        self._listener(change)
