"""`smartstore gateway key create|list|revoke`: the keys of tills, sensors and scanners."""

import argparse
import os
import subprocess
import sys
from typing import Any

from smartstore_operator.cli import locate


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "gateway", help="keys of tills and sensors: gateway key create|list|revoke", add_help=False
    )
    locate.add_data_dir(parser)
    parser.set_defaults(run=gateway, takes_rest=True)


def gateway(options: argparse.Namespace) -> int:
    """Run `smartstore.gateway.admin` on the running system; options and the exit code are its own."""
    environment = {**os.environ, **locate.client_environment(locate.find(options.data_dir))}
    command = [sys.executable, "-m", "smartstore.gateway.admin", *options.rest]
    return subprocess.run(command, env=environment, check=False).returncode
