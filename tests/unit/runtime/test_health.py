"""Liveness by the canary, the page that tells it, and the log."""

import asyncio
import json
import logging

import httpx
import pytest

from smartstore_operator.runtime.health import Health, serve_health
from smartstore_operator.runtime.logs import JsonFormatter, reconcile_id
from smartstore_operator.runtime.telemetry import Telemetry

pytestmark = pytest.mark.unit


def test_an_operator_that_hears_its_canary_is_alive_and_a_deaf_one_is_not() -> None:
    moments = iter((0.0, 119.0, 121.0))  # of the first one, and of two looks
    health = Health(_clock=lambda: next(moments))
    assert health.is_alive  # it waits for the Lease and sings nothing
    health.sung()
    health.sung()  # the next one does not make up for the one that was not heard
    alive = [health.is_alive, health.is_alive]
    assert alive == [True, False]
    health.heard()
    assert health.is_alive


def test_the_page_tells_health_and_metrics() -> None:
    async def run() -> None:
        health, telemetry = Health(_clock=lambda: 0.0), Telemetry()
        telemetry.called("GET", "200")
        page = await serve_health(0, health, telemetry)
        try:
            port = next(address[1] for address in page.addresses if ":" not in address[0])
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                assert (await client.get("/healthz")).status_code == 200
                assert (await client.get("/readyz")).status_code == 200
                text = (await client.get("/metrics")).text
                assert 'smartstore_operator_api_calls_total{code="200",verb="GET"} 1.0' in text
                health._clock = lambda: 500.0
                health._sung = 1.0
                assert (await client.get("/healthz")).status_code == 503
        finally:
            await page.cleanup()

    asyncio.run(run())


def test_a_line_of_the_log_names_its_pass() -> None:
    record = logging.LogRecord("a.b", logging.WARNING, "", 1, "hello %s", ("you",), None)
    token = reconcile_id.set("shops/demo#7")
    try:
        content = json.loads(JsonFormatter().format(record))
    finally:
        reconcile_id.reset(token)
    assert content.pop("time").endswith("+00:00")
    assert content == {
        "level": "warning",
        "logger": "a.b",
        "message": "hello you",
        "reconcile": "shops/demo#7",
    }
