"""What the processes of a SmartStore say of themselves, over the network that the cluster's pods share."""

import logging

import httpx

from smartstore_operator.embedded.metrics import parse, value
from smartstore_operator.render.dataplane import metrics_port
from smartstore_operator.render.platform import Platform

log = logging.getLogger(__name__)

_SECONDS = 2.0


class DataPlane:
    """Asks the metrics pages of components; use as an async context manager."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(timeout=_SECONDS, trust_env=False)

    async def __aenter__(self) -> "DataPlane":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def served(self, platform: Platform) -> int | None:
        """How many stores are open, as the source says; None if it does not answer."""
        try:
            answer = await self._client.get(f"http://{platform.address(metrics_port('world'))}/metrics")
            answer.raise_for_status()
        except httpx.HTTPError as error:
            log.info("the number of open stores is not known: %s", str(error) or type(error).__name__)
            return None
        stores = value(parse(answer.text), "smartstore_world_stores")
        return None if stores is None else int(stores)
