"""The Redis streams as the gateway writes them: one transaction per request, answered when Redis has it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from smartstore.contracts.grid import DECODE_GRID, grid_key
from smartstore.contracts.wire import STREAM_LIMIT
from smartstore.gateway.admission import Accepted

_CONNECT_SECONDS = 2
_REPLY_SECONDS = 5


class BufferFull(Exception):
    """There is no room for these records now; says which stream, or that it is Redis' memory."""


class BufferUnavailable(Exception):
    """Redis cannot be asked, or did not answer. Whether a transaction under way was run is then unknown."""


class BufferState(Struct, frozen=True):
    """Entries in each stream, the last tick and the stores that got it (None before the first)."""

    lengths: dict[str, int]
    now: datetime | None
    stores: frozenset[str] | None

    def demand_room(self, records: Iterable[Accepted]) -> None:
        """Raise `BufferFull` if a stream would then hold more than `STREAM_LIMIT` entries."""
        for topic, count in Counter(record.topic for record in records).items():
            if self.lengths[topic] + count > STREAM_LIMIT:
                raise BufferFull(
                    f"the buffer of {topic} is full: {self.lengths[topic]} entries wait to be brought to Kafka"
                )


class Buffer:
    """Several requests may use it at once. Raises `BufferUnavailable` where Redis does not answer."""

    def __init__(self, url: str, prefix: str, source: str, topics: Iterable[str]) -> None:
        """`source`: the name of the source that writes the ticks."""
        self._prefix = prefix
        self._grid_key = grid_key(prefix, source)
        self._topics = tuple(topics)
        # A transaction whose answer was lost must not be sent again behind our back.
        self._redis: Any = Redis.from_url(
            url,
            protocol=2,
            client_name=f"{prefix}gateway",
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_REPLY_SECONDS,
        )

    async def state(self) -> BufferState:
        """How full the streams are, what time it is and which stores there are."""
        commands: list[tuple[Any, ...]] = [("XLEN", self._prefix + topic) for topic in self._topics]
        commands += [("GET", f"{self._prefix}sim:now"), ("GET", self._grid_key)]
        *lengths, now, grid = await self._run(commands, transaction=False)
        return BufferState(
            dict(zip(self._topics, lengths, strict=True)),
            None if now is None else datetime.fromisoformat(now.decode()),
            None if grid is None else frozenset(DECODE_GRID(grid).ticked),
        )

    async def append(self, records: Sequence[Accepted]) -> None:
        """Write all records, or none.

        Raises:
            BufferFull: Redis has no memory left; nothing was written.
        """
        if records:
            await self._run(
                [("XADD", self._prefix + record.topic, "*", "data", record.value) for record in records],
                transaction=True,
            )

    async def ping(self) -> None:
        """Return when Redis answers."""
        await self._run([("PING",)], transaction=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def _run(self, commands: list[tuple[Any, ...]], *, transaction: bool) -> list[Any]:
        try:
            async with self._redis.pipeline(transaction=transaction) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)
                replies: list[Any] = await pipeline.execute()
                return replies
        except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as error:
            raise BufferUnavailable(f"Redis: {error or type(error).__name__}") from None
        except exceptions.ResponseError as error:
            # redis-py names the command in front of what the server said.
            if "used memory > 'maxmemory'" in str(error) or isinstance(error, exceptions.OutOfMemoryError):
                raise BufferFull(
                    "Redis has no memory left until the bridge has emptied its streams"
                ) from None
            raise BufferUnavailable(f"Redis: {error}") from None
