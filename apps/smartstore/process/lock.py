"""One process per directory: a second one refuses to start."""

import fcntl
import os
from pathlib import Path
from typing import BinaryIO


class DirectoryLocked(SystemExit):
    """Another process holds the directory; exits with one line that names it."""


def lock_directory(directory: Path, user: str) -> BinaryIO:
    """Hold the directory until the returned file is closed or the process ends. `user`: who may have it only once.

    Raises:
        DirectoryLocked: another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = (directory / "lock").open("a+b")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().decode(errors="replace") or "unknown"
        lock.close()
        raise DirectoryLocked(
            f"another {user} (process id {holder}) uses {directory}; stop it first, or choose another "
            "SMARTSTORE_DATA_DIR"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())
    lock.flush()
    return lock
