"""Which data directory a command is about, and how to reach what runs in it."""

import argparse
from pathlib import Path

from smartstore_operator.cli.exits import UsageError
from smartstore_operator.embedded import control
from smartstore_operator.embedded.datadir import DataDir, read_json
from smartstore_operator.embedded.errors import NotRunning

SAMPLE = Path("manifests/samples/replay.yaml")


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """The option that all commands share."""
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="data directory (default: .smartstore/NAME)"
    )


def default_file() -> Path:
    """The replay sample of the checkout this package belongs to, else of the current directory."""
    in_checkout = Path(__file__).parents[3] / SAMPLE
    return in_checkout if in_checkout.is_file() else SAMPLE


def find(given: Path | None) -> DataDir:
    """The directory given, else the only one below `.smartstore`, else the only one of these with a running system.

    Raises:
        UsageError: several would do; lists them.
        NotRunning: there is none.
    """
    if given is not None:
        return DataDir(given)
    root = Path.cwd() / ".smartstore"
    known = [data for path in sorted(root.glob("*")) if (data := DataDir(path)).is_ours]
    if not known:
        raise NotRunning(root)
    running = known if len(known) == 1 else [data for data in known if is_running(data)]
    if len(running) != 1:
        names = ", ".join(f".smartstore/{data.root.name}" for data in running or known)
        raise UsageError(f"which of {names}? Choose one by --data-dir")
    return running[0]


def is_running(data: DataDir) -> bool:
    """Whether a supervisor answers there."""
    try:
        control.ask(data.run, {"command": "ping"})
    except NotRunning:
        return False
    return True


def client_environment(data: DataDir) -> dict[str, str]:
    """The variables by which clients reach the running system, passwords among them.

    Raises:
        NotRunning: no system runs there.
    """
    if not is_running(data):
        raise NotRunning(data.root)
    return {name: str(value) for name, value in read_json(data.client_file).items()}
