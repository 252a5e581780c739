"""The streams the bridge reads, through one consumer group, in their own order, what is pending first."""

from collections.abc import Iterable, Sequence
from typing import Any

from redis.exceptions import ResponseError

from smartstore.contracts.topics import DEAD_LETTERS, LEDGER, LINES, STORES, Topic
from smartstore.process.redis_link import RedisLink

BRIDGED: tuple[Topic, ...] = (*LINES, STORES, LEDGER, DEAD_LETTERS)
"""Topics whose records come through Redis. `dead_letters` has those of the source itself."""
GROUP = "bridge"
CONSUMER = "bridge"
"""One name for all bridges, as only one works at a time: what a dead one left pending is the next one's own."""
_CLAIMED = 1000

Entries = list[tuple[bytes, Sequence[bytes] | None]]


class StreamReader:
    """Reads all streams on one connection. Only the holder of the bridge's lock may use it."""

    def __init__(self, link: RedisLink, prefix: str, topics: Iterable[Topic] = BRIDGED) -> None:
        self._link = link
        self._names = {(prefix + topic.name).encode(): topic.name for topic in topics}
        self._next = dict.fromkeys(self._names, b"0")
        """Where to read on: an id among the pending entries, or `>` for new ones."""

    def open(self) -> None:
        """Make streams and group where missing, and claim what consumers of other names left."""
        for name in self._names:
            try:
                self._link.call("XGROUP", "CREATE", name, GROUP, "0", "MKSTREAM")
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise
            for consumer in self._link.call("XINFO", "CONSUMERS", name, GROUP):
                other = _fields(consumer)[b"name"]
                if other != CONSUMER.encode():
                    self._claim(name)
                    self._link.call("XGROUP", "DELCONSUMER", name, GROUP, other)

    def read(self, count: int, block_ms: int | None) -> dict[str, Entries]:
        """Up to `count` entries of each stream, by topic name; waits for new ones when `block_ms` is given.

        Entries are (id, field names and values in turn); the fields are None if a pending entry has been deleted.
        """
        blocking = ("BLOCK", block_ms) if block_ms else ()
        reply = self._link.call(
            "XREADGROUP", "GROUP", GROUP, CONSUMER, "COUNT", count, *blocking,
            "STREAMS", *self._next, *self._next.values(),
        )  # fmt: skip
        result: dict[str, Entries] = {}
        for name, entries in reply or ():
            pending = self._next[name] != b">"
            if pending:
                self._next[name] = entries[-1][0] if entries else b">"
            if entries:
                result[self._names[name]] = entries
        return result

    @property
    def rereading(self) -> bool:
        """Whether entries that were pending at the start may still come."""
        return any(position != b">" for position in self._next.values())

    def backlog(self) -> dict[str, int]:
        """Entries not yet acknowledged, by topic name."""
        replies = self._link.pipeline([("XINFO", "GROUPS", name) for name in self._names])
        lengths = self._link.pipeline([("XLEN", name) for name in self._names])
        result = {}
        for (topic, groups), length in zip(
            zip(self._names.values(), replies, strict=True), lengths, strict=True
        ):
            group = next(g for g in map(_fields, groups) if g[b"name"] == GROUP.encode())
            lag = group.get(b"lag")
            result[topic] = length if lag is None else lag + group[b"pending"]
        return result

    def acknowledge(self, name: str, ids: Sequence[bytes]) -> list[tuple[object, ...]]:
        """Commands that acknowledge a stream's oldest entries and trim it below them.

        All before the last id must have been acknowledged too.
        """
        return [("XACK", name, GROUP, *ids), ("XTRIM", name, "MINID", "~", _after(ids[-1]))]

    def _claim(self, name: bytes) -> None:
        start: bytes = b"0-0"
        while True:
            start, *_ = self._link.call(
                "XAUTOCLAIM", name, GROUP, CONSUMER, 0, start, "COUNT", _CLAIMED, "JUSTID"
            )
            if start == b"0-0":
                return


def _fields(reply: list[Any]) -> dict[bytes, Any]:
    """Names and values in turn, as a mapping."""
    return dict(zip(reply[::2], reply[1::2], strict=True))


def _after(redis_id: bytes) -> bytes:
    milliseconds, _, sequence = redis_id.partition(b"-")
    return b"%b-%d" % (milliseconds, int(sequence) + 1)
