"""One component's life: start, readiness, restart with back-off, stop."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from smartstore_operator.embedded.children import Child, Children
from smartstore_operator.embedded.datadir import DataDir
from smartstore_operator.embedded.errors import StartFailure
from smartstore_operator.embedded.logfiles import open_log, rotate, tail
from smartstore_operator.embedded.readiness import wait_ready
from smartstore_operator.embedded.toolchain.privileges import unprivileged
from smartstore_operator.render.component import Component

State = Literal["waiting", "starting", "ready", "finished", "restarting", "failing", "stopping", "stopped"]

TAIL_LINES = 12
_SURVIVAL_SECONDS = 0.5
"""A service without a probe counts as ready once it has lived so long."""
_INHERITED = (
    *(
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TMPDIR",
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
    ),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "SMARTSTORE_CACHE", "JAVA_TOOL_OPTIONS"),
)
"""All that a component inherits: settings of the user's shell such as PGHOST or SPARK_HOME must not steer it. What
stands in JAVA_TOOL_OPTIONS is meant for every JVM there is."""


@dataclass(frozen=True, kw_only=True)
class RestartPolicy:
    """Seconds between restarts double from `first_delay` to `longest_delay`; `stable_seconds` of readiness forgive all.

    At the first start of the system a component may fail `start_attempts` times; later, `failing_after` failures in
    a row make it `failing`, and it is tried on.
    """

    first_delay: float = 0.5
    longest_delay: float = 30.0
    stable_seconds: float = 10.0
    start_attempts: int = 3
    failing_after: int = 5

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row (from 1)."""
        return float(min(self.longest_delay, self.first_delay * 2.0 ** min(failures - 1, 16)))


@dataclass(frozen=True, kw_only=True)
class Change:
    """A component entered a state; `seconds` is what the start took (ready, finished); `reason` says why it failed."""

    component: str
    state: State
    seconds: float = 0.0
    reason: str = ""


class _AttemptFailed(Exception):
    """One try to bring the component up did not work."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class Runner:
    """Keeps one component running. `run` is its life, `stop` its end."""

    def __init__(
        self,
        component: Component,
        data: DataDir,
        children: Children,
        policy: RestartPolicy,
        listener: Callable[[Change], None],
    ) -> None:
        self.component = component
        self.log = data.log(component.name)
        self.state: State = "waiting"
        self.since = time.time()
        self.restarts = 0
        self.reason = ""
        self.ready = asyncio.Event()
        self.tried = asyncio.Event()
        """It has been up, or a try has failed."""
        self.settled = False
        """Whether the first start of the whole system is over: from then on no failure ends the system."""
        self._directory = data.config(component.name)
        self._children = children
        self._policy = policy
        self._listener = listener
        self._child: Child | None = None
        self._failures = 0
        self._log_start = 0

    async def run(self, needs: Sequence["Runner"], after: Sequence["Runner"] = ()) -> None:
        """Bring the component up when `needs` are ready and keep it so; a one-shot returns when it is done.

        The first time it also lets those in `after` try first.

        Raises:
            StartFailure: it did not come up at the first start; a one-shot: ever.
        """
        for other in after:
            await other.tried.wait()
        while True:
            for need in needs:
                await need.ready.wait()
            begin = time.monotonic()
            self._enter("starting")
            try:
                await self._bring_up()
            except _AttemptFailed as failure:
                await self._after_failure(str(failure), final=failure.final)
                continue
            self.ready.set()
            self.tried.set()
            done = self.component.kind == "oneshot"
            self._enter("finished" if done else "ready", seconds=time.monotonic() - begin)
            if done:
                return
            await self._after_failure(await self._lived())

    async def stop(self, hurry: asyncio.Event) -> None:
        """End the process: the stop signal, `stop_seconds` or `hurry`, then a kill of its group."""
        self.ready.clear()
        child, overrun = self._child, ""
        if child is not None and not child.exited.done():
            self._enter("stopping")
            child.signal(signal.SIGINT if self.component.stop_signal == "INT" else signal.SIGTERM)
            await _first(child.exited, hurry, self.component.stop_seconds)
            if not child.exited.done():
                overrun = (
                    "killed at once" if hurry.is_set() else f"killed after {self.component.stop_seconds:g} s"
                )
                child.kill_group()
                await child.end()
        if self.state != "finished":
            self._enter("stopped", reason=overrun)

    def describe(self) -> dict[str, Any]:
        """What `status` shows of it, without memory."""
        pid = self._child.pid if self._child and not self._child.exited.done() else None
        # between the end of the process and the turn of `run` that hears of it, "ready" is no longer true
        ended = self.state == "ready" and pid is None
        return {
            "name": self.component.name,
            "state": "restarting" if ended else self.state,
            "pid": pid,
            "restarts": self.restarts,
            "since": self.since,
            "reason": self.reason,
            "log": str(self.log),
            "tail": self.tail() if self.state == "failing" else [],
        }

    def tail(self) -> list[str]:
        """The last log lines of the latest try."""
        return tail(self.log, TAIL_LINES, self._log_start)

    async def _bring_up(self) -> None:
        """Prepare, start, wait for readiness (a one-shot: for its end)."""
        rotate(self.log)
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        for command in self.component.before_start:
            code = await self._command(command)
            if code != 0:
                raise _AttemptFailed(f"`{Path(command[0]).name}` before the start {_ending(code)}")
        self._child = self._spawn(self.component.argv)
        if self.component.kind == "oneshot":
            code = await self._child.end()
            if code != 0:
                raise _AttemptFailed(_ending(code))
            return
        await self._until_ready(self._child)

    async def _until_ready(self, child: Child) -> None:
        if self.component.probe is None:
            await asyncio.wait({child.exited}, timeout=_SURVIVAL_SECONDS)
        probing = asyncio.ensure_future(wait_ready(self.component, self._command))
        try:
            either: list[asyncio.Future[Any]] = [probing, child.exited]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if child.exited.done():
                raise _AttemptFailed(_ending(child.exited.result()))
            await probing
        except TimeoutError:
            child.kill_group()
            await child.end()
            seconds = self.component.probe.timeout_seconds if self.component.probe else 0
            raise _AttemptFailed(f"not ready within {seconds:g} s", final=True) from None
        finally:
            probing.cancel()
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                await probing

    async def _lived(self) -> str:
        """Wait for the end of the ready process; how it ended."""
        if self._child is None:
            return "never started"
        begin = time.monotonic()
        code = await self._child.end()
        self.ready.clear()
        if time.monotonic() - begin >= self._policy.stable_seconds:
            self._failures = 0
        return _ending(code)

    async def _after_failure(self, reason: str, *, final: bool = False) -> None:
        self._failures += 1
        self.reason = reason
        self.tried.set()
        endless = self.settled and self.component.kind == "service"
        if not endless and (final or self._failures >= self._policy.start_attempts):
            self._enter("failing", reason=reason)
            times = "" if self._failures == 1 else f", {self._failures} times in a row"
            raise StartFailure(self.component.name, reason + times, self.log, self.tail())
        self.restarts += 1
        self._enter(
            "failing" if self._failures >= self._policy.failing_after else "restarting", reason=reason
        )
        await asyncio.sleep(self._policy.delay(self._failures))

    async def _command(self, argv: Sequence[str]) -> int:
        """Run a command beside the component: same user, environment and log."""
        child = self._spawn(argv)
        try:
            return await child.end()
        except asyncio.CancelledError:
            child.kill_group()
            raise

    def _spawn(self, argv: Sequence[str]) -> Child:
        component = self.component
        if component.unprivileged:
            owned = [self._directory, *([Path(component.state_dir)] if component.state_dir else [])]
            argv = unprivileged(argv, owned, parent_death="KILL")
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment = {**inherited, "PYTHONUNBUFFERED": "1", **component.environment}
        output = open_log(self.log)
        try:
            return self._children.spawn(component.name, argv, environment, self._directory, output)
        finally:
            os.close(output)

    def _enter(self, state: State, *, seconds: float = 0.0, reason: str = "") -> None:
        self.state, self.since = state, time.time()
        self._listener(Change(component=self.component.name, state=state, seconds=seconds, reason=reason))


async def _first(exited: asyncio.Future[int], hurry: asyncio.Event, seconds: float) -> None:
    """Return when the process has ended, when there is a hurry, or when the time is up."""
    hurrying = asyncio.ensure_future(hurry.wait())
    try:
        either: list[asyncio.Future[Any]] = [exited, hurrying]
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hurrying.cancel()


def _ending(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"exited with {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
