"""The part of `make setup` after the Python packages: a Java, then the jars.

    python -m smartstore_operator.embedded.toolchain.setup [SET ...]

Quick and without network when everything is there. Prints what it does; a problem is one line and exit code 1.
"""

import sys

from smartstore_operator.embedded.toolchain import jars, java, postgres, valkey
from smartstore_operator.embedded.toolchain.errors import ToolchainError


def say(line: str) -> None:
    """Progress, at once also when the output is a pipe."""
    print(f"  {line}", flush=True)


def main(sets: list[str]) -> int:
    """Provide everything, or only the named jar sets."""
    try:
        java.java_home()
        postgres.postgres_bin()
        valkey.valkey_server()
        jars.provide(say, sets or None)
    except ToolchainError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
