"""The entry point: `smartstore COMMAND …`. Exit codes: 0 ok, 1 failed, 2 wrong usage or file, 3 not running."""

import argparse
import sys
from collections.abc import Sequence

from smartstore_operator.api.problems import SpecError
from smartstore_operator.cli import backup, command, exits, gateway, lake, operate, savepoint, scale, up
from smartstore_operator.cli.exits import CommandFailed, UsageError
from smartstore_operator.embedded.errors import NotRunning, PreflightError
from smartstore_operator.embedded.toolchain import ToolchainError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; every expected error becomes lines on standard error and an exit code."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and not getattr(options, "takes_rest", False):
        parser.error(f"unrecognised arguments: {' '.join(rest)}")
    options.rest = [argument for argument in rest if argument != "--"]
    try:
        return int(options.run(options))
    except (SpecError, UsageError) as error:
        return _complain(error, exits.USAGE)
    except (PreflightError, ToolchainError, CommandFailed) as error:
        return _complain(error, exits.FAILED)
    except NotRunning as error:
        return _complain(error, exits.NOT_RUNNING)
    except KeyboardInterrupt:
        return 128 + 2
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone
        return exits.OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="smartstore", description="A SmartStore on this machine.", epilog=__doc__
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    up.add_parser(commands)
    operate.add_parsers(commands)
    scale.add_parser(commands)
    savepoint.add_parser(commands)
    backup.add_parser(commands)
    command.add_parsers(commands)
    gateway.add_parser(commands)
    lake.add_parser(commands)
    return parser


def _complain(error: Exception, code: int) -> int:
    for line in str(error).splitlines():
        print(f"smartstore: {line}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
