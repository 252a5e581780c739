"""What the API server tells of SmartStores, by kopf, and of their objects, by informers.

kopf does informer and lifecycle only. Its change-detecting handlers would keep annotations on objects and miss what
happened while nobody looked; an event here only says which SmartStore to look at. kopf takes whole objects and copies
them several times, a millisecond each; of what belongs to SmartStores, sixty times as many, metadata is enough.
"""

import asyncio
import concurrent.futures
import logging
import sys
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any

import kopf

from smartstore_operator.api.smartstore import GROUP, VERSION
from smartstore_operator.reconcile.kinds import CHILDREN
from smartstore_operator.runtime.access import access, bearer
from smartstore_operator.runtime.api_server import ApiServer
from smartstore_operator.runtime.informer import Informer, Told

log = logging.getLogger(__name__)

_WATCH_SECONDS, _CLIENT_SECONDS = 240, 300
"""As those of informers."""
_PAUSE_SECONDS, _STOP_SECONDS = 1.0, 5.0
_LISTS_AT_ONCE = 2
_SWITCH_SECONDS = 0.0005
"""kopf computes for seconds when it first hears of thousands of SmartStores. Whoever reads from a socket gives the
interpreter away and would get it back after 5 ms each time: too late for the Lease."""

Ended = concurrent.futures.Future[BaseException | None]
"""Says that kopf has ended, and at which failure."""


async def watch(
    server: ApiServer,
    namespaces: Sequence[str],
    heard: Callable[[Told], None],
    restarted: Callable[[], None],
) -> None:
    """Tell `heard` what happens in these namespaces, all if there are none, until cancelled; `restarted` when a watch
    begins anew. `server` must allow for any number of connections.
    """
    turn = asyncio.Semaphore(_LISTS_AT_ONCE)
    informers = [
        Informer(server, kind, namespace, heard, turn)
        for kind in CHILDREN
        for namespace in namespaces or (None,)
    ]
    sys.setswitchinterval(_SWITCH_SECONDS)
    async with asyncio.TaskGroup() as group:
        group.create_task(_watch_smartstores(namespaces, heard, restarted))
        for informer in informers:
            group.create_task(informer.run(restarted))


async def _watch_smartstores(
    namespaces: Sequence[str], heard: Callable[[Told], None], restarted: Callable[[], None]
) -> None:
    """kopf follows cut connections by itself and ends at what it does not expect, such as an error within a watch. Then
    it begins again. It has a thread with a loop of its own, since it ends all tasks of its loop with itself.
    """
    loop = asyncio.get_running_loop()

    def tell(told: Told) -> None:
        loop.call_soon_threadsafe(heard, told)

    while True:
        stop, ended = threading.Event(), Ended()
        # a daemon: one that does not stop in time does not keep the process
        threading.Thread(target=_run, args=(namespaces, tell, stop, ended), daemon=True).start()
        end = asyncio.wrap_future(ended)
        try:
            await asyncio.wait({end})
        finally:
            stop.set()
            await asyncio.wait({end}, timeout=_STOP_SECONDS)
        log.warning(
            "the watch of SmartStores ended and begins again: %s", end.result() or "no reason was given"
        )
        await asyncio.sleep(_PAUSE_SECONDS)
        restarted()


def _run(
    namespaces: Sequence[str], tell: Callable[[Told], None], stop: threading.Event, ended: Ended
) -> None:
    with asyncio.Runner() as runner:
        # what kopf leaves behind when it fails says nothing beside the failure
        runner.get_loop().set_exception_handler(lambda *_: None)
        ended.set_result(runner.run(_operate(namespaces, tell, stop)))


async def _operate(
    namespaces: Sequence[str], tell: Callable[[Told], None], stop: threading.Event
) -> BaseException | None:
    """Until `stop` is set, or something fails: what."""
    tasks = await kopf.spawn_tasks(
        registry=_registry(tell),
        settings=_settings(namespaces),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
    )
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    stop.set()  # threads of kopf's wait for it
    await _end(tasks)
    await _end(asyncio.all_tasks() - {asyncio.current_task()})
    failures = (task.exception() for task in done if not task.cancelled())
    return next((error for error in failures if error is not None), None)


async def _end(tasks: Collection["asyncio.Task[Any] | None"]) -> None:
    """End tasks of kopf's, but do not wait for them for ever.

    When a watch has failed, kopf leaves the others, and in the end cancels them together with what tells them to pause:
    they take it for a pause, and go on.
    """
    ending = [task for task in tasks if task and not task.get_name().startswith("pause-waiter")]
    for task in ending:
        task.cancel()
    if ending:
        await asyncio.wait(ending, timeout=_STOP_SECONDS / 2)


def _settings(namespaces: Sequence[str]) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.watching.server_timeout = _WATCH_SECONDS
    settings.watching.client_timeout = _CLIENT_SECONDS
    settings.scanning.disabled = bool(namespaces)
    return settings


def _registry(tell: Callable[[Told], None]) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    # coroutines: kopf runs plain functions in threads
    @kopf.on.login(registry=registry)
    async def _log_in(**_: Any) -> kopf.ConnectionInfo:
        found = access()
        scheme, _space, token = (bearer(found) or "").rpartition(" ")
        return kopf.ConnectionInfo(
            server=found.host,
            ca_path=found.ssl_ca_cert,
            scheme=scheme or None,
            token=token or None,
            certificate_path=found.cert_file,
            private_key_path=found.key_file,
        )

    @kopf.on.event(GROUP, VERSION, "smartstores", registry=registry)
    async def _smartstore(**event: Any) -> None:
        version = None if event["type"] == "DELETED" else event["body"]["metadata"]["resourceVersion"]
        name = event["name"]
        tell(Told("SmartStore", event["namespace"], name, name, version, event["type"] is None))

    return registry
