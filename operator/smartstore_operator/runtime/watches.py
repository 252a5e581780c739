"""What the API server tells of SmartStores and their objects, by kopf: informer and lifecycle only.

kopf's change-detecting handlers would keep annotations on objects and miss what happened while nobody looked; an event
here only says which SmartStore to look at.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import kopf

from smartstore_operator.api.smartstore import GROUP, VERSION
from smartstore_operator.reconcile.reconciler import CHILDREN
from smartstore_operator.render.kubernetes.metadata import ESTATE_LABEL, MANAGED
from smartstore_operator.runtime.api_server import KINDS

log = logging.getLogger(__name__)

_WATCH_SECONDS, _CLIENT_SECONDS = 240, 300
"""The server ends a watch before the client would give it up: a watch that is dead without saying so is found."""
_PAUSE_SECONDS = 1.0


class Told(NamedTuple):
    """One event of a watch."""

    kind: str
    namespace: str
    name: str
    estate: str
    """The SmartStore that it is about."""
    version: str | None
    """The object's resource version; None: it is gone."""
    is_first: bool
    """Whether it is there as the watch begins, or begins again."""


async def watch(namespaces: Sequence[str], heard: Callable[[Told], None]) -> None:
    """Tell `heard` what happens in these namespaces, all if there are none, until cancelled.

    kopf follows cut connections by itself and ends at what it does not expect, such as an error within a watch. Then it
    begins again. It has a thread with a loop of its own, since it ends all tasks of its loop with itself.
    """
    loop = asyncio.get_running_loop()

    def tell(told: Told) -> None:
        loop.call_soon_threadsafe(heard, told)

    while True:
        stop = threading.Event()
        kopfs = asyncio.ensure_future(asyncio.to_thread(_run, namespaces, tell, stop))
        try:
            await asyncio.wait({kopfs})
        finally:
            stop.set()
        log.warning("the watches ended and begin again: %s", kopfs.exception() or "no reason was given")
        await asyncio.sleep(_PAUSE_SECONDS)


def _run(namespaces: Sequence[str], tell: Callable[[Told], None], stop: threading.Event) -> None:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.watching.server_timeout = _WATCH_SECONDS
    settings.watching.client_timeout = _CLIENT_SECONDS
    settings.scanning.disabled = bool(namespaces)
    watching = kopf.operator(
        registry=_registry(tell),
        settings=settings,
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
    )
    asyncio.run(watching)


def _registry(tell: Callable[[Told], None]) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def _log_in(**arguments: Any) -> Any:
        return kopf.login_via_client(**arguments)

    # coroutines: kopf runs plain functions in threads
    @kopf.on.event(GROUP, VERSION, "smartstores", registry=registry)
    async def _smartstore(**event: Any) -> None:
        tell(_told("SmartStore", event["name"], event))

    labels: dict[str, Any] = {**MANAGED, ESTATE_LABEL: kopf.PRESENT}
    for kind in CHILDREN:
        group, _, version = KINDS[kind][0].rpartition("/")

        async def _child(kind: str = kind, **event: Any) -> None:
            tell(_told(kind, event["labels"][ESTATE_LABEL], event))

        kopf.on.event(group, version, KINDS[kind][1], labels=labels, registry=registry)(_child)
    return registry


def _told(kind: str, estate: str, event: dict[str, Any]) -> Told:
    version = None if event["type"] == "DELETED" else str(event["body"]["metadata"]["resourceVersion"])
    return Told(kind, event["namespace"], event["name"], estate, version, event["type"] is None)
