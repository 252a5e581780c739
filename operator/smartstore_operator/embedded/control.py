"""The supervisor's ear: a Unix socket in `run/`, one JSON object asked, one answered."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from smartstore_operator.embedded.errors import NotRunning

_SOCKET = "control"
Command = Callable[[dict[str, Any]], dict[str, Any]]
"""Answers the requests of one command, at once."""
Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


async def serve(directory: Path, answer: Answer) -> asyncio.Server:
    """Listen in `directory`; every request goes to `answer`."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            try:
                reply = await answer(json.loads(await reader.readline()))
            except (ValueError, KeyError) as error:
                reply = {"error": f"bad request: {error}"}
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        writer.close()

    (directory / _SOCKET).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short(directory) as path:
        listener.bind(path)
    return await asyncio.start_unix_server(converse, sock=listener)


def ask(directory: Path, request: dict[str, Any], seconds: float = 10.0) -> dict[str, Any]:
    """Ask the supervisor that listens in `directory`.

    Raises:
        NotRunning: nobody listens, or it ended before it answered.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, _short(directory) as path:
            connection.settimeout(seconds)
            connection.connect(path)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as stream:
                answer = stream.readline()
            return dict(json.loads(answer))
    except (OSError, ValueError) as error:
        raise NotRunning(directory.parent) from error


@contextlib.contextmanager
def _short(directory: Path) -> Iterator[str]:
    """A path of the socket that fits the kernel's 108 bytes however deep the directory lies."""
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{_SOCKET}"
    finally:
        os.close(descriptor)
