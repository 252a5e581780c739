"""One driver per checkpoint: a second one refuses to start."""

import fcntl
import os
from pathlib import Path
from typing import IO


class CheckpointLocked(SystemExit):
    """Another driver holds the checkpoint; exits with one line that names it."""


def lock_checkpoint(directory: Path) -> IO[str]:
    """Hold the checkpoint until the returned file is closed or the process ends; raises `CheckpointLocked`."""
    directory.mkdir(parents=True, exist_ok=True)
    file = (directory / "driver.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        raise CheckpointLocked(
            f"checkpoint {directory} is in use by the driver with process id {holder}; stop it first"
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
