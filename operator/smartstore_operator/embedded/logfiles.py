"""Log files of components: appended by the components themselves, rotated by size, read from the end.

A component writes straight into its file, so that neither a slow nor a dead supervisor can block it. The price is that
rotation copies and truncates: a line written in between is lost.
"""

import os
import shutil
from pathlib import Path

LIMIT_BYTES = 20 * 1024 * 1024
KEPT = 2


def open_log(path: Path) -> int:
    """A descriptor that appends to the log; the caller closes it."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def rotate(path: Path, limit: int = LIMIT_BYTES) -> None:
    """Move a log over `limit` bytes to `<name>.1`, the one before to `.2`, and so on; writers go on undisturbed."""
    if not path.exists() or path.stat().st_size <= limit:
        return
    for number in range(KEPT - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    shutil.copyfile(path, path.with_name(f"{path.name}.1"))
    os.truncate(path, 0)


def tail(path: Path, lines: int, start: int = 0) -> list[str]:
    """The last lines of a log that stand behind byte `start`; empty when there is none."""
    if lines <= 0:
        return []
    try:
        with path.open("rb") as handle:
            size = handle.seek(0, os.SEEK_END)
            if start > size:  # rotated since
                start = 0
            data = b""
            position = size
            while position > start and data.count(b"\n") <= lines:
                step = min(65_536, position - start)
                position -= step
                handle.seek(position)
                data = handle.read(step) + data
    except OSError:
        return []
    return data.decode(errors="replace").splitlines()[-lines:]
