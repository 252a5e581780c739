"""The watchdog: a process of its own that ends an instance when its supervisor dies without doing so.

    python -m smartstore_operator.embedded.watchdog INSTANCE RECORD_FILE

Its standard input is a pipe that only the supervisor holds open. End of file before the word `done` means that the
supervisor is dead; then every process of the instance is killed. It lives in its own session and carries no marker
of the instance.
"""

import json
import signal
import sys
from pathlib import Path

from smartstore_operator.embedded.processes import ProcessKey, end_all, members


def recorded(record: Path) -> list[ProcessKey]:
    """The processes a supervisor noted down; empty when there is no readable record."""
    try:
        return [ProcessKey(pid, start) for pid, start in json.loads(record.read_text())["processes"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def main(arguments: list[str]) -> int:
    """Wait for the supervisor's end, then clear up. Exit code 1 if something could not be killed."""
    instance, record = arguments[0], Path(arguments[1])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if "done" in sys.stdin.read():
        return 0
    noted = recorded(record)
    return 1 if end_all(lambda: members(instance, noted), seconds=30) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
