"""The operator's process: kopf watches, our queue decides when, the reconciler does it.

kopf is informer and lifecycle only. Its change-detecting handlers would keep annotations on objects and miss what
happened while nobody looked; an event here only says which SmartStore to look at.
"""

import asyncio
import itertools
import logging
import socket
import uuid
from datetime import UTC, datetime
from typing import Any, Literal

import httpx
import kopf

from smartstore_operator.api.marks import ESTATE_LABEL
from smartstore_operator.api.reasons import Reason
from smartstore_operator.api.smartstore import GROUP, VERSION
from smartstore_operator.reconcile.kinds import CHILDREN, KINDS
from smartstore_operator.reconcile.reconciler import Reconciler, Report
from smartstore_operator.render.kubernetes.metadata import MANAGED
from smartstore_operator.runtime.api_server import ApiError, ApiServer
from smartstore_operator.runtime.data_plane import DataPlane
from smartstore_operator.runtime.events import record
from smartstore_operator.runtime.health import CANARY, Health, serve_health, sing
from smartstore_operator.runtime.lease import Leadership, Terms
from smartstore_operator.runtime.logs import reconcile_id
from smartstore_operator.runtime.settings import Settings
from smartstore_operator.runtime.telemetry import Telemetry
from smartstore_operator.runtime.versions import Watched
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
    health, telemetry = Health(), Telemetry()
    async with ApiServer.from_environment() as server, DataPlane() as data_plane:
        server.called = telemetry.called
        page = await serve_health(settings.health_port, health, telemetry)
        try:
            operator = _Operator(server, data_plane, settings, health, telemetry)
            await Leadership(server, terms).run(lambda: operator.act(stop), stop)
        finally:
            await page.cleanup()


class _Operator:
    """What acts while the Lease is held."""

    def __init__(
        self,
        server: ApiServer,
        data_plane: DataPlane,
        settings: Settings,
        health: Health,
        telemetry: Telemetry,
    ) -> None:
        self._server, self._settings = server, settings
        self._health, self._telemetry = health, telemetry
        self._reconciler = Reconciler(server, settings.images, _now, data_plane.served)
        self._queue = WorkQueue[Name](self._work, settings.workers, (ApiError, httpx.HTTPError))
        self._watched = Watched[Name](settings.resync_seconds)
        self._passes = itertools.count(1)

    async def act(self, stop: asyncio.Event) -> None:
        """Until `stop` is set or something that must not end ends."""
        self._telemetry.leader.set(1)
        self._telemetry.follow(self._queue)
        canary_place = self._settings.namespaces[0] if self._settings.namespaces else self._settings.namespace
        tasks = [
            asyncio.create_task(self._watch(stop)),
            asyncio.create_task(self._queue.run()),
            asyncio.create_task(sing(self._server, canary_place, self._health)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _work(self, name: Name) -> float | None:
        if self._watched.is_settled(name):
            return self._settings.resync_seconds
        place = "/".join(name)
        before = self._watched.now(name)
        reconcile_id.set(f"{place}#{next(self._passes)}")
        live = await self._server.get("SmartStore", *name)
        if live is None:
            self._telemetry.gone(name)
            self._watched.forget(name)
            return None
        try:
            with self._telemetry.reconciling():
                report = await self._reconciler.reconcile(live)
        except ApiError as error:
            if error.is_ending:
                return None
            raise
        self._telemetry.reported(name, report)
        if report.applied or report.deleted:
            log.info("%s: applied %d, deleted %d objects", place, len(report.applied), len(report.deleted))
        await self._tell(live, report)
        if report.is_settled:
            self._watched.settled(name, before)
        resync = self._settings.resync_seconds
        if report.opening is not None:
            until = (report.opening - datetime.now(UTC)).total_seconds()
            return min(max(until, 1.0), resync)
        return resync if report.is_settled else min(_PROGRESS_SECONDS, resync)

    async def _tell(self, live: dict[str, Any], report: Report) -> None:
        """Turns as Events, for whoever looks at the SmartStore."""
        turns: list[tuple[Literal["Normal", "Warning"], str, str]] = []
        for what, fields in report.drifted.items():
            changed = f"{what} differed in {', '.join(fields)}, taken back"
            log.warning("%s/%s: %s", live["metadata"]["namespace"], live["metadata"]["name"], changed)
            turns.append(("Warning", Reason.DRIFT_CORRECTED, changed))
        if (ready := report.turned) is not None:
            kind: Literal["Normal", "Warning"] = "Normal" if ready["status"] == "True" else "Warning"
            turns.append((kind, ready["reason"], ready["message"] or ready["reason"]))
        for turn in turns:
            try:
                await record(self._server, live, *turn)
            except ApiError as error:  # whatever was done is done
                if not error.is_ending:
                    log.warning("an Event was not written: %s", error)

    async def _watch(self, stop: asyncio.Event) -> None:
        registry = kopf.OperatorRegistry()
        kopf_settings = kopf.OperatorSettings()
        kopf_settings.posting.enabled = False
        kopf_settings.watching.server_timeout = _WATCH_SECONDS
        kopf_settings.watching.client_timeout = _CLIENT_SECONDS
        kopf_settings.scanning.disabled = bool(self._settings.namespaces)

        @kopf.on.login(registry=registry)
        def _log_in(**arguments: Any) -> Any:
            return kopf.login_via_client(**arguments)

        # coroutines: kopf runs plain functions in threads, and the queue belongs to the loop
        @kopf.on.event(GROUP, VERSION, "smartstores", registry=registry)
        async def _smartstore(**event: Any) -> None:
            self._heard("SmartStore", event["name"], event)

        labels: dict[str, Any] = {**MANAGED, ESTATE_LABEL: kopf.PRESENT}
        for kind in CHILDREN:
            group, _, version = KINDS[kind][0].rpartition("/")

            async def _child(kind: str = kind, **event: Any) -> None:
                self._heard(kind, event["labels"][ESTATE_LABEL], event)

            kopf.on.event(group, version, KINDS[kind][1], labels=labels, registry=registry)(_child)
        await kopf.operator(
            registry=registry,
            settings=kopf_settings,
            standalone=True,
            clusterwide=not self._settings.namespaces,
            namespaces=self._settings.namespaces,
            stop_flag=stop,
        )

    def _heard(self, kind: str, estate: str, event: dict[str, Any]) -> None:
        """An object of the SmartStore `estate`, or itself, has changed or is told of for the first time."""
        self._telemetry.events.labels(kind).inc()
        if event["name"] == CANARY:
            self._health.heard()
            return
        name = event["namespace"], estate
        is_gone = event["type"] == "DELETED"
        version = None if is_gone else event["body"]["metadata"]["resourceVersion"]
        self._watched.told(name, kind, event["name"], version)
        if is_gone and kind == "SmartStore":
            self._queue.forget(name)
        self._queue.add(name, can_wait=event["type"] is None)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
