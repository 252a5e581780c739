"""One bridge at a time: a lock in Redis that fences its former holder.

Were two bridges to read at once, a record could reach Kafka behind a newer one of its stream and be taken for a repeat
there: it would be lost. So the holder works on one connection, whose name says which lock it holds, and whoever takes
the lock over cuts that connection before reading anything. A former holder that wakes up after a long pause finds its
connection lost, and must ask for the lock again before it can do anything.

A holder whose connection is gone is dead and is replaced at once; one that is connected but silent is replaced when
the lock expires.
"""

import logging
import os
import secrets
from collections.abc import Iterator

from smartstore.process.redis_link import RedisLink, RedisUnavailable

EXPIRY_MS = 15_000
_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder == false or holder == ARGV[2] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
  return 1
end
return 0
"""
_RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
log = logging.getLogger("smartstore.ingest.lock")


class BridgeLock:
    """The lock as seen by one connection."""

    def __init__(self, link: RedisLink, prefix: str) -> None:
        self._link = link
        self._key = f"{prefix}bridge:lock"
        self._family = f"{prefix}bridge-holder-"
        self._name = f"{self._family}{os.getpid()}-{secrets.token_hex(8)}"
        self._told = False

    def try_to_take(self) -> bool:
        """Take the lock if nobody holds it, or its holder is dead; then no other bridge can reach Redis any more."""
        holder = self._link.call("GET", self._key)
        if holder is not None and holder.decode() in self._connected_holders():
            if not self._told:
                log.info("another bridge (%s) is at work; waiting", holder.decode())
                self._told = True
            return False
        self._link.call("CLIENT", "SETNAME", self._name)
        if not self._link.call("EVAL", _TAKE, 1, self._key, self._name, holder or b"", EXPIRY_MS):
            self._link.call("CLIENT", "SETNAME", "")
            return False
        for name, client in self._connected_holders().items():
            if name != self._name:
                log.warning("cutting the connection of %s, which has not renewed its lock", name)
                self._link.call("CLIENT", "KILL", "ID", client)
        return True

    def renew(self) -> None:
        """Keep the lock; raises `RedisUnavailable` when it has passed to another bridge."""
        if not self._link.call("EVAL", _RENEW, 1, self._key, self._name, EXPIRY_MS):
            self._link.close()
            raise RedisUnavailable("another bridge has taken over")

    def release(self) -> None:
        """Give the lock back."""
        self._link.call("EVAL", _RELEASE, 1, self._key, self._name)

    def _connected_holders(self) -> dict[str, str]:
        """Ids of the connections that carry a holder's name."""
        return {
            fields["name"]: fields["id"]
            for fields in _clients(self._link.call("CLIENT", "LIST"))
            if fields.get("name", "").startswith(self._family)
        }


def _clients(listing: bytes) -> Iterator[dict[str, str]]:
    for line in listing.decode(errors="replace").splitlines():
        yield dict(word.split("=", 1) for word in line.split(" ") if "=" in word)
