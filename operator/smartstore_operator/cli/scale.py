"""`smartstore scale N`: open or close stores of a running SmartStore."""

import argparse
from typing import Any

from smartstore_operator.cli import exits, locate
from smartstore_operator.cli.exits import UsageError
from smartstore_operator.embedded import control


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "scale",
        help="have N stores open",
        description="Changes spec.stores of a running SmartStore; nothing is restarted. The stores that opened last "
        "close first, and open again as they were left.",
    )
    parser.add_argument("stores", metavar="N", type=int, help="how many stores are to be open")
    locate.add_data_dir(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    """Ask the supervisor; the source takes it up with its next tick."""
    data = locate.find(options.data_dir)
    answer = control.ask(data.run, {"command": "scale", "stores": options.stores})
    if "error" in answer:
        raise UsageError(answer["error"])
    print(f"{answer['before']} → {answer['stores']} stores, from the next tick on")
    return exits.OK
