"""Asking a supervisor that is not there, or sits very deep."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from smartstore_operator.embedded import control
from smartstore_operator.embedded.errors import NotRunning


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="smartstore up"):
        control.ask(tmp_path, {"command": "status"})
    with pytest.raises(NotRunning):
        control.ask(tmp_path / "missing", {"command": "status"})


def test_answers_below_a_path_longer_than_a_socket_name(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    started, done = threading.Event(), threading.Event()

    async def answer(request: dict[str, Any]) -> dict[str, Any]:
        return {"heard": request["command"]}

    async def serve() -> None:
        server = await control.serve(deep, answer)
        started.set()
        while not done.is_set():
            await asyncio.sleep(0.01)
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    started.wait(10)
    assert control.ask(deep, {"command": "status"}) == {"heard": "status"}
    assert "bad request" in control.ask(deep, {})["error"]
    done.set()
    thread.join()
