"""What there is of one kind, and what becomes of it: by the objects' metadata alone.

All objects of a thousand SmartStores are hundreds of megabytes. What is told of them is their name, version and
SmartStore, so nothing else is asked for, in pages.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from http import HTTPStatus
from typing import NamedTuple

from smartstore_operator.api.marks import ESTATE_LABEL
from smartstore_operator.render.kubernetes.metadata import MANAGED
from smartstore_operator.runtime.api_server import ApiError, ApiServer
from smartstore_operator.runtime.metadata import Metadata

log = logging.getLogger(__name__)

_LABELS = ",".join((*(f"{name}={value}" for name, value in MANAGED.items()), ESTATE_LABEL))
"""The API server selects by them, so it tells of nobody else's objects, and that one is gone which lost its label."""
_PAUSE_SECONDS, _LONG_PAUSE_SECONDS = 1.0, 30.0
_LASTING = (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN)
"""What stays until somebody installs something, or allows it."""


class Told(NamedTuple):
    """One change of an object, or that it is there."""

    kind: str
    namespace: str
    name: str
    estate: str
    """The SmartStore that it is about."""
    version: str | None
    """The object's resource version; None: it is gone."""
    is_first: bool
    """Whether it was there already when the informer began, or began again."""


class Informer:
    """Tells `heard` of the objects of one kind, in a namespace or in all."""

    def __init__(
        self,
        server: ApiServer,
        kind: str,
        namespace: str | None,
        heard: Callable[[Told], None],
        turn: asyncio.Semaphore,
    ) -> None:
        """`turn`: who asks for a page of a list waits for it, so that neither memory nor the loop has many at once."""
        self._server, self._kind, self._namespace = server, kind, namespace
        self._heard, self._turn = heard, turn
        self._known: dict[tuple[str, str], str] = {}
        """SmartStore by namespace and name of the object."""

    async def run(self, restarted: Callable[[], None]) -> None:
        """Until cancelled. `restarted` hears when a watch cannot go on where it was, so that all is listed again."""
        while True:
            try:
                await self._follow(await self._list())
                restarted()
            except ApiError as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    log.warning("the list of %s: %s", self._kind, error)
                await asyncio.sleep(_LONG_PAUSE_SECONDS if error.status in _LASTING else _PAUSE_SECONDS)

    async def _list(self) -> str:
        """Tell of all there is, and of what is not there any more; the version at which it is so."""
        gone = set(self._known)
        token = ""
        while True:
            async with self._turn:
                page = await self._server.metadata(self._kind, self._namespace, _LABELS, token)
            for item in page.items or ():
                gone.discard(self._tell(item.metadata, is_first=True))
            token = page.metadata.token
            if not token:
                break
        for namespace, name in gone:
            estate = self._known.pop((namespace, name))
            self._heard(Told(self._kind, namespace, name, estate, None, is_first=False))
        return page.metadata.version

    async def _follow(self, version: str) -> None:
        """Tell of every change after a version, until the API server does not know any more what came after it."""
        clock = asyncio.get_running_loop()
        while True:
            began = clock.time()
            try:
                async with aclosing(
                    self._server.watch(self._kind, self._namespace, _LABELS, version)
                ) as events:
                    async for change in events:
                        if change.type == "ERROR":
                            log.info("the watch of %s begins again: %s", self._kind, change.object.message)
                            return
                        version = change.object.metadata.version
                        if change.type != "BOOKMARK":
                            self._tell(change.object.metadata, is_gone=change.type == "DELETED")
            except ApiError as error:
                if error.status in (HTTPStatus.GONE, HTTPStatus.NOT_FOUND):
                    return
                log.info("the watch of %s goes on: %s", self._kind, error)
            await asyncio.sleep(began + _PAUSE_SECONDS - clock.time())  # not at all after one that has lasted

    def _tell(self, one: Metadata, *, is_first: bool = False, is_gone: bool = False) -> tuple[str, str]:
        """Tell of one object; its namespace and name."""
        place, estate = (one.namespace, one.name), one.labels[ESTATE_LABEL]
        if is_gone:
            self._known.pop(place, None)
        else:
            self._known[place] = estate
        self._heard(Told(self._kind, *place, estate, None if is_gone else one.version, is_first))
        return place
