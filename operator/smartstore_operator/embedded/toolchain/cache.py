"""Where downloaded and generated files are kept between runs and checkouts."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from smartstore_operator.embedded.toolchain.errors import ToolchainError

CACHE_VARIABLE = "SMARTSTORE_CACHE"


def cache_dir() -> Path:
    """The cache root: `$SMARTSTORE_CACHE`, else `~/.cache/smartstore`. It need not exist yet."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else Path.home() / ".cache" / "smartstore"


def make_dir(path: Path) -> Path:
    """Create a directory of the cache and return it.

    Raises:
        ToolchainError: the place cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolchainError(
            f"the cache cannot be written, {error.strerror}",
            path,
            f"set {CACHE_VARIABLE} to a directory that you may write",
        ) from error
    return path


@contextlib.contextmanager
def cache_lock() -> Iterator[None]:
    """Hold the cache for writing, so that two setups at a time do the work once."""
    with (make_dir(cache_dir()) / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
