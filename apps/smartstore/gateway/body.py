"""A request's body: read and unpacked within bounds, cut into records."""

import asyncio
import zlib
from collections.abc import AsyncIterator

import msgspec
from msgspec import MsgspecError

MAX_BYTES = 8 * 1024 * 1024
"""Most bytes of a body, as sent and again unpacked."""
MAX_RECORDS = 10_000
READ_SECONDS = 30.0
JSON, NDJSON = "application/json", "application/x-ndjson"
_GZIP = 31  # zlib's number for: expect a gzip header
_NEXT_CHUNK = 256 * 1024


class BadBody(Exception):
    """A body that cannot be taken as a whole: the HTTP status, and a line that says why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def read_body(chunks: AsyncIterator[bytes], encoding: str) -> bytes:
    """All of a body, unpacked if its `Content-Encoding` says so.

    Raises:
        BadBody: too large (413), too slow (408), an encoding other than gzip (415), not gzip (400).
    """
    if encoding not in ("", "identity", "gzip"):
        raise BadBody(415, f"Content-Encoding {encoding!r} is not supported: use gzip, or none")
    body = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in chunks:
                body += chunk
                if len(body) > MAX_BYTES:
                    raise _too_large("the body is")
    except TimeoutError:
        raise BadBody(408, f"the body did not arrive within {READ_SECONDS:.0f} s") from None
    return await asyncio.to_thread(unpacked, bytes(body)) if encoding == "gzip" else bytes(body)


def unpacked(data: bytes) -> bytes:
    """What gzip packed, one member or several; never holds more than `MAX_BYTES` and a chunk of it.

    Raises:
        BadBody: unpacked it is too large (413), or it is not whole or not gzip (400).
    """
    result = bytearray()
    while data:
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            try:
                piece = member.decompress(data, _NEXT_CHUNK)
            except zlib.error as error:
                raise BadBody(400, f"the body is not gzip: {error}") from None
            result += piece
            if len(result) > MAX_BYTES:
                raise _too_large("unpacked, the body is")
            data = member.unconsumed_tail
            if not piece and not data and not member.eof:
                raise BadBody(400, "the body is not whole: its gzip stream ends early")
        data = member.unused_data
    return bytes(result)


def records_of(body: bytes, content_type: str) -> list[bytes]:
    """The records in a body as their JSON texts, unchecked; blank lines of NDJSON are none.

    Raises:
        BadBody: another content type (415), no JSON array (400), too many records (413).
    """
    if content_type == NDJSON:
        records = [line for line in body.split(b"\n") if line.strip()]
    elif content_type == JSON:
        records = _array(body)
    else:
        named = repr(content_type) if content_type else "none"
        raise BadBody(
            415, f"Content-Type must be {JSON} (an array) or {NDJSON} (a record a line), not {named}"
        )
    if len(records) > MAX_RECORDS:
        raise BadBody(413, f"{len(records)} records in one request; at most {MAX_RECORDS} are taken")
    return records


def _array(body: bytes) -> list[bytes]:
    try:
        return [bytes(raw) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadBody(400, f"the body is not a JSON array of records: {error}") from None


def _too_large(what: str) -> BadBody:
    return BadBody(413, f"{what} larger than {MAX_BYTES} bytes; send fewer records at a time")
