"""From the ledger to Redis Streams, exactly once: each chunk is one MULTI with its XADDs and the new position.

Whether a MULTI whose reply never came was executed is unknown; the position in Redis tells, so after every loss of the
connection it is read again, and what stands at or below it is not sent again. A chunk is sent only after the one before
was confirmed: were two under way, the first could be refused (out of memory) and the second accepted.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from redis.exceptions import ResponseError

from smartstore.process.redis_link import RedisLink, RedisUnavailable
from smartstore.process.waiting import Backoff
from smartstore.world.ledger_lines import FIELD_DATA, Entry

T = TypeVar("T")
_CHUNK = 2000
_MULTI = b"*1\r\n$5\r\nMULTI\r\n"
_EXEC = b"*1\r\n$4\r\nEXEC\r\n"
_TRANSIENT = ("OOM", "MISCONF", "EXECABORT", "READONLY", "LOADING", "BUSY", "NOREPLICAS")
log = logging.getLogger("smartstore.world.emitter")


class PositionError(SystemExit):
    """Redis and the ledger do not belong together; exits with one line."""


class Emitter:
    """Writes ledger entries to the streams of one source and keeps its position."""

    def __init__(
        self,
        url: str,
        prefix: str,
        source: str,
        stop: threading.Event,
    ) -> None:
        self._url = url
        self._prefix = prefix
        self._position_key = f"{prefix}source:{source}:position"
        self._client_name = f"{prefix}world-{source}"
        self._backoff = Backoff(stop)
        self._link: RedisLink | None = None
        self._heads: dict[tuple[str, bytes], bytes] = {}
        self._lengths: dict[str, int] = {}
        self.connected = False
        """Whether the last exchange with Redis succeeded."""

    def begin(self) -> None:
        """Set the position of a source that has no ledger yet to 0.

        Raises:
            PositionError: Redis already holds records of a source of this name.
            Stopped: asked to stop while Redis was down.
        """
        self._retry(lambda link: link.call("SET", self._position_key, 0, "NX"))
        if self.position():
            raise PositionError(
                f"Redis has records of this source ({self._position_key}), but its ledger is gone: "
                "restore the ledger, or start over with `smartstore reset`"
            )

    def begin_or_go_on(self) -> int:
        """The position of a source whose only memory is Redis; 0 at its first start.

        Raises:
            Stopped: asked to stop while Redis was down.
        """
        self._retry(lambda link: link.call("SET", self._position_key, 0, "NX"))
        return self.position()

    def remembered(self, key: str) -> bytes | None:
        """What an `extra` command of `emit` has SET under a key; None if nothing.

        Raises:
            Stopped: asked to stop while Redis was down.
        """
        return self._retry(lambda link: link.call("GET", key))

    def position(self) -> int:
        """The last sequence number that is in Redis.

        Raises:
            PositionError: there is none, so Redis has lost its data.
            Stopped: asked to stop while Redis was down.
        """
        value = self._retry(lambda link: link.call("GET", self._position_key))
        if value is None:
            raise PositionError(
                f"Redis has no {self._position_key}, but the ledger is not empty: Redis has lost its data; "
                "restore it, or start over with `smartstore reset`"
            )
        return int(value)

    def emit(self, entries: Iterable[Entry], extra: Sequence[Sequence[object]] = ()) -> None:
        """Put entries, in order and after all before them, into Redis; returns when all are there.

        `extra` commands go into the last transaction.

        Raises:
            Stopped: asked to stop while Redis was down; what is missing is sent after the next start.
        """
        chunks = list(_chunks(entries))
        for number, chunk in enumerate(chunks):
            self._emit_chunk(chunk, extra if number == len(chunks) - 1 else ())

    def publish(self, line: str, payload: bytes) -> None:
        """Put one record that is not in the ledger into a stream; after a lost connection it may be there twice."""
        self._retry(lambda link: link.call("XADD", self._prefix + line, "*", FIELD_DATA, payload))

    def stream_lengths(self, lines: Sequence[str]) -> dict[str, int]:
        """Entries in each line's stream; the bridge trims what Kafka has confirmed."""
        replies = self._retry(lambda link: link.pipeline([("XLEN", self._prefix + line) for line in lines]))
        return dict(zip(lines, replies, strict=True))

    def close(self) -> None:
        """Close the connection."""
        if self._link is not None:
            self._link.close()

    def _emit_chunk(self, chunk: list[Entry], extra: Sequence[Sequence[object]]) -> None:
        packed = b"".join(map(self._pack, chunk))
        adds = sum(len(entry.lines) for entry in chunk)
        closing = [("SET", self._position_key, chunk[-1].seq), *extra]
        while True:
            link = self._connected()
            try:
                link.send([_MULTI, packed, *_packed(closing), _EXEC])
                link.transaction_replies(adds + len(closing))
            except (RedisUnavailable, ResponseError) as error:
                self._give_way(error)
                if self._already_there(chunk):
                    return
                continue
            self._backoff.reset()
            return

    def _already_there(self, chunk: list[Entry]) -> bool:
        """Whether the chunk whose outcome is unknown was executed: a transaction is in Redis wholly or not at all."""
        position = self.position()
        if position >= chunk[-1].seq:
            return True
        if position < chunk[0].seq - 1:
            raise PositionError(
                f"Redis has lost confirmed records after {position} (appendonly and appendfsync always are needed); "
                "they are sent again after a restart"
            )
        return False

    def _pack(self, entry: Entry) -> bytes:
        tail = b"%d\r\n%b\r\n" % (len(entry.payload), entry.payload)
        return b"".join([self._head(line, entry.field) + tail for line in entry.lines])

    def _head(self, line: str, field: bytes) -> bytes:
        """An XADD command in Redis' wire format up to the length of its payload."""
        head = self._heads.get((line, field))
        if head is None:
            stream = (self._prefix + line).encode()
            head = b"*5\r\n$4\r\nXADD\r\n$%d\r\n%b\r\n$1\r\n*\r\n$%d\r\n%b\r\n$" % (
                len(stream),
                stream,
                len(field),
                field,
            )
            self._heads[line, field] = head
        return head

    def _retry(self, action: Callable[[RedisLink], T]) -> T:
        while True:
            try:
                result = action(self._connected())
            except (RedisUnavailable, ResponseError) as error:
                self._give_way(error)
                continue
            self._backoff.reset()
            return result

    def _connected(self) -> RedisLink:
        while self._link is None:
            try:
                self._link = RedisLink(self._url, self._client_name)
            except RedisUnavailable as error:
                self._give_way(error)
        self.connected = True
        return self._link

    def _give_way(self, error: Exception) -> None:
        """Wait before another attempt; an answer that waiting cannot change is raised again."""
        if isinstance(error, ResponseError) and not str(error).startswith(_TRANSIENT):
            raise error
        self.connected = False
        log.warning("%s; trying again", error)
        if self._link is not None:
            self._link.close()
            self._link = None
        self._backoff.pause()


def _packed(commands: Sequence[Sequence[object]]) -> list[bytes]:
    parts: list[bytes] = []
    for command in commands:
        words = [word if isinstance(word, bytes) else str(word).encode() for word in command]
        parts.append(b"*%d\r\n" % len(words))
        parts.extend(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    return parts


def _chunks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    chunk: list[Entry] = []
    for entry in entries:
        chunk.append(entry)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
