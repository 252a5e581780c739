"""The operator's entry point: `smartstore-operator COMMAND …`. Exit codes: 0 ok, 2 wrong usage or file."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from smartstore_operator.api.load import load_smartstore
from smartstore_operator.api.problems import SpecError
from smartstore_operator.cli import exits
from smartstore_operator.render import secret_names
from smartstore_operator.render.kubernetes import manifests, place

DEFAULT_IMAGE = "smartstore"
_MADE_IN_THE_CLUSTER = "<made in the cluster: {}>"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a wrong file becomes lines on standard error and an exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except SpecError as error:
        for line in str(error).splitlines():
            print(f"smartstore-operator: {line}", file=sys.stderr)
        return exits.USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="smartstore-operator", description="SmartStores in a Kubernetes cluster.", epilog=__doc__
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    plan = commands.add_parser("plan", help="show the objects that a file becomes; needs no cluster")
    plan.add_argument("-f", "--file", type=Path, required=True, metavar="FILE", help="a SmartStore")
    plan.add_argument(
        "-n", "--namespace", metavar="NAME", help="where it would be applied (default: the file's)"
    )
    plan.add_argument(
        "--image", default=DEFAULT_IMAGE, help=f"the image of all pods (default: {DEFAULT_IMAGE})"
    )
    plan.add_argument("--json", action="store_true", help="one JSON list")
    plan.set_defaults(run=_plan)
    return parser


def _plan(options: argparse.Namespace) -> int:
    smartstore = load_smartstore(options.file)
    namespace = options.namespace or smartstore.metadata.namespace or "default"
    secrets = {name: _MADE_IN_THE_CLUSTER.format(name) for name in secret_names(smartstore)}
    platform = place(smartstore, namespace, secrets, _MADE_IN_THE_CLUSTER.format("cluster-id"))
    objects = manifests(smartstore, platform, namespace, options.image)
    if options.json:
        print(json.dumps(objects, indent=2))
    else:
        print(yaml.safe_dump_all(objects, sort_keys=False, width=120), end="")
    return exits.OK
