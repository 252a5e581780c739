"""The operator's log: a line for people, or one JSON object a line; with the pass that a line belongs to."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

reconcile_id: ContextVar[str] = ContextVar("reconcile_id", default="")
"""Names the pass that runs in this task; empty outside of passes."""


class TextFormatter(logging.Formatter):
    """`time LEVEL logger [pass] message`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """One record, with its traceback if it has one."""
        line = super().format(record)
        name = reconcile_id.get()
        return f"[{name}] {line}" if name else line


class JsonFormatter(logging.Formatter):
    """`{"time", "level", "logger", "message", "reconcile"?, "error"?}`."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line."""
        content = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if name := reconcile_id.get():
            content["reconcile"] = name
        if record.exc_info:
            content["error"] = self.formatException(record.exc_info)
        return json.dumps(content, ensure_ascii=False)


def configure(form: Literal["text", "json"]) -> None:
    """Write the log of this process to standard error; libraries only when something is wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for talkative in ("kopf", "aiohttp"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    # these tell of each task what `watches` says once
    for talkative in ("running", "orchestration"):
        logging.getLogger(f"kopf._core.reactor.{talkative}").setLevel(logging.CRITICAL)
