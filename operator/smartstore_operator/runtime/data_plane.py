"""What the processes of a SmartStore say of themselves, over the network that the cluster's pods share."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

import aiohttp

from smartstore_operator.embedded.metrics import Samples, labels_of, parse, total, value
from smartstore_operator.reconcile.sight import Application, Sight
from smartstore_operator.render.dataplane import metrics_port
from smartstore_operator.render.platform import Platform

log = logging.getLogger(__name__)

_SECONDS = 2.0
_TICK = "smartstore_job_tick_seconds"


class DataPlane:
    """Asks the metrics pages of components; use as an async context manager."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_SECONDS), raise_for_status=True
        )

    async def __aenter__(self) -> "DataPlane":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def look(self, platform: Platform, applications: Sequence[str]) -> Sight:
        """The source's stores, and what these applications say; those that do not answer are left out."""
        pages = await asyncio.gather(
            *(self._page(platform, component) for component in ("world", *applications))
        )
        stores = value(pages[0], "smartstore_world_stores")
        answers = zip(applications, pages[1:], strict=True)
        return Sight(
            stores=None if stores is None else int(stores),
            applications=tuple(_application(name, page) for name, page in answers if page),
        )

    async def _page(self, platform: Platform, component: str) -> Samples:
        page = f"http://{platform.address(metrics_port(component))}/metrics"
        try:
            async with self._session.get(page) as answer:
                return parse(await answer.text())
        except (aiohttp.ClientError, TimeoutError) as error:
            log.info("%s does not answer: %s", component, str(error) or type(error).__name__)
            return {}


def _application(name: str, page: Samples) -> Application:
    lag, batch = (
        total(page, f"smartstore_application_{what}") for what in ("lag_records", "last_batch_seconds")
    )
    return Application(
        name=name,
        lag_records=None if lag is None else int(lag),
        last_batch_seconds=None if batch is None else round(batch, 1),
        ticks={
            labels["job"]: _moment(value(page, _TICK, **labels) or 0)
            for labels in sorted(labels_of(page, _TICK), key=lambda labels: labels["job"])
        },
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
