"""The operator's entry point: `smartstore-operator COMMAND …`. Exit codes: 0 ok, 2 wrong usage or file."""

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from smartstore_operator.api.load import load_smartstore
from smartstore_operator.api.problems import SpecError
from smartstore_operator.cli import exits
from smartstore_operator.render import secret_names
from smartstore_operator.render.kubernetes import manifests, place
from smartstore_operator.runtime.lease import LeadershipLost
from smartstore_operator.runtime.serve import serve
from smartstore_operator.runtime.settings import Settings, WrongSetting, images_from_environment

_MADE_IN_THE_CLUSTER = "<made in the cluster: {}>"


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
    plan = commands.add_parser("plan", help="show the objects that a file becomes; needs no cluster")
    plan.add_argument("-f", "--file", type=Path, required=True, metavar="FILE", help="a SmartStore")
    plan.add_argument(
        "-n", "--namespace", metavar="NAME", help="where it would be applied (default: the file's)"
    )
    plan.add_argument("--json", action="store_true", help="one JSON list")
    plan.set_defaults(run=_plan)
    return parser


def _run(_options: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    for talkative in ("httpx", "kopf.objects"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    try:
        asyncio.run(_serve(Settings.from_environment()))
    except LeadershipLost as lost:
        print(f"smartstore-operator: {lost}", file=sys.stderr)
        return exits.FAILED
    return exits.OK


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(settings, stop)


def _plan(options: argparse.Namespace) -> int:
    smartstore = load_smartstore(options.file)
    namespace = options.namespace or smartstore.metadata.namespace or "default"
    secrets = {name: _MADE_IN_THE_CLUSTER.format(name) for name in secret_names(smartstore)}
    platform = place(smartstore, namespace, secrets, _MADE_IN_THE_CLUSTER.format("cluster-id"))
    objects = manifests(smartstore, platform, namespace, images_from_environment())
    if options.json:
        print(json.dumps(objects, indent=2))
    else:
        print(yaml.safe_dump_all(objects, sort_keys=False, width=120), end="")
    return exits.OK
