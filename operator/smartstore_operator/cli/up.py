"""`smartstore up`: start a SmartStore on this machine and keep it running."""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from smartstore_operator.cli import exits, figures, locate
from smartstore_operator.embedded import control
from smartstore_operator.embedded.datadir import DataDir
from smartstore_operator.embedded.errors import NotRunning


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("up", help="start a SmartStore on this machine", description=__doc__)
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="a SmartStore (default: the replay sample)"
    )
    parser.add_argument(
        "--for", dest="seconds", type=_seconds, metavar="TIME", help="stop after 180, 180s, 10m or 1h"
    )
    parser.add_argument(
        "--verify", action="store_true", help="before stopping, verify; its verdict is the exit code"
    )
    parser.add_argument("--detach", action="store_true", help="return when everything is ready")
    locate.add_data_dir(parser)
    parser.set_defaults(run=up)


def up(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    began = time.monotonic() - figures.seconds_of_process()
    file = options.file or locate.default_file()
    # what runs a system is heavy, and other commands declare this one too
    from smartstore_operator.cli.foreground import run
    from smartstore_operator.embedded.system import load

    smartstore, data = load(file, options.data_dir)
    data.create(smartstore.name)
    if options.detach:
        return _detach(options, file, data)
    with data.locked():
        return run(smartstore, data, began, options.seconds, options.verify)


def _detach(options: argparse.Namespace, file: Path, data: DataDir) -> int:
    """Start the same command in a session of its own, repeat what it says, return when it is ready or has ended."""
    with data.locked():
        pass
    output = data.log("up")
    command = [
        sys.executable,
        "-m",
        "smartstore_operator.cli.main",
        "up",
        str(file),
        "--data-dir",
        str(data.root),
    ]
    command += ["--for", str(options.seconds)] if options.seconds is not None else []
    command += ["--verify"] if options.verify else []
    with output.open("w") as writer, output.open() as reader:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.STDOUT, start_new_session=True
        )
        while True:
            ended = process.poll() is not None
            sys.stdout.write(reader.read())
            sys.stdout.flush()
            if ended:
                return process.returncode
            if _is_ready(data):
                sys.stdout.write(
                    reader.read() + f"running detached, pid {process.pid}; stop it by `smartstore down`\n"
                )
                process.returncode = exits.OK  # it goes on without us
                return exits.OK
            time.sleep(0.2)


def _is_ready(data: DataDir) -> bool:
    try:
        return bool(control.ask(data.run, {"command": "ping"}).get("ready"))
    except NotRunning:
        return False


def _seconds(text: str) -> float:
    from smartstore_operator.api.scalars import parse_duration

    try:
        return float(text) if text.replace(".", "", 1).isdigit() else parse_duration(text).total_seconds()
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
