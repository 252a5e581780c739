"""The lake's tables: `smartstore lake tables | describe TABLE | history TABLE | sql QUERY`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence

from smartstore.lake.cli.output import as_json, columns_of_text, table_lines
from smartstore.lake.cli.reader import Lake, LakeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; exit code 0, or 1 with one line on standard error."""
    options = _parser().parse_args(arguments)
    root = os.environ.get("SMARTSTORE_LAKE_ROOT")
    if not root:
        return _complain("SMARTSTORE_LAKE_ROOT is not set: it names the place of the lake")
    try:
        code: int = options.run(Lake(root), options)
        return code
    except LakeError as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"{root} does not answer: {' '.join(str(error).split())}")
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smartstore lake", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="as JSON")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    command = commands.add_parser(
        "tables", parents=[common], help="all tables: rows, files, size, last change"
    )
    command.set_defaults(run=_tables)

    command = commands.add_parser("describe", parents=[common], help="columns of a table, and how far it is")
    command.add_argument("table", metavar="TABLE", help="level/table, such as ops/alerts")
    command.set_defaults(run=_describe)

    command = commands.add_parser("history", parents=[common], help="the last commits of a table")
    command.add_argument("table", metavar="TABLE", help="level/table, such as ops/alerts")
    command.add_argument("-n", "--limit", type=int, default=20, help="so many commits (default: 20)")
    command.set_defaults(run=_history)

    command = commands.add_parser("sql", parents=[common], help="a query; tables are called level.table")
    command.add_argument("query", metavar="QUERY", nargs="?", help="SQL (default: standard input)")
    command.set_defaults(run=_sql)
    return parser


def _tables(lake: Lake, options: argparse.Namespace) -> int:
    rows = lake.tables()
    _show(
        options.json, rows, columns_of_text(rows, "table", "rows", "files", "bytes", "version", "changed_at")
    )
    return 0


def _describe(lake: Lake, options: argparse.Namespace) -> int:
    found = lake.describe(options.table)
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    fed = f"from topic {found['topic']}, key {', '.join(found['key'])}" if found["topic"] else "derived"
    print(f"{found['table']}: {fed}; partitioned by {', '.join(found['partitioned_by']) or 'nothing'}")
    for topic, partitions in found["covers"].items():
        print(f"covers {topic}: " + ", ".join(f"{p} up to {offset}" for p, offset in partitions.items()))
    print()
    for line in columns_of_text(found["columns"], "name", "type", "description"):
        print(line)
    return 0


def _history(lake: Lake, options: argparse.Namespace) -> int:
    rows = lake.history(options.table, options.limit)
    names = ("version", "at", "operation", "rows", "updated", "files_added", "files_removed")
    _show(options.json, rows, columns_of_text(rows, *names))
    return 0


def _sql(lake: Lake, options: argparse.Namespace) -> int:
    names, rows = lake.sql(options.query if options.query is not None else sys.stdin.read())
    objects = [dict(zip(names, row, strict=True)) for row in rows]
    _show(options.json, objects, table_lines(names, rows))
    return 0


def _show(is_json: bool, rows: list[dict[str, object]], lines: list[str]) -> None:
    if is_json:
        print(as_json(rows))
        return
    for line in lines:
        print(line)


def _complain(message: str) -> int:
    print(f"smartstore lake: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
