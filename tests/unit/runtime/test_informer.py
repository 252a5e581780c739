"""What an informer tells of an API server that answers so and so, under a clock that jumps to the next timer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from smartstore_operator.api.marks import ESTATE_LABEL
from smartstore_operator.runtime.api_server import ApiError, ApiUnreachable
from smartstore_operator.runtime.informer import Informer, Told
from smartstore_operator.runtime.metadata import Change, Page
from tests.jumping_loop import JumpingLoop

pytestmark = pytest.mark.unit

Answer = dict[str, Any] | Exception
CUT = ApiUnreachable("watch", ConnectionResetError("cut"))
UNSERVED = ApiError("GET", 404, "NotFound", "the server could not find the requested resource")


def item(name: str, version: int) -> dict[str, Any]:
    """An object of the SmartStore demo."""
    labels = {ESTATE_LABEL: "demo"}
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": labels, "resourceVersion": str(version)}
    }


def page(version: int, *items: dict[str, Any], token: str = "") -> dict[str, Any]:
    """A part of a list; the API server says null for no items."""
    return {"metadata": {"resourceVersion": str(version), "continue": token}, "items": list(items) or None}


def event(change: str, one: dict[str, Any]) -> dict[str, Any]:
    """A line of a watch."""
    return {"type": change, "object": one}


EXPIRED = event("ERROR", {"code": 410, "message": "too old resource version"})


class Server:
    """Gives answers in their order, and then none any more. A watch ends with the last of its lines."""

    def __init__(self, lists: Sequence[Answer], watches: Sequence[Sequence[Answer]]) -> None:
        self._lists, self._watches = list(lists), list(watches)
        self.asked: list[tuple[float, str]] = []
        """When, and the token of a list or the version that a watch goes on from."""

    async def metadata(self, _kind: str, _namespace: str | None, _labels: str, token: str) -> Page:
        self.asked.append((asyncio.get_running_loop().time(), f"list {token}"))
        return msgspec.convert(await _next(self._lists), Page)

    async def watch(
        self, _kind: str, _namespace: str | None, _labels: str, version: str
    ) -> AsyncIterator[Change]:
        self.asked.append((asyncio.get_running_loop().time(), f"watch {version}"))
        lines = self._watches.pop(0) if self._watches else [None]
        for line in lines:
            yield msgspec.convert(await _next([line] if line is not None else []), Change)


async def _next(answers: list[Any]) -> dict[str, Any]:
    if not answers:
        await asyncio.Event().wait()
    answer = answers.pop(0)
    if isinstance(answer, Exception):
        raise answer
    return dict(answer)


def told(
    lists: Sequence[Answer], *watches: Sequence[Answer]
) -> tuple[list[tuple[str, str | None, bool]], list[tuple[float, str]], int]:
    """Name, version and whether it was there already, in the order of telling; what was asked when; new beginnings."""
    heard: list[Told] = []
    restarts: list[None] = []
    server = Server(lists, watches)

    async def main() -> None:
        turn = asyncio.Semaphore(1)
        informer = Informer(server, "Service", "shop", heard.append, turn)  # type: ignore[arg-type]
        try:
            async with asyncio.timeout(100):
                await informer.run(lambda: restarts.append(None))
        except TimeoutError:
            pass

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(main())
    assert {(one.kind, one.namespace, one.estate) for one in heard} <= {("Service", "shop", "demo")}
    return [(one.name, one.version, one.is_first) for one in heard], server.asked, len(restarts)


def test_all_pages_then_every_change() -> None:
    heard, asked, restarts = told(
        [page(9, item("a", 1), token="more"), page(9, item("b", 2))],
        [event("MODIFIED", item("a", 10)), event("DELETED", item("b", 11)), event("ADDED", item("c", 12))],
    )
    assert heard == [
        ("a", "1", True),
        ("b", "2", True),
        ("a", "10", False),
        ("b", None, False),
        ("c", "12", False),
    ]
    assert [what for _, what in asked] == ["list ", "list more", "watch 9", "watch 12"]
    assert restarts == 0


def test_a_watch_that_is_cut_goes_on_where_it_was_once_a_second() -> None:
    _, asked, restarts = told(
        [page(9)], [event("BOOKMARK", {"metadata": {"resourceVersion": "30"}}), CUT], [CUT], []
    )
    assert asked == [(0, "list "), (0, "watch 9"), (1, "watch 30"), (2, "watch 30"), (3, "watch 30")]
    assert restarts == 0


@pytest.mark.parametrize("expired", [EXPIRED, ApiError("watch", 410, "Expired", "too old resource version")])
def test_what_went_while_a_watch_could_not_go_on_is_told(expired: Answer) -> None:
    heard, asked, restarts = told([page(9, item("a", 1), item("b", 2)), page(20, item("b", 2))], [expired])
    assert heard[2:] == [("b", "2", True), ("a", None, False)]
    assert [what for _, what in asked] == ["list ", "watch 9", "list ", "watch 20"]
    assert restarts == 1


def test_a_list_that_fails_begins_again() -> None:
    gone = ApiError("GET", 410, "Expired", "the provided continue parameter is too old")
    heard, asked, _ = told([page(9, item("a", 1), token="more"), gone, page(9, item("a", 1))])
    assert heard == [("a", "1", True), ("a", "1", True)]
    assert asked == [(0, "list "), (0, "list more"), (1, "list "), (1, "watch 9")]


def test_a_kind_that_is_not_served_yet_is_asked_for_now_and_then() -> None:
    heard, asked, _ = told([UNSERVED, UNSERVED, page(9, item("a", 1))])
    assert heard == [("a", "1", True)]
    assert asked == [(0, "list "), (30, "list "), (60, "list "), (60, "watch 9")]
