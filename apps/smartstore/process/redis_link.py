"""One plain connection to Redis: raw replies, no retries, no silent reconnect.

Whoever writes exactly once must know when a connection was lost, because the outcome of what was under way is then
unknown; and a lock holder whose connection was cut must not come back without asking for the lock again.
"""

from collections.abc import Sequence
from typing import Any

from redis import exceptions
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.retry import Retry

_LOST = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)
_CONNECT_SECONDS = 5
_REPLY_SECONDS = 60


class RedisUnavailable(Exception):
    """The server cannot be reached, is loading, or the connection was lost: worth another try."""


class RedisRefused(SystemExit):
    """The server does not accept our credentials; exits with one line."""


class RedisLink:
    """A connection that, once lost, stays lost: make another one.

    All methods raise `RedisUnavailable` when the connection is lost and `ResponseError` when the server says no.
    """

    def __init__(self, url: str, client_name: str) -> None:
        self._url = url
        pool = ConnectionPool.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_REPLY_SECONDS,
            client_name=client_name,
        )
        self._connection = pool.make_connection()
        self._lost = False
        try:
            self._connection.connect()
            self.call("PING")
        except exceptions.AuthenticationError as error:
            raise RedisRefused(f"Redis refuses the password in SMARTSTORE_REDIS_URL: {error}") from None
        except _LOST as error:
            raise self._loss(error) from None

    def call(self, *command: Any) -> Any:
        """Send one command and return its reply: bytes, int, None or lists of them."""
        self.send(self._connection.pack_command(*command))
        return self.reply()

    def pipeline(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Send all commands at once and return their replies; raises the first error among them."""
        if not commands:
            return []
        self.send(self._connection.pack_commands(commands))
        return _checked(self.replies(len(commands)))

    def transaction(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Run all commands or none (MULTI … EXEC) and return their replies."""
        self.send(self._connection.pack_commands([("MULTI",), *commands, ("EXEC",)]))
        return self.transaction_replies(len(commands))

    def transaction_replies(self, commands: int) -> list[Any]:
        """The replies of a MULTI with so many commands that was sent by `send`."""
        executed = _checked(self.replies(commands + 2))[-1]
        if executed is None:
            raise exceptions.ResponseError("the transaction was discarded: a watched key changed")
        return _checked(executed)

    def send(self, packed: bytes | list[bytes]) -> None:
        """Send commands that are already in the wire format."""
        if self._lost:
            raise RedisUnavailable("the connection to Redis was lost")
        try:
            self._connection.send_packed_command([packed] if isinstance(packed, bytes) else packed)
        except _LOST as error:
            raise self._loss(error) from None

    def reply(self) -> Any:
        """The next reply; an error reply is raised."""
        try:
            return self._connection.read_response(disable_decoding=True)
        except _LOST as error:
            raise self._loss(error) from None

    def replies(self, count: int) -> list[Any]:
        """The next replies; an error reply is an element like the others."""
        read = self._connection.read_response
        got: list[Any] = []
        try:
            while len(got) < count:
                try:
                    got.append(read(disable_decoding=True))
                except exceptions.BusyLoadingError:
                    raise
                except exceptions.ResponseError as error:
                    got.append(error)
        except _LOST as error:
            raise self._loss(error) from None
        return got

    def close(self) -> None:
        """Close the connection; closing twice does no harm."""
        self._lost = True
        self._connection.disconnect()

    def _loss(self, error: Exception) -> RedisUnavailable:
        self.close()
        return RedisUnavailable(f"Redis: {error or type(error).__name__}")


def _checked(replies: list[Any]) -> list[Any]:
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies
