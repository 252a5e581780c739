"""`smartstore lake …`: the lake's tables, read from the terminal; a running system is not needed."""

import argparse
import os
import subprocess
import sys
from typing import Any

from smartstore_operator.cli import exits, locate
from smartstore_operator.embedded.datadir import DataDir, read_json

ROOT = "SMARTSTORE_LAKE_ROOT"
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
    command = [sys.executable, "-m", "smartstore.lake.cli", *options.rest]
    code = subprocess.run(command, env={**os.environ, **_place(data)}, check=False).returncode
    return code if code >= 0 else exits.FAILED


def _place(data: DataDir) -> dict[str, str]:
    """The variables that say where the tables are, a bucket as the system had it when it ran last."""
    kept = read_json(data.client_file) if data.client_file.is_file() else {}
    if "://" in kept.get(ROOT, ""):
        return {name: value for name, value in kept.items() if name == ROOT or name.startswith("AWS_")}
    return {ROOT: str(data.state("lake") / TABLES)}
