"""The operator's process: kopf watches, our queue decides when, the reconciler does it.

kopf is informer and lifecycle only. Its change-detecting handlers would keep annotations on objects and miss what
happened while nobody looked; an event here only says which SmartStore to look at.
"""

import asyncio
import logging
import socket
import uuid
from datetime import UTC, datetime
from typing import Any

import kopf

from smartstore_operator.api.smartstore import GROUP, VERSION
from smartstore_operator.reconcile.reconciler import CHILDREN, Reconciler
from smartstore_operator.render.kubernetes.metadata import ESTATE_LABEL, MANAGED
from smartstore_operator.runtime.api_server import KINDS, ApiServer
from smartstore_operator.runtime.lease import Leadership, Terms
from smartstore_operator.runtime.settings import Settings
from smartstore_operator.runtime.work_queue import WorkQueue

log = logging.getLogger(__name__)

_WATCH_SECONDS, _CLIENT_SECONDS = 240, 300
"""The server ends a watch before the client would give it up: a watch that is dead without saying so is found."""
_PROGRESS_SECONDS = 10.0
"""How soon a SmartStore that is not ready yet is looked at again, beside what events ask for."""

Name = tuple[str, str]
"""Namespace and name of a SmartStore."""


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Look after SmartStores until `stop` is set; of several operators one at a time does.

    Raises:
        LeadershipLost: another one may act now.
    """
    identity = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
    terms = Terms(namespace=settings.namespace, identity=identity, seconds=settings.lease_seconds)
    async with ApiServer.from_environment() as server:
        await Leadership(server, terms).run(lambda: _act(server, settings, stop), stop)


async def _act(server: ApiServer, settings: Settings, stop: asyncio.Event) -> None:
    queue = WorkQueue[Name](_work(server, settings), settings.workers)
    watching = asyncio.create_task(_watch(queue, settings, stop))
    working = asyncio.create_task(queue.run())
    try:
        done, _ = await asyncio.wait({watching, working}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (watching, working):
            task.cancel()
        await asyncio.gather(watching, working, return_exceptions=True)
    for task in done:
        task.result()


def _work(server: ApiServer, settings: Settings) -> Any:
    reconciler = Reconciler(server, settings.images, _now)

    async def work(name: Name) -> float | None:
        live = await server.get("SmartStore", *name)
        if live is None:
            return None
        report = await reconciler.reconcile(live)
        place = "/".join(name)
        for what, fields in report.drifted.items():
            log.warning("%s: %s differed in %s, taken back", place, what, ", ".join(fields))
        if report.applied or report.deleted:
            log.info("%s: applied %d, deleted %d objects", place, len(report.applied), len(report.deleted))
        return settings.resync_seconds if report.ready else min(_PROGRESS_SECONDS, settings.resync_seconds)

    return work


async def _watch(queue: WorkQueue[Name], settings: Settings, stop: asyncio.Event) -> None:
    registry = kopf.OperatorRegistry()
    kopf_settings = kopf.OperatorSettings()
    kopf_settings.posting.enabled = False
    kopf_settings.watching.server_timeout = _WATCH_SECONDS
    kopf_settings.watching.client_timeout = _CLIENT_SECONDS

    @kopf.on.login(registry=registry)
    def _log_in(**arguments: Any) -> Any:
        return kopf.login_via_client(**arguments)

    # coroutines: kopf runs plain functions in threads, and the queue belongs to the loop
    @kopf.on.event(GROUP, VERSION, "smartstores", registry=registry)
    async def _smartstore(**event: Any) -> None:
        name = event["namespace"], event["name"]
        if event["type"] == "DELETED":
            queue.forget(name)
        else:
            queue.add(name)

    async def _child(**event: Any) -> None:
        queue.add((event["namespace"], event["labels"][ESTATE_LABEL]))

    labels: dict[str, Any] = {**MANAGED, ESTATE_LABEL: kopf.PRESENT}
    for kind in CHILDREN:
        group, _, version = KINDS[kind][0].rpartition("/")
        kopf.on.event(group, version, KINDS[kind][1], labels=labels, registry=registry)(_child)
    await kopf.operator(
        registry=registry,
        settings=kopf_settings,
        standalone=True,
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
        stop_flag=stop,
    )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
