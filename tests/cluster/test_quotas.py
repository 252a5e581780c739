"""A namespace whose quota has no room for a SmartStore: said before anything is made, and gone when there is room."""

from typing import Any

import pytest

from tests.cluster.estate import Estate, with_estate

pytestmark = pytest.mark.cluster


async def _allow(estate: Estate, **hard: str) -> None:
    meta = {"name": "shops", "namespace": estate.namespace}
    spec: dict[str, Any] = {"hard": {name.replace("_", "."): amount for name, amount in hard.items()}}
    await estate.server.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": spec})


def test_what_has_no_room_is_told_and_comes_with_it(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        await _allow(estate, requests_memory="1Gi", pods="40")
        await estate.apply()
        report = await estate.reconcile()
        assert (report.ready, report.applied) == (False, [])
        told = await estate.condition()
        assert told["reason"] == "InvalidSpec"
        assert (
            "the quota shops of the namespace allows requests.memory 1Gi, this SmartStore needs"
            in told["message"]
        )
        await _allow(estate, requests_memory="64Gi", pods="40")
        await estate.until_ready()

    with_estate(namespace, work)
