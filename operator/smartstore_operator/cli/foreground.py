"""What `smartstore up` does until it is stopped: the system as processes, and what there is to see of it."""

import asyncio
import contextlib
import logging
import logging.handlers
import os
import sys
import time
from pathlib import Path

from rich.console import Console

from smartstore_operator.api.smartstore import SmartStore
from smartstore_operator.cli import exits
from smartstore_operator.cli.lines import Lines
from smartstore_operator.cli.live import LiveView
from smartstore_operator.embedded.datadir import DataDir
from smartstore_operator.embedded.errors import StartFailure
from smartstore_operator.embedded.observer import Observer
from smartstore_operator.embedded.supervisor import Supervisor
from smartstore_operator.embedded.system import Applied, System, prepare


def run(smartstore: SmartStore, data: DataDir, began: float, seconds: float | None, verify: bool) -> int:
    """Run it in a directory that is locked; the exit code. `began`: when the command did, by the monotonic clock."""
    system = prepare(smartstore, data)
    system.write()
    _log_to(data)
    view = LiveView(began, Console(), smartstore.name) if sys.stdout.isatty() else Lines(began)
    return asyncio.run(_run(system, view, began, seconds, verify))


async def _run(
    system: System, view: LiveView | Lines, began: float, seconds: float | None, verify: bool
) -> int:
    data = system.data
    view.say(
        f"starting {system.smartstore.name}: {system.smartstore.spec.stores} stores, data in {_short(data.root)}"
    )
    applied = Applied(system)
    observer = Observer(system.metrics_urls(), system.rendered.postgres_dsn, view.first_alert)
    supervisor = Supervisor(
        system.rendered.components,
        data,
        listener=view.changed,
        observe=lambda: {**applied.system.facts(), **observer.status(supervisor.restarts())},
        commands={"scale": applied.scale},
    )
    code = exits.OK
    async with view:
        try:
            async with supervisor:
                view.watch(supervisor, observer)
                looking = asyncio.create_task(observer.run())
                try:
                    code = await _live(supervisor, view, system, began, seconds, verify)
                finally:
                    looking.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await looking
        except StartFailure as failure:
            await view.quiet()
            _explain(failure)
            return exits.FAILED
        view.say("stopped; the data stay")
    return code


async def _live(
    supervisor: Supervisor,
    view: LiveView | Lines,
    system: System,
    began: float,
    seconds: float | None,
    verify: bool,
) -> int:
    """From the first start to the request to stop; the exit code."""
    deadline = None if seconds is None else began + seconds
    timer = asyncio.get_running_loop().call_later(
        max(0.0, deadline - time.monotonic()) if deadline is not None else 1e9, supervisor.expire
    )
    try:
        if not await supervisor.start():
            if supervisor.expired:
                view.say(f"not everything was ready within --for {seconds:g} s")
                return exits.FAILED
            return exits.OK
        view.say(f"everything is ready after {time.monotonic() - began:.1f} s")
        await supervisor.wait()
    finally:
        timer.cancel()
    failing = [row for row in supervisor.components() if row["state"] == "failing"]
    for row in failing:
        view.say(f"{row['name']} is failing: {row['reason']} (log: {row['log']})")
    code = exits.FAILED if failing else exits.OK
    if verify and supervisor.expired:
        await view.quiet()
        code = await _verify(supervisor, system) or code
    return code


async def _verify(supervisor: Supervisor, system: System) -> int:
    """Verify while everything still runs; the verdict."""
    inherited = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ
    }
    environment = {**inherited, **system.client_environment()}
    sys.stdout.flush()
    code = await supervisor.run_command(
        "verify", [sys.executable, "-m", "smartstore.verify"], environment, sys.stdout.fileno()
    )
    return code if code >= 0 else exits.FAILED


def _explain(failure: StartFailure) -> None:
    print(f"smartstore: {failure}", file=sys.stderr)
    for line in failure.tail:
        print(f"    {line}", file=sys.stderr)


def _log_to(data: DataDir) -> None:
    handler = logging.handlers.RotatingFileHandler(data.log("supervisor"), maxBytes=5_000_000, backupCount=1)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
