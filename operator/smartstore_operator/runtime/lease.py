"""Which of several operators acts: the one that holds the Lease.

The rules are those of client-go's leader election: whoever does not hold the Lease takes it when it has not changed for
its duration, by the own clock, since clocks of machines differ; whoever holds it stops acting well before that.
https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from smartstore_operator.runtime.api_server import ApiError, ApiServer

log = logging.getLogger(__name__)

KIND = "Lease"


class LeadershipLost(Exception):
    """Another operator may act now; the process must end and begin anew."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """`seconds`: how long nobody acts at most after the acting operator has died.

    The Lease lasts seven tenths of them, since others look for it only every so often; its holder gives up before.
    """

    namespace: str
    name: str = "smartstore-operator"
    identity: str
    """Unique among the operators."""
    seconds: int = 15

    @property
    def pause(self) -> float:
        """Seconds between two looks."""
        return self.seconds / 10

    @property
    def short_pause(self) -> float:
        """Seconds until the next look after one that has failed: of these several fit into the patience."""
        return self.pause / 5

    @property
    def patience(self) -> float:
        """Seconds after which the holder gives up a Lease that it cannot renew."""
        return self.duration * 0.7

    @property
    def duration(self) -> int:
        """Seconds until a Lease that is not renewed is free; a Lease has whole ones."""
        return int(self.seconds * 0.7)


class Leadership:
    """Waits for the Lease, then acts while it holds it."""

    def __init__(self, server: ApiServer, terms: Terms) -> None:
        self._server, self._terms = server, terms
        self._seen: dict[str, Any] = {}
        self._seen_at = 0.0

    async def run(self, act: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
        """Run `act` once the Lease is ours, until it returns or `stop` is set; then the Lease is given back.

        Raises:
            LeadershipLost: it could not be renewed in time; `act` has been cancelled.
        """
        while not await self._try():
            if await _set_within(stop, self._terms.pause):
                return
        log.info("leading as %s", self._terms.identity)
        acting = asyncio.ensure_future(act())
        try:
            await self._hold(acting)
        finally:
            acting.cancel()
            await asyncio.gather(acting, return_exceptions=True)
        await self._give_back()
        acting.result()

    async def _hold(self, acting: "asyncio.Future[None]") -> None:
        clock = asyncio.get_running_loop()
        renewed = clock.time()
        patience, held = self._terms.patience, True
        while not acting.done():
            await asyncio.wait({acting}, timeout=self._terms.pause if held else self._terms.short_pause)
            try:
                async with asyncio.timeout_at(renewed + patience):
                    held = await self._try()
            except TimeoutError:
                held = False
            is_taken = self._holder not in ("", self._terms.identity)
            if held:
                renewed = clock.time()
            elif is_taken:
                raise LeadershipLost(f"the Lease is held by {self._holder}")
            elif clock.time() - renewed >= patience:
                raise LeadershipLost(f"the Lease could not be renewed for {patience:g} s")

    @property
    def _holder(self) -> str:
        return str(self._seen.get("spec", {}).get("holderIdentity") or "")

    async def _try(self) -> bool:
        """Take or renew the Lease; whether it is ours now."""
        try:
            live = await self._server.get(KIND, self._terms.namespace, self._terms.name)
            now = asyncio.get_running_loop().time()
            if live is not None and live.get("spec") != self._seen.get("spec"):
                self._seen, self._seen_at = live, now
            waits_for = self._seen.get("spec", {}).get("leaseDurationSeconds") or self._terms.duration
            is_free = live is None or not self._holder or now - self._seen_at > waits_for
            if not is_free and self._holder != self._terms.identity:
                return False
            self._seen = await self._write(live, self._terms.identity)
            self._seen_at = now
        except ApiError as error:
            log.warning("the Lease cannot be renewed: %s", error)
            return False
        return True

    async def _write(self, live: dict[str, Any] | None, holder: str) -> dict[str, Any]:
        """Create or replace it; refused if somebody was faster."""
        before = (live or {}).get("spec", {})
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        took_over = before.get("holderIdentity") != holder
        spec = {
            "holderIdentity": holder,
            "leaseDurationSeconds": self._terms.duration,
            "acquireTime": stamp if took_over else before.get("acquireTime", stamp),
            "renewTime": stamp,
            "leaseTransitions": before.get("leaseTransitions", 0)
            + (1 if live is not None and took_over else 0),
        }
        metadata = {"name": self._terms.name, "namespace": self._terms.namespace}
        if live is not None:
            metadata["resourceVersion"] = live["metadata"]["resourceVersion"]
        manifest = {"apiVersion": "coordination.k8s.io/v1", "kind": KIND, "metadata": metadata, "spec": spec}
        return await (self._server.create(manifest) if live is None else self._server.replace(manifest))

    async def _give_back(self) -> None:
        """So that the next one need not wait."""
        try:
            live = await self._server.get(KIND, self._terms.namespace, self._terms.name)
            if live is not None and live["spec"].get("holderIdentity") == self._terms.identity:
                await self._write(live, "")
        except ApiError as error:
            log.warning("the Lease was not given back: %s", error)


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
