"""Commands about a running system: `down`, `status`, `logs`, `verify`, `report`, `reset`, `psql`, `setup`."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from smartstore_operator.cli import exits, figures, locate
from smartstore_operator.cli.exits import CommandFailed, UsageError
from smartstore_operator.embedded import control, toolchain
from smartstore_operator.embedded.datadir import DataDir
from smartstore_operator.embedded.logfiles import tail
from smartstore_operator.embedded.processes import inspect, is_running
from smartstore_operator.embedded.toolchain import setup as toolchain_setup

STOP_SECONDS = 180.0


def add_parsers(commands: Any) -> None:
    """Declare the commands."""
    parser = commands.add_parser("down", help="stop the running SmartStore; its data stay")
    locate.add_data_dir(parser)
    parser.set_defaults(run=down)

    parser = commands.add_parser("status", help="what runs, how far it is, what it uses")
    parser.add_argument("--json", action="store_true", help="everything, as one JSON object")
    locate.add_data_dir(parser)
    parser.set_defaults(run=status)

    parser = commands.add_parser("logs", help="the log of a component")
    parser.add_argument("name", metavar="NAME", help="component, or `supervisor`")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as it grows")
    parser.add_argument("-n", "--lines", type=int, default=50, help="last lines to begin with (default: 50)")
    locate.add_data_dir(parser)
    parser.set_defaults(run=logs)

    parser = commands.add_parser(
        "verify", help="recompute everything from the ledger and compare", add_help=False, prefix_chars="-"
    )
    locate.add_data_dir(parser)
    parser.set_defaults(run=verify, takes_rest=True)
    parser = commands.add_parser(
        "report",
        help="service level, lost sales, stock-outs, waste and lead times of each store",
        add_help=False,
        prefix_chars="-",
    )
    locate.add_data_dir(parser)
    parser.set_defaults(run=report, takes_rest=True)

    parser = commands.add_parser("reset", help="delete the data of a SmartStore that is not running")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    locate.add_data_dir(parser)
    parser.set_defaults(run=reset)

    parser = commands.add_parser("psql", help="a SQL shell on the running SmartStore", add_help=False)
    locate.add_data_dir(parser)
    parser.set_defaults(run=psql, takes_rest=True)

    parser = commands.add_parser("setup", help="fetch what runs beside Python: Java, jars")
    parser.set_defaults(run=setup)


def down(options: argparse.Namespace) -> int:
    """Ask the supervisor to stop and wait until it is gone."""
    data = locate.find(options.data_dir)
    pid = int(control.ask(data.run, {"command": "down"})["pid"])
    supervisor = inspect(pid)
    deadline = time.monotonic() + STOP_SECONDS
    while supervisor is not None and is_running(supervisor.key):
        if time.monotonic() > deadline:
            raise CommandFailed(
                f"it did not stop within {STOP_SECONDS:g} s: see `smartstore logs supervisor`"
            )
        time.sleep(0.1)
    print("stopped; the data stay")
    return exits.OK


def status(options: argparse.Namespace) -> int:
    """Show the state of the running system."""
    data = locate.find(options.data_dir)
    answer = control.ask(data.run, {"command": "status"})
    print(json.dumps(answer, indent=2) if options.json else "\n".join(_status_lines(answer)))
    return exits.OK


def _status_lines(answer: dict[str, Any]) -> Iterator[str]:
    since = figures.duration(time.time() - answer["since"])
    state = "ready" if answer["ready"] else "not ready"
    yield f"{answer['name']} is {state}: {answer['stores']} stores, up {since}, {figures.memory(answer['rss_bytes'])}"
    yield (
        f"simulated time {figures.moment(answer['simulated_time'])}, speed {figures.speed(answer['speed'])}, "
        f"{answer['events_per_second']:,.0f} events/s"
    )
    yield ""
    yield f"{'COMPONENT':<12} {'STATE':<11} {'PID':>8} {'RESTARTS':>8} {'MEMORY':>9}  SINCE"
    for row in answer["components"]:
        since = datetime.fromtimestamp(row["since"]).astimezone().strftime("%H:%M:%S")
        used = figures.memory(row["rss_bytes"]) if row["rss_bytes"] else ""
        line = f"{row['name']:<12} {row['state']:<11} {row['pid'] or '':>8} {row['restarts']:>8} {used:>9}  {since}"
        trouble = row["reason"] if row["state"] in ("restarting", "failing") else ""
        yield f"{line}  {trouble}".rstrip()
        yield from (f"    {text}" for text in row["tail"])
    yield ""
    yield f"{'JOB':<22} {'APPLICATION':<12} {'EVENTS':>12} {'LAG':>8} {'BATCH':>8}  TICK"
    for job in answer["jobs"]:
        lag = "–" if job["lag"] is None else f"{job['lag']:,}"
        batch = "–" if job["last_batch_seconds"] is None else f"{job['last_batch_seconds']:.2f} s"
        tick = figures.moment(job["tick"])
        yield f"{job['name']:<22} {job['application']:<12} {job['events_total']:>12,} {lag:>8} {batch:>8}  {tick}"
    yield ""
    for name, address in answer["endpoints"].items():
        if isinstance(address, str):
            yield f"{name:<9} {address}"


def logs(options: argparse.Namespace) -> int:
    """Print the end of a component's log, and what comes after it with `--follow`."""
    data = locate.find(options.data_dir)
    path = data.log(options.name)
    if not path.is_file():
        names = ", ".join(sorted(log.stem for log in (data.root / "logs").glob("*.log")))
        raise UsageError(f"there is no log of {options.name!r}; there are: {names or 'none yet'}")
    for line in tail(path, options.lines):
        print(line)
    if options.follow:
        _follow(path)
    return exits.OK


def _follow(path: Path) -> None:
    """Print what is appended until interrupted."""
    with path.open(errors="replace") as handle:
        position = handle.seek(0, os.SEEK_END)
        while True:
            if path.stat().st_size < position:  # rotated
                handle.seek(0)
            text = handle.read()
            position = handle.tell()
            if text:
                print(text, end="", flush=True)
            else:
                time.sleep(0.2)


def verify(options: argparse.Namespace) -> int:
    """Run `smartstore.verify` on the running system; further options and the exit code are its own."""
    data = locate.find(options.data_dir)
    environment = {**os.environ, **locate.client_environment(data)}
    command = [sys.executable, "-m", "smartstore.verify", *options.rest]
    return subprocess.run(command, env=environment, check=False).returncode


def report(options: argparse.Namespace) -> int:
    """Run `smartstore.verify.retail` on the running system; further options and the exit code are its own."""
    data = locate.find(options.data_dir)
    environment = {**os.environ, **locate.client_environment(data)}
    command = [sys.executable, "-m", "smartstore.verify.retail", *options.rest]
    return subprocess.run(command, env=environment, check=False).returncode


def reset(options: argparse.Namespace) -> int:
    """Delete the data directory, after asking."""
    data = locate.find(options.data_dir)
    if not data.is_ours:
        raise UsageError(f"{data.root} is no data directory of a SmartStore")
    with data.locked():
        if not options.yes and not _agreed(data):
            print("nothing deleted")
            return exits.FAILED
        data.delete()
    print(f"deleted {data.root}")
    return exits.OK


def _agreed(data: DataDir) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on; give --yes")
    return input(f"Delete {data.root} and all data in it? [y/N] ").strip().lower() in ("y", "yes")


def psql(options: argparse.Namespace) -> int:
    """Become psql, connected as the owner of the schemas; further options are its own."""
    data = locate.find(options.data_dir)
    address = urlsplit(locate.client_environment(data)["SMARTSTORE_POSTGRES_DSN"])
    # By environment: a password on the command line would show in the process table.
    connection = {
        "PGHOST": address.hostname or "",
        "PGPORT": str(address.port),
        "PGUSER": unquote(address.username or ""),
        "PGPASSWORD": unquote(address.password or ""),
        "PGDATABASE": address.path.lstrip("/"),
    }
    program = str(toolchain.postgres_bin() / "psql")
    os.execve(program, [program, *options.rest], {**os.environ, **connection})  # noqa: S606


def setup(_options: argparse.Namespace) -> int:
    """Fetch and check all that is not a Python package."""
    return toolchain_setup.main([])
