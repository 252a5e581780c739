"""`smartstore backup create|list|restore`: the database as a file, and back, while everything runs."""

import argparse
import os
import subprocess
import sys
from typing import Any

from smartstore_operator.cli import exits, locate
from smartstore_operator.embedded import toolchain


def add_parser(commands: Any) -> None:
    """Declare the command; what follows it is read by `smartstore.serving.backup`."""
    parser = commands.add_parser(
        "backup",
        help="the database as a file, and back: create, list, restore",
        add_help=False,
        prefix_chars="-",
    )
    locate.add_data_dir(parser)
    parser.set_defaults(run=backup, takes_rest=True)


def backup(options: argparse.Namespace) -> int:
    """Run `smartstore.serving.backup` on the running system; further options and the exit code are its own."""
    data = locate.find(options.data_dir)
    environment = {
        **os.environ,
        **locate.client_environment(data),
        "SMARTSTORE_DATA_DIR": str(data.state("backup")),
        "SMARTSTORE_POSTGRES_PROGRAMS": str(toolchain.postgres_bin()),
    }
    command = [sys.executable, "-m", "smartstore.serving.backup", *options.rest]
    code = subprocess.run(command, env=environment, check=False).returncode
    return code if code >= 0 else exits.FAILED
