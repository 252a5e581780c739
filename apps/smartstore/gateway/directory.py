"""Which keys are valid now: a copy of the table in memory, read again every second.

A key that was revoked stops working within `REFRESH_SECONDS` (and a query). While Postgres is away nobody can revoke a
key either, so the copy goes on to serve, but not for longer than `STALE_SECONDS`.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping

from smartstore.gateway.key_table import KeyTable, KeyTableError
from smartstore.gateway.keys import ValidKey, fits, parts_of

REFRESH_SECONDS = 1.0
STALE_SECONDS = 600.0
FRESH_SECONDS = 5.0
"""An older copy means that Postgres is not reachable."""
_UNKNOWN_WAIT_SECONDS = 2.0
_LOOK_SECONDS = 0.05
log = logging.getLogger("smartstore.gateway")


class KeysUnavailable(Exception):
    """Postgres has not been reachable for too long to say which keys are valid."""


class KeyDirectory:
    """Reads the table in a thread of its own; `find` is for the event loop."""

    def __init__(self, table: KeyTable, now: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._now = now
        self._keys: Mapping[str, ValidKey] = {}
        self._asked_at = float("-inf")
        """When the query that gave the copy was sent."""
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._told = False
        self._thread = threading.Thread(target=self._run, name="keys", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Stop reading."""
        self._stopped.set()
        self._wake.set()

    def age(self) -> float:
        """Seconds since the copy was true; infinite before the first one."""
        return self._now() - self._asked_at

    async def find(self, presented: str) -> ValidKey | None:
        """The valid key that was presented, None if it is none.

        An id that the copy does not have is looked for in the next one, so that a key works as soon as it is made.
        Raises `KeysUnavailable`.
        """
        parts = parts_of(presented)
        if parts is None:
            return None
        key_id, secret = parts
        if key_id not in self._keys:
            await self._next_copy()
        if self.age() > STALE_SECONDS:
            raise KeysUnavailable("the keys cannot be checked: Postgres is not reachable")
        key = self._keys.get(key_id)
        return key if key is not None and fits(key, secret) else None

    async def _next_copy(self) -> None:
        began = self._now()
        self._wake.set()
        while self._asked_at < began and self._now() - began < _UNKNOWN_WAIT_SECONDS:
            await asyncio.sleep(_LOOK_SECONDS)

    def refresh(self) -> None:
        """Read the table once; on failure the old copy stays."""
        asked_at = self._now()
        try:
            self._keys = self._table.valid()
        except KeyTableError as error:
            if not self._told:
                log.warning("the keys cannot be read: %s; trying again", error)
            self._told = True
            return
        self._told = False
        self._asked_at = asked_at

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            self.refresh()
            # Unknown keys wake it early, but never more often than every fifth of the usual pause.
            if not self._stopped.wait(REFRESH_SECONDS / 5):
                self._wake.wait(REFRESH_SECONDS * 4 / 5)
        self._table.close()
