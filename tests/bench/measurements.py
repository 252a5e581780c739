"""What is measured, and how. Every function returns figures and verify's verdict."""

import subprocess
import time
from pathlib import Path
from typing import Any

from tests.bench.latency import Latency
from tests.estate import SMARTSTORE, Estate, running, spec, wait_until

Figures = dict[str, Any]


def start_up(directory: Path) -> Figures:
    """Warm start: seconds from the command to everything ready, and to the first alert on screen."""
    out = ""
    for _ in range(2):  # the first start fills caches
        command = [SMARTSTORE, "up", "--for", "60", "--data-dir", str(directory / "data")]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        subprocess.run([SMARTSTORE, "reset", "--yes", "--data-dir", str(directory / "data")], check=True)
    return {
        "ready_seconds": _seconds(out, "everything is ready after"),
        "first_alert_seconds": _seconds(out, "first alert after"),
    }


def _seconds(out: str, words: str) -> float | None:
    for line in out.splitlines():
        _, found, rest = line.partition(words)
        if found:
            return float(rest.split()[0])
    return None


def sustained(directory: Path, warm: float = 60, measure: float = 90) -> Figures:
    """Events per second through the whole loop. The clock is held by `maxLead`, so no backlog hides in the figure."""
    resource = spec("sustained", speed=0, maxLead=6, tick="5m", startHour=9, replay={"multiplier": 200})
    with running(resource, directory) as estate:
        wait_until("the first hour", lambda: estate.events() > 5_000, 240)
        time.sleep(warm)
        before, start = estate.events(), time.monotonic()
        time.sleep(measure)
        after, seconds = estate.events(), time.monotonic() - start
        status = estate.status()
        figures: Figures = {
            "events_per_second": round((after - before) / seconds),
            "rss_bytes": status["rss_bytes"],
            "rss_bytes_by_process": {row["name"]: row["rss_bytes"] for row in status["components"]},
            "verify": estate.verify(),
        }
    return figures


def latency(directory: Path, rate: int, measure: float = 60) -> Figures:
    """Event → Postgres at about `rate` events/s: seconds from the event's moment to its state being visible in SQL."""
    # Five stores give about 9 events/s in the day's busy hours at 600×, without multiplier.
    multiplier = max(1, round(rate / 9))
    resource = spec(
        "latency", speed=600, tick="5m", maxLead=1000, startHour=9, replay={"multiplier": multiplier}
    )
    with running(resource, directory) as estate:
        wait_until("the first events", lambda: estate.events() > rate, 240)
        wait_until("no backlog", lambda: estate.lag() < rate, 240)
        time.sleep(45)
        before, start = estate.events(), time.monotonic()
        probe = Latency(estate.data_dir, speed=600.0)
        percentiles = probe.run(measure)
        achieved = (estate.events() - before) / (time.monotonic() - start)
        return {
            "wanted_rate": rate,
            "events_per_second": round(achieved),
            **percentiles,
            "verify": estate.verify(),
        }


def catch_up(directory: Path, backlog: int, with_connect: bool) -> Figures:
    """Records per second from a Kafka backlog to state and back to Kafka; Connect runs beside it, or is held."""
    resource = spec("catch-up", speed=0, maxLead=100000, tick="5m", startHour=9, replay={"multiplier": 200})
    with running(resource, directory) as estate:
        wait_until("the first events", lambda: estate.events() > 200_000, 300)
        time.sleep(30)
        with estate.frozen("hot"):
            start = estate.events()
            wait_until("the backlog", lambda: estate.events() - start > backlog, 600)
            holding = estate.frozen("world") if with_connect else estate.frozen("world", "connect")
            holding.__enter__()
        seconds = _drain(estate)
        holding.__exit__(None, None, None)
        return {"backlog_events": backlog, "with_connect": with_connect, **seconds}


def _drain(estate: Estate) -> Figures:
    """Watch the application read the backlog; the first micro-batch after the pause is not counted."""
    records = estate.metric("hot", "smartstore_application_records_total")
    wait_until("a batch", lambda: estate.metric("hot", "smartstore_application_records_total") > records, 120)
    first, start = estate.metric("hot", "smartstore_application_records_total"), time.monotonic()
    wait_until("an empty backlog", lambda: estate.lag() == 0, 600)
    last, seconds = estate.metric("hot", "smartstore_application_records_total"), time.monotonic() - start
    return {"records_per_second": round((last - first) / seconds)}
