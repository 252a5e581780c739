"""Small shell scripts that prepare a state directory."""

import shlex
from collections.abc import Iterable


def once(marker: str, argv: Iterable[str]) -> str:
    """A script that runs `argv` unless `marker` exists, and makes the marker after success."""
    quoted = shlex.quote(marker)
    return f"set -eu\n[ -e {quoted} ] && exit 0\n{shlex.join(argv)}\n: > {quoted}\n"
