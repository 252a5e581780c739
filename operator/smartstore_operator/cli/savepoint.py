"""`smartstore savepoint create|list|restore`: the state of the stock jobs as rows, apart from Spark's checkpoint."""

import argparse
import time
from pathlib import Path
from typing import Any

from smartstore_operator.cli import exits, figures, locate
from smartstore_operator.cli.exits import CommandFailed, UsageError
from smartstore_operator.embedded import control, savepoints
from smartstore_operator.embedded.savepoints import Savepoint

CREATE_SECONDS = 300.0
_LOOK_SECONDS = 0.2


def add_parser(commands: Any) -> None:
    """Declare the commands."""
    parser = commands.add_parser(
        "savepoint", help="keep the state of the stock jobs, and begin from it again", description=__doc__
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    create = actions.add_parser(
        "create", help="write a savepoint of the running system; the stock jobs pause for some seconds"
    )
    locate.add_data_dir(create)
    create.set_defaults(run=_create)

    listing = actions.add_parser("list", help="the savepoints that there are")
    locate.add_data_dir(listing)
    listing.set_defaults(run=_list)

    restore = actions.add_parser(
        "restore",
        help="have the next start begin from a savepoint, with any number of shards",
        description="Drops the checkpoints of the stock jobs of a system that is not running; the next `smartstore up` "
        "begins from the savepoint, with the shards and shuffle partitions of its file.",
    )
    restore.add_argument("name", metavar="NAME", help="as `smartstore savepoint list` shows it")
    locate.add_data_dir(restore)
    restore.set_defaults(run=_restore)


def _create(options: argparse.Namespace) -> int:
    data = locate.find(options.data_dir)
    control.ask(data.run, {"command": "ping"})
    wanted = savepoints.request(data)
    deadline = time.monotonic() + CREATE_SECONDS
    while not wanted.is_complete:
        for application, reason in wanted.errors.items():
            raise CommandFailed(f"{application} cannot write the savepoint: {reason}")
        if time.monotonic() > deadline:
            raise CommandFailed(
                f"{', '.join(wanted.missing)} did not write the savepoint within {CREATE_SECONDS:g} s: see "
                f"`smartstore logs {wanted.missing[0]}`"
            )
        time.sleep(_LOOK_SECONDS)
    savepoints.withdraw(data)
    print(_describe(wanted))
    return exits.OK


def _list(options: argparse.Namespace) -> int:
    found = savepoints.find_all(locate.find(options.data_dir))
    for one in found:
        print(_describe(one))
    if not found:
        print("there is no savepoint; make one by `smartstore savepoint create`")
    return exits.OK


def _restore(options: argparse.Namespace) -> int:
    data = locate.find(options.data_dir)
    known = {one.name: one for one in savepoints.find_all(data)}
    wanted = known.get(options.name)
    if wanted is None:
        raise UsageError(f"there is no savepoint {options.name!r}; there are: {', '.join(known) or 'none'}")
    if not wanted.is_complete:
        raise UsageError(
            f"the savepoint {wanted.name} is not complete: {', '.join(wanted.missing)} is missing"
        )
    with data.locked():
        savepoints.restore(data, wanted)
    print(f"the next `smartstore up` begins from savepoint {wanted.name}")
    return exits.OK


def _describe(one: Savepoint) -> str:
    if not one.is_complete:
        return f"{one.name}  not complete: {', '.join(one.missing)} is missing"
    parts = one.parts.values()
    ticks = [part["last_tick"] for part in parts if part["last_tick"]]
    stores = sum(int(part["stores"]) for part in parts)
    size = figures.memory(sum(path.stat().st_size for path in Path(one.directory).glob("*.arrow")))
    shards = f"{len(parts)} shard{'s' if len(parts) > 1 else ''}"
    return f"{one.name}  {stores} stores of {shards} up to {figures.moment(max(ticks, default=None))}, {size}"
