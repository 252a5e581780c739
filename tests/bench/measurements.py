"""What is measured, and how. Every function returns figures and verify's verdict."""

import subprocess
import time
from pathlib import Path
from typing import Any

from tests.bench.latency import Latency
from tests.estate import SMARTSTORE, Estate, running, spec, wait_until

Figures = dict[str, Any]


def start_up(directory: Path) -> Figures:
    """Warm start on a fresh data directory: seconds to everything ready, and to the first alert on screen."""
    command = [SMARTSTORE, "up", "--for", "50", "--verify", "--data-dir", str(directory / "data")]
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


def sustained(directory: Path, warm: float = 45, measure: float = 60) -> Figures:
    """Events per second through the whole loop. The clock is held by `maxLead`, so no backlog hides in the figure."""
    resource = spec("sustained", speed=0, maxLead=8, tick="5m", startHour=15, replay={"multiplier": 4000})
    with running(resource, directory) as estate:
        wait_until("the first events", lambda: estate.events() > 5_000, 240)
        time.sleep(warm)
        before, start = estate.events(), time.monotonic()
        time.sleep(measure)
        after, seconds = estate.events(), time.monotonic() - start
        status = estate.status()
        return {
            "events_per_second": round((after - before) / seconds),
            "rss_bytes": status["rss_bytes"],
            "rss_bytes_by_process": {row["name"]: row["rss_bytes"] for row in status["components"]},
            "verify": estate.verify(),
        }


def latency(directory: Path, rate: int, measure: float = 40) -> Figures:
    """Event → Postgres at about `rate` events/s: seconds from the event's moment to its state being visible in SQL."""
    # In their afternoon the five stores give about 1.75 events/s at 600×, without multiplier.
    multiplier = max(1, round(rate / 1.75))
    resource = spec(
        "latency", speed=600, tick="5m", maxLead=1000, startHour=16, replay={"multiplier": multiplier}
    )
    with running(resource, directory) as estate:
        wait_until("the first events", lambda: estate.events() > rate, 240)
        time.sleep(30)
        before, start = estate.events(), time.monotonic()
        percentiles = Latency(estate, speed=600.0).run(measure)
        achieved = (estate.events() - before) / (time.monotonic() - start)
        return {
            "wanted_rate": rate,
            "events_per_second": round(achieved),
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
            figures[name] = _drain(estate)
            holding.__exit__(None, None, None)
        with estate.frozen("world"):
            wait_until("a clean verdict", lambda: estate.verify() == "clean", 400)
        return {**figures, "verify": "clean"}


def _drain(estate: Estate) -> int:
    """Records per second while the application reads the backlog, from its first finished micro-batch on."""
    name = "smartstore_application_records_total"
    before = estate.metric("hot", name)
    wait_until("a batch", lambda: estate.metric("hot", name) > before, 120)
    first, start = estate.metric("hot", name), time.monotonic()
    last, seconds = first, 0.0
    while time.monotonic() - start < 120:
        time.sleep(0.1)
        now = estate.metric("hot", name)
        if now > last:
            last, seconds = now, time.monotonic() - start
        elif estate.lag() == 0 and time.monotonic() - start - seconds > 5:
            break
    return round((last - first) / seconds) if seconds else 0
