"""Before a driver's pod ends: ask the application to stop, and wait until it has.

The container's first process is Spark's, which would end without asking.
"""

import os
import signal
import time
from pathlib import Path

MAIN_FILE = "run_module.py"


def applications() -> list[int]:
    """Process ids of what spark-submit has begun in Python."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            words = (directory / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if Path(words[0].decode()).name.startswith("python") and any(
            w.endswith(MAIN_FILE.encode()) for w in words
        ):
            found.append(int(directory.name))
    return found


for process in applications():
    os.kill(process, signal.SIGTERM)
while applications():  # the kubelet ends the wait when the pod's time is up
    time.sleep(0.2)
