"""The operator's process: the watches say what happens, the queue decides when to look, the reconciler does it."""

import asyncio
import itertools
import logging
import socket
import uuid
from datetime import UTC, datetime
from typing import Any, Literal

from smartstore_operator.api.reasons import Reason
from smartstore_operator.reconcile.reconciler import Reconciler, Report
from smartstore_operator.runtime.api_server import ApiError, ApiServer
from smartstore_operator.runtime.data_plane import DataPlane
from smartstore_operator.runtime.events import record
from smartstore_operator.runtime.health import CANARY, Health, serve_health, sing
from smartstore_operator.runtime.informer import Told
from smartstore_operator.runtime.lease import Leadership, Terms
from smartstore_operator.runtime.logs import reconcile_id
from smartstore_operator.runtime.settings import Settings
from smartstore_operator.runtime.telemetry import Telemetry
from smartstore_operator.runtime.versions import Watched
from smartstore_operator.runtime.watches import watch
from smartstore_operator.runtime.work_queue import WorkQueue

log = logging.getLogger(__name__)

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
    async with (
        ApiServer.from_environment() as server,
        ApiServer.from_environment() as server_of_lease,  # however much there is to do, the Lease does not wait
        DataPlane() as data_plane,
    ):
        server.called = server_of_lease.called = telemetry.called
        page = await serve_health(settings.health_port, health, telemetry)
        try:
            operator = _Operator(server, data_plane, settings, health, telemetry)
            await Leadership(server_of_lease, terms).run(lambda: operator.act(stop), stop)
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
        self._reconciler = Reconciler(server, settings.images, _now, data_plane.look)
        self._queue = WorkQueue[Name](self._work, settings.workers, (ApiError,))
        self._watched = Watched[Name](settings.resync_seconds)
        self._passes = itertools.count(1)

    async def act(self, stop: asyncio.Event) -> None:
        """Until `stop` is set or something that must not end ends."""
        self._telemetry.leader.set(1)
        self._telemetry.follow(self._queue)
        canary_place = self._settings.namespaces[0] if self._settings.namespaces else self._settings.namespace
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self._watch()),
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

    async def _watch(self) -> None:
        async with ApiServer.from_environment(connections=0) as server:
            server.called = self._telemetry.called
            await watch(server, self._settings.namespaces, self._heard, self._telemetry.watch_restarts.inc)

    async def _work(self, name: Name) -> float | None:
        if self._watched.is_settled(name):
            self._telemetry.settled()
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
            self._watched.settled(name, before, report.seen)
        resync = self._settings.resync_seconds
        if report.opening is not None:
            until = (report.opening - datetime.now(UTC)).total_seconds()
            return min(max(until, 1.0), resync)
        return resync if self._watched.is_settled(name) else min(_PROGRESS_SECONDS, resync)

    async def _tell(self, live: dict[str, Any], report: Report) -> None:
        """Turns as Events, for whoever looks at the SmartStore."""
        turns: list[tuple[Literal["Normal", "Warning"], str, str]] = []
        for what, fields in report.drifted.items():
            changed = f"{what} differed in {', '.join(fields)}, taken back"
            log.warning("%s/%s: %s", live["metadata"]["namespace"], live["metadata"]["name"], changed)
            turns.append(("Warning", Reason.DRIFT_CORRECTED, changed))
        for what, owners in report.taken.items():
            for owner, fields in owners.items():
                taken = f"{what}: {', '.join(fields)} applied by {owner}, taken over"
                log.warning("%s/%s: %s", live["metadata"]["namespace"], live["metadata"]["name"], taken)
                turns.append(("Warning", Reason.FIELDS_TAKEN_OVER, taken))
        if (ready := report.turned) is not None:
            kind: Literal["Normal", "Warning"] = "Normal" if ready["status"] == "True" else "Warning"
            turns.append((kind, ready["reason"], ready["message"] or ready["reason"]))
        for turn in turns:
            try:
                await record(self._server, live, *turn)
            except ApiError as error:  # whatever was done is done
                if not error.is_ending:
                    log.warning("an Event was not written: %s", error)

    def _heard(self, told: Told) -> None:
        """An object of a SmartStore, or itself, has changed or is told of for the first time."""
        self._telemetry.events.labels(told.kind).inc()
        if told.name == CANARY:
            self._health.heard()
            return
        name = told.namespace, told.estate
        self._watched.told(name, told.kind, told.name, told.version)
        if told.version is None and told.kind == "SmartStore":
            self._queue.forget(name)
        self._queue.add(name, can_wait=told.is_first)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
