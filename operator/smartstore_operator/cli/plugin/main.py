"""The plugin's entry point: `kubectl smartstore COMMAND NAME …`. Exit codes: 0 ok, 1 no or failed, 2 wrong usage."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smartstore_operator.api.problems import SpecError
from smartstore_operator.cli import exits
from smartstore_operator.cli.exits import CommandFailed
from smartstore_operator.cli.plan import add_plan
from smartstore_operator.cli.plugin.changes import diff
from smartstore_operator.cli.plugin.kubectl import Kubectl
from smartstore_operator.cli.plugin.show import status
from smartstore_operator.cli.plugin.tasks import run_backup, run_tasks
from smartstore_operator.render.kubernetes.metadata import selector
from smartstore_operator.runtime.settings import images_from_environment

SWITCHES: dict[str, tuple[dict[str, bool], str]] = {
    "pause": ({"paused": True}, "hands off: the operator leaves everything as it is"),
    "suspend": ({"suspend": True}, "nothing runs, all data are kept"),
    "resume": ({"paused": False, "suspend": False}, "end a pause or a suspension"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; every expected error becomes lines on standard error and an exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (SpecError, CommandFailed) as error:
        for line in str(error).splitlines():
            print(f"kubectl smartstore: {line}", file=sys.stderr)
        return exits.USAGE if isinstance(error, SpecError) else exits.FAILED
    except KeyboardInterrupt:
        return 128 + 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubectl smartstore", description="A SmartStore in a cluster.", epilog=__doc__
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    shown = _named(commands, "status", "conditions and pods", _status)
    shown.add_argument("--json", action="store_true", help="one JSON object")
    changed = _named(commands, "diff", "what differs from the spec, or would by a file", _diff)
    changed.add_argument("-f", "--file", type=Path, metavar="FILE", help="a SmartStore")
    for name, (fields, text) in SWITCHES.items():
        _named(commands, name, text, _switch).set_defaults(fields=fields)
    _named(commands, "verify", "recompute everything from the ledger and compare", _task).set_defaults(
        tasks=("verify", "verify-lake")
    )
    _named(commands, "report", "how well the stores were served", _task).set_defaults(tasks=("report",))
    copied = _named(commands, "backup", "the database as a file: make one, list them, restore one", _backup)
    copied.add_argument(
        "action",
        nargs="*",
        metavar="ACTION",
        help="create (without any), list, or restore BACKUP",
    )
    logs = _named(commands, "logs", "what a component says", _logs)
    logs.add_argument("component", metavar="COMPONENT", help="kafka, hot, world, …")
    logs.add_argument("-f", "--follow", action="store_true")
    add_plan(commands)
    return parser


def _named(commands: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text)
    parser.add_argument("name", metavar="NAME", help="of the SmartStore")
    parser.add_argument("-n", "--namespace", metavar="NAME", help="where it is (default: the context's)")
    parser.add_argument("--context", metavar="NAME", help="of the kubeconfig (default: the current one)")
    parser.set_defaults(run=run)
    return parser


def _kubectl(options: argparse.Namespace) -> Kubectl:
    chosen = (("--namespace", options.namespace), ("--context", options.context))
    return Kubectl(tuple(word for name, value in chosen if value for word in (name, value)))


def _status(options: argparse.Namespace) -> int:
    return status(_kubectl(options), options.name, as_json=options.json)


def _diff(options: argparse.Namespace) -> int:
    return diff(_kubectl(options), options.name, options.file, images_from_environment())


def _switch(options: argparse.Namespace) -> int:
    _kubectl(options).patch(options.name, options.fields)
    print(
        f"{options.name}: {', '.join(f'{field} {str(value).lower()}' for field, value in options.fields.items())}"
    )
    return exits.OK


def _task(options: argparse.Namespace) -> int:
    return run_tasks(_kubectl(options), options.name, options.tasks)


def _backup(options: argparse.Namespace) -> int:
    arguments = [] if options.action == ["create"] else options.action
    return run_backup(_kubectl(options), options.name, arguments)


def _logs(options: argparse.Namespace) -> int:
    labels = ",".join(f"{name}={value}" for name, value in selector(options.name, options.component).items())
    follow = ["--follow"] if options.follow else []
    return _kubectl(options).show("logs", f"--selector={labels}", "--tail=-1", *follow)


if __name__ == "__main__":
    sys.exit(main())
