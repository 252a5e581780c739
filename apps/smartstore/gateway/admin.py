"""`smartstore gateway key create|list|revoke`: the keys of tills, sensors and scanners."""

import argparse
import sys
from collections.abc import Sequence

import msgspec

from smartstore.contracts.fields import StoreId
from smartstore.contracts.settings import numbered_stores
from smartstore.gateway.key_table import KeyTable, KeyTableError, NoSuchKey
from smartstore.gateway.keys import ANY_STORE, KeyRow
from smartstore.process.env import Environment

DONE, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command on the database of the environment; returns the exit code."""
    options = _parser().parse_args(arguments)
    environment = Environment.from_os()
    table = KeyTable(environment.postgres_dsn)
    try:
        if options.command == "create":
            return _create(table, options, numbered_stores(environment.run_settings().stores))
        if options.command == "list":
            return _list(table, json=options.json)
        return _revoke(table, options)
    except (KeyTableError, NoSuchKey) as error:
        return _complain(str(error), FAILED)
    finally:
        table.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smartstore gateway", description=__doc__)
    commands = parser.add_subparsers(metavar="WHAT", required=True).add_parser("key", help="the keys")
    keys = commands.add_subparsers(dest="command", metavar="COMMAND", required=True)
    create = keys.add_parser("create", help="make a key; it is shown once and kept nowhere")
    create.add_argument(
        "--store", required=True, help=f"the store it speaks for, such as s0001; {ANY_STORE} = all stores"
    )
    create.add_argument("--name", help="what it is for, such as till-3")
    keys.add_parser("list", help="show all keys, without their secrets")
    revoke = keys.add_parser("revoke", help="end a key; it stops working within seconds")
    revoke.add_argument("key_id", metavar="ID")
    for command in keys.choices.values():
        command.add_argument("--json", action="store_true", help="for machines")
    return parser


def _create(table: KeyTable, options: argparse.Namespace, stores: tuple[str, ...]) -> int:
    if options.store != ANY_STORE and options.store not in stores:
        return _complain(_unknown_store(options.store, stores), USAGE)
    if options.name is not None and not 1 <= len(options.name) <= 128:
        return _complain("--name has 1 to 128 characters", USAGE)
    key, row = table.create(options.store, options.name)
    if options.json:
        _say(msgspec.json.encode({"key": key, **msgspec.to_builtins(row)}).decode())
        return DONE
    _say(key)
    sys.stderr.write(f"The key {row.key_id} for {_speaks_for(row)}. It is not shown again: keep it.\n")
    return DONE


def _list(table: KeyTable, *, json: bool) -> int:
    rows = table.all_keys()
    if json:
        _say(msgspec.json.encode(rows).decode())
        return DONE
    _say(f"{'ID':<14} {'STORE':<12} {'CREATED':<20} {'REVOKED':<20} NAME")
    for row in rows:
        revoked = f"{row.revoked_at:%Y-%m-%d %H:%M:%S}" if row.revoked_at else "–"
        line = f"{row.key_id:<14} {row.store_id:<12} {row.created_at:%Y-%m-%d %H:%M:%S}  {revoked:<20} {row.name or ''}"
        _say(line.rstrip())
    return DONE


def _revoke(table: KeyTable, options: argparse.Namespace) -> int:
    row = table.revoke(options.key_id)
    _say(
        msgspec.json.encode(row).decode() if options.json else f"revoked {row.key_id}, for {_speaks_for(row)}"
    )
    return DONE


def _unknown_store(given: str, stores: tuple[str, ...]) -> str:
    known = stores[0] if len(stores) == 1 else f"{stores[0]} to {stores[-1]}"
    try:
        msgspec.convert(given, StoreId)
    except msgspec.ValidationError:
        return f"--store {given!r} is no store id; there is {known}"
    return f"--store: there is no store {given}; there is {known}, or {ANY_STORE} for all"


def _speaks_for(row: KeyRow) -> str:
    return "all stores" if row.store_id == ANY_STORE else f"store {row.store_id}"


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"smartstore: {text}\n")
    return code


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
