"""What is measured, and how. Every function returns figures and verify's verdict."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.decisions import Decisions
from tests.bench.emission import percentiles
from tests.bench.lake import ages, files_by_table
from tests.bench.latency import Latency
from tests.estate import SMARTSTORE, Estate, running, spec, wait_until

Figures = dict[str, Any]

_RECORDS = "smartstore_application_records_total"
_ENTRIES = "smartstore_bridge_entries_total"
_SETTLED_SECONDS = 30
"""Longer than any micro-batch: then a counter that stands still has nothing left to count."""


def start_up(directory: Path) -> Figures:
    """Warm start on a fresh data directory: seconds to everything ready, and to the first alert on screen."""
    command = [SMARTSTORE, "up", "--for", "110", "--verify", "--data-dir", str(directory / "data")]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {
        "ready_seconds": _seconds(out, "everything is ready after"),
        "first_alert_seconds": _seconds(out, "first alert after"),
        "verify": "clean",  # any other verdict is an exit code that ends the measurement
    }


def _seconds(out: str, words: str) -> float | None:
    for line in out.splitlines():
        _, found, rest = line.partition(words)
        if found:
            return float(rest.split()[0])
    return None


def sustained(directory: Path, warm: float = 150, measure: float = 120) -> Figures:
    """Events per second through the whole loop. The clock is held by `maxLead`, so no backlog hides in the figure.

    Except one: the clock does not wait for Postgres, so what Connect has still to write is stated before and after.
    """
    resource = spec("sustained", speed=0, maxLead=8, tick="5m", startHour=15, replay={"multiplier": 4000})
    with running(resource, directory) as estate:
        wait_until("the first events", lambda: estate.events() > 5_000, 240)
        time.sleep(warm)
        unserved = estate.serving_lag()
        before, start = estate.events(), time.monotonic()
        time.sleep(measure)
        after, seconds = estate.events(), time.monotonic() - start
        status = estate.status()
        return {
            "events_per_second": round((after - before) / seconds),
            "serving_lag_records": [unserved, estate.serving_lag()],
            "rss_bytes": status["rss_bytes"],
            "rss_bytes_by_process": {row["name"]: row["rss_bytes"] for row in status["components"]},
            "verify": estate.verify(),
        }


def latency(directory: Path, rate: int) -> Figures:
    """Event → Postgres at about `rate` events/s: seconds from the event's moment to its state being visible in SQL.

    A tick every half second, at a speed that keeps the measurement within busy hours of one day.
    """
    speed, warm, measure = (60, 60, 60) if rate <= 1000 else (240, 20, 40)
    # From 15:00 UTC on the five stores give about 0.125 events/s at 60×, without multiplier; at 240× the measurement
    # reaches into the evening, when they give about 0.23.
    multiplier = max(1, round(rate / (0.125 if rate <= 1000 else 0.23) * 60 / speed))
    resource = spec(
        "latency",
        speed=speed,
        tick=f"{speed // 2}s",
        maxLead=1000,
        startHour=15,
        replay={"multiplier": multiplier},
    )
    with running(resource, directory) as estate:
        wait_until("the first events", lambda: estate.events() > rate, 240)
        time.sleep(warm)
        wait_until("the end of the start-up's backlog", lambda: estate.lag() < 2 * rate, 60)
        before, start = estate.events(), time.monotonic()
        percentiles = Latency(estate, float(speed)).run(measure)
        achieved = (estate.events() - before) / (time.monotonic() - start)
        return {
            "wanted_rate": rate,
            "events_per_second": round(achieved),
            "lag_records": estate.lag(),
            **percentiles,
            "verify": estate.verify(),
        }


def catch_up(directory: Path, backlog: int) -> Figures:
    """Records per second from a Kafka backlog to durable state and back to Kafka.

    `with_connect`: the bridge, Kafka Connect and Postgres take their share meanwhile; `alone`: they are held.
    """
    resource = spec("catch-up", speed=0, maxLead=100000, tick="5m", startHour=15, replay={"multiplier": 4000})
    with running(resource, directory) as estate:
        wait_until("a warm application", lambda: estate.events() > 900_000, 300)
        figures: Figures = {"backlog_events": backlog}
        for name, held in (("with_connect", ("world",)), ("alone", ("world", "bridge", "connect"))):
            with estate.frozen("hot"):
                start = estate.events()
                wait_until("the backlog", lambda start=start: estate.events() - start > backlog, 300)
                holding = estate.frozen(*held)
                holding.__enter__()
            figures[name] = _drain(lambda: estate.metric("hot", _RECORDS))
            holding.__exit__(None, None, None)
        with estate.frozen("world"):
            wait_until("a clean verdict", lambda: estate.verify() == "clean", 400)
        return {**figures, "verify": "clean"}


def bridge(directory: Path, fill: float = 40) -> Figures:
    """Records per second from Redis to Kafka: what gathers in `fill` seconds while the bridge is held, then drained."""
    resource = spec("bridge", speed=0, maxLead=100000, tick="5m", startHour=15, replay={"multiplier": 4000})
    with running(resource, directory) as estate:
        wait_until("a warm bridge", lambda: estate.events() > 200_000, 300)
        with estate.frozen("bridge"):
            time.sleep(fill)
            holding = estate.frozen("world", "hot", "connect")
            holding.__enter__()
        rate = _drain(lambda: estate.metric("bridge", _ENTRIES, outcome="forwarded"))
        holding.__exit__(None, None, None)
        with estate.frozen("world"):
            wait_until("a clean verdict", lambda: estate.verify() == "clean", 400)
        return {"records_per_second": rate, "verify": "clean"}


def closed_loop(directory: Path, warm: float = 60, measure: float = 60) -> Figures:
    """Three whole simulated stores, all jobs and the lake: how fast it can go, then its delays at 600×."""
    source: dict[str, Any] = {"type": "Simulation", "startHour": 9, "tick": "5m", "maxLead": 5}
    resource = spec("closed-loop", stores=3, lake=True, speed=0, **source)
    with running(resource, directory / "fast") as estate:
        wait_until("the first events", lambda: estate.events() > 5_000, 240)
        time.sleep(warm)
        records, moment, start = estate.records(), estate.simulated(), time.monotonic()
        time.sleep(measure)
        seconds = time.monotonic() - start
        figures = {
            "records_per_second": round((estate.records() - records) / seconds),
            "speed": round((estate.simulated() - moment) / seconds),
            "rss_bytes": estate.status()["rss_bytes"],
            "verify": estate.verify(),
        }
    resource = spec("delays", stores=3, lake=True, speed=600, **source)
    with running(resource, directory / "steady") as estate:
        wait_until("the first events", lambda: estate.events() > 2_000, 240)
        time.sleep(warm)
        delays = Decisions(estate, speed=600.0).run(measure * 2)
        return {
            **figures,
            **delays,
            "kafka_to_lake": percentiles(ages(estate.tables)),
            "verify": figures["verify"] if figures["verify"] != "clean" else estate.verify(),
        }


def many_stores(directory: Path, stores: int = 50, speed: int = 60, measure: float = 180) -> Figures:
    """Whole simulated stores at a real-time multiple: does the loop keep up, and what does it take?"""
    source: dict[str, Any] = {"type": "Simulation", "startHour": 9, "tick": "5m"}
    resource = spec("many", stores=stores, lake=True, speed=speed, **source)
    with running(resource, directory) as estate:
        wait_until("the first events", lambda: estate.events() > 5_000, 600)
        time.sleep(120)
        moment, records, start = estate.simulated(), estate.records(), time.monotonic()
        used = estate.cpu_seconds()
        time.sleep(measure)
        seconds, status = time.monotonic() - start, estate.status()
        return {
            "stores": stores,
            "speed": round((estate.simulated() - moment) / seconds, 1),
            "records_per_second": round((estate.records() - records) / seconds),
            "lag_records": estate.lag(),
            "cores": round((estate.cpu_seconds() - used) / seconds, 2),
            "rss_bytes": status["rss_bytes"],
            "rss_bytes_by_process": {row["name"]: row["rss_bytes"] for row in status["components"]},
            "verify": estate.verify(),
        }


def idle_stores(directory: Path, stores: int = 200, settle: float = 90) -> Figures:
    """What one more store costs that only lives through its ticks (one a second, so three hundred times its usual)."""
    resource = spec("idle", stores=1, type="External", tick="1s")
    with running(resource, directory) as estate:
        time.sleep(settle)
        one = _cost(estate, settle)
        estate.scale(1 + stores)
        time.sleep(settle)
        many = _cost(estate, settle)
        return {
            "stores": stores,
            "processes": many["processes"] - one["processes"],
            "bytes_per_store": round((many["rss_bytes"] - one["rss_bytes"]) / stores),
            "cores_before": round(one["cores"], 2),
            "cores_with_them": round(many["cores"], 2),
            "verify": estate.verify(),
        }


def lake_hour(directory: Path, hours: float = 1.0) -> Figures:
    """Files per table after an hour of three stores at 60×."""
    source: dict[str, Any] = {"type": "Simulation", "startHour": 8, "tick": "5m"}
    with running(spec("hour", stores=3, lake=True, speed=60, **source), directory) as estate:
        time.sleep(hours * 3600)
        return {
            "hours": hours,
            "files": files_by_table(estate.tables),
            "kafka_to_lake": percentiles(ages(estate.tables)),
            "rss_bytes": estate.status()["rss_bytes"],
            "verify": estate.verify(),
        }


def _cost(estate: Estate, seconds: float) -> Figures:
    used, start = estate.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    cores = (estate.cpu_seconds() - used) / (time.monotonic() - start)
    return {
        "cores": cores,
        "rss_bytes": estate.status()["rss_bytes"],
        "processes": len(estate.processes()),
    }


def _drain(read: Callable[[], float]) -> int:
    """Records per second while a backlog is read, from the first step of the counter on to its last one."""
    before = read()
    wait_until("the first step", lambda: read() > before, 120)
    first, start = read(), time.monotonic()
    last, seconds = first, 0.0
    while time.monotonic() - start < 120 and time.monotonic() - start - seconds < _SETTLED_SECONDS:
        time.sleep(0.1)
        now = read()
        if now > last:
            last, seconds = now, time.monotonic() - start
    return round((last - first) / seconds) if seconds else 0
