"""Graceful stop: SIGTERM and SIGINT set an event that loops look at."""

import signal
import threading


def stop_event() -> threading.Event:
    """An event that is set when the process is asked to stop."""
    event = threading.Event()

    def ask(_signal: int, _frame: object) -> None:
        event.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return event
