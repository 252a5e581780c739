"""`smartstore lake …`: the lake's tables, read from the terminal; a running system is not needed."""

import argparse
import os
import subprocess
import sys
from typing import Any

from smartstore_operator.cli import exits, locate

TABLES = "tables"
"""Where the tables lie in the state directory of the component `lake`."""


def add_parser(commands: Any) -> None:
    """Declare the command; what follows it is read by `smartstore.lake.cli`."""
    parser = commands.add_parser(
        "lake", help="the lake's tables: tables, describe, history, sql", add_help=False, prefix_chars="-"
    )
    locate.add_data_dir(parser)
    parser.set_defaults(run=lake, takes_rest=True)


def lake(options: argparse.Namespace) -> int:
    """Run `smartstore.lake.cli` on the system's tables; further options and the exit code are its own."""
    data = locate.find(options.data_dir)
    environment = {**os.environ, "SMARTSTORE_LAKE_ROOT": str(data.state("lake") / TABLES)}
    command = [sys.executable, "-m", "smartstore.lake.cli", *options.rest]
    code = subprocess.run(command, env=environment, check=False).returncode
    return code if code >= 0 else exits.FAILED
