"""How the programs of `verify` end: 0 clean, 1 differences, 2 cannot verify."""

import sys

from smartstore.verify.differences import Check
from smartstore.verify.report import cannot_as_json, total_differences

CLEAN, DIFFERENT, IMPOSSIBLE = 0, 1, 2


def verdict(checks: list[Check]) -> int:
    """The exit code."""
    return DIFFERENT if total_differences(checks) else CLEAN


def impossible(reason: str, *, json: bool) -> int:
    """Say why nothing can be compared; returns the exit code."""
    sys.stderr.write(f"cannot verify: {reason}\n")
    if json:
        sys.stdout.write(cannot_as_json(reason) + "\n")
    return IMPOSSIBLE


def progress(text: str) -> None:
    """What is being compared, beside the output."""
    sys.stderr.write(f"verify: {text}\n")
    sys.stderr.flush()
