"""The operator's entry point: `smartstore-operator COMMAND …`. Exit codes: 0 ok, 1 failed, 2 wrong usage or
file, 4 the Lease was lost.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from smartstore_operator.api.problems import SpecError
from smartstore_operator.cli import exits
from smartstore_operator.cli.plan import add_plan
from smartstore_operator.runtime import logs
from smartstore_operator.runtime.lease import LeadershipLost
from smartstore_operator.runtime.serve import serve
from smartstore_operator.runtime.settings import Settings, WrongSetting


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a wrong file becomes lines on standard error and an exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (SpecError, WrongSetting) as error:
        for line in str(error).splitlines():
            print(f"smartstore-operator: {line}", file=sys.stderr)
        return exits.USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="smartstore-operator", description="SmartStores in a Kubernetes cluster.", epilog=__doc__
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="look after the SmartStores of a cluster until stopped")
    run.set_defaults(run=_run)
    add_plan(commands)
    return parser


def _run(_options: argparse.Namespace) -> int:
    settings = Settings.from_environment()
    logs.configure(settings.log_format)
    try:
        asyncio.run(_serve(settings))
    except LeadershipLost as lost:
        print(f"smartstore-operator: {lost}", file=sys.stderr)
        return exits.LEASE_LOST
    return exits.OK


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(settings, stop)
