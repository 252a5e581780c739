"""One look at Kafka Connect: put what differs, restart what failed, report."""

import logging
import time
from collections.abc import Callable, Mapping

from smartstore.contracts.derive.connectors import Config
from smartstore.serving.connectors.backoff import BackOff
from smartstore.serving.connectors.metrics import Metrics
from smartstore.serving.connectors.rest import ConnectClient, ConnectRefused, ConnectUnavailable, Status

log = logging.getLogger("smartstore.connectors")


class Supervisor:
    """Keeps the declared connectors as declared; connectors of others in the same group are left alone.

    Unless it `declares` them itself, somebody else makes and changes them, and it only restarts what failed.
    """

    def __init__(
        self,
        client: ConnectClient,
        declared: Mapping[str, Config],
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        *,
        declares: bool = True,
    ) -> None:
        self._client = client
        self._declared = declared
        self._metrics = metrics
        self._clock = clock
        self._declares = declares
        self._back_off = {name: BackOff() for name in declared}
        self._reported: dict[str, tuple[str, ...]] = {}
        self._available = True
        self.is_ready = False
        """Whether the last look found every connector and task running."""
        self.has_been_ready = False
        """Whether every connector and task has been seen running, once."""

    def look(self) -> None:
        """Reconcile once. Never raises for what passes by itself."""
        self.is_ready = self._look()
        if self.is_ready and not self.has_been_ready:
            log.info("all %d connectors are running", len(self._declared))
            self.has_been_ready = True

    def _look(self) -> bool:
        try:
            if self._declares:
                self._reconcile()
            ready = self._restart_failed()
        except ConnectUnavailable as error:
            if self._available:
                log.warning("%s; trying again", error)
            self._available = False
            return False
        if not self._available:
            log.info("Kafka Connect answers again")
        self._available = True
        return ready

    def _reconcile(self) -> None:
        existing = self._client.configurations()
        for name, config in self._declared.items():
            current = {key: value for key, value in existing.get(name, {}).items() if key != "name"}
            if current == config:
                continue
            try:
                self._client.put(name, config)
            except ConnectRefused as error:
                self._report(name, (str(error),))
                continue
            log.info("%s %s", "changed" if current else "created", name)

    def _restart_failed(self) -> bool:
        statuses = self._client.statuses()
        now = self._clock()
        for name in self._declared:
            status = statuses.get(name)
            failures = status.failures if status else ()
            self._metrics.task_failed.labels(name).set(len(failures))
            if failures:
                self._report(name, failures)
                self._restart(name, now)
            elif status and status.is_running and self._reported.pop(name, None):
                log.info("%s runs again", name)
        return all(_is_running(statuses.get(name)) for name in self._declared)

    def _restart(self, name: str, now: float) -> None:
        if not self._back_off[name].may_restart(now):
            return
        self._client.restart_failed(name)
        self._metrics.restarts.labels(name).inc()
        log.info("restarted %s; next try in %.0f s at the earliest", name, self._back_off[name].wait_seconds)

    def _report(self, name: str, failures: tuple[str, ...]) -> None:
        """Each new error once, not at every look."""
        if self._reported.get(name) != failures:
            for failure in failures:
                log.error("%s failed: %s", name, failure)
        self._reported[name] = failures


def _is_running(status: Status | None) -> bool:
    return status is not None and status.is_running
