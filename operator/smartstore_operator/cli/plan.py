"""`plan -f FILE`, of the operator and of the plugin: the objects that a file becomes; needs no cluster."""

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

from smartstore_operator.api.load import load_smartstore
from smartstore_operator.cli import exits
from smartstore_operator.render import secret_names
from smartstore_operator.render.context import KAFKA_CA
from smartstore_operator.render.kubernetes import manifests, place
from smartstore_operator.runtime.settings import images_from_environment

_IN_THE_CLUSTER = "<known in the cluster: {}>"


def add_plan(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("plan", help="show the objects that a file becomes; needs no cluster")
    parser.description = (
        "Shows the objects that a file becomes, PodMonitor and PrometheusRule for clusters that know them."
    )
    parser.add_argument("-f", "--file", type=Path, required=True, metavar="FILE", help="a SmartStore")
    parser.add_argument(
        *("-n", "--namespace"), metavar="NAME", help="where it would be applied (default: the file's)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON list")
    parser.set_defaults(run=plan)


def plan(options: argparse.Namespace) -> int:
    """Print them, in the order in which they are applied."""
    smartstore = load_smartstore(options.file)
    namespace = options.namespace or smartstore.metadata.namespace or "default"
    secrets = {name: _IN_THE_CLUSTER.format(name) for name in secret_names(smartstore)}
    tls = smartstore.spec.kafka.tls
    kafka_ca = _IN_THE_CLUSTER.format(KAFKA_CA) if tls and tls.ca_secret else ""
    platform = place(smartstore, namespace, secrets, _IN_THE_CLUSTER.format("cluster-id"), kafka_ca)
    objects = manifests(smartstore, platform, namespace, images_from_environment())
    if options.json:
        print(json.dumps(objects, indent=2))
    else:
        print(yaml.safe_dump_all(objects, sort_keys=False, width=120), end="")
    return exits.OK
