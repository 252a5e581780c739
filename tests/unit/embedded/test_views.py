"""What people see: figures, the summary line, the screen."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from rich.console import Console
from rich.layout import Layout

from smartstore_operator.cli import figures
from smartstore_operator.cli.lines import first_alert_text, summary
from smartstore_operator.cli.live import over_applications, screen
from smartstore_operator.embedded.alerts import AlertRow, Alerts
from smartstore_operator.embedded.observer import Job, Observation

STATUS: dict[str, Any] = {
    "ready": True,
    "stores": 5,
    "simulated_time": "2017-11-13T09:35:00Z",
    "speed": 598.2,
    "events_per_second": 1234.5,
    "open_alerts": {"near_expiry": 3, "refill_request": 17},
    "jobs": [{"name": "shelf-aggregator", "lag": 12, "last_batch_seconds": 0.456}],
    "rss_bytes": 2_100_000_000,
    "endpoints": {"kafka": "127.0.0.1:9092", "connect": "http://127.0.0.1:8083", "metrics": {}},
    "components": [
        {"name": "kafka", "state": "ready", "rss_bytes": 240_000_000, "restarts": 0},
        {"name": "hot", "state": "restarting", "rss_bytes": 0, "restarts": 2},
    ],
}
MOMENT = datetime(2017, 11, 13, 9, 30, tzinfo=UTC)
REFILL = AlertRow("a1", "s367", "P1082185", "refill_request", "open", 3, 18, None, MOMENT)
EXPIRY = AlertRow("a2", "s367", "P833025", "near_expiry", "open", 4, 6, date(2017, 11, 16), MOMENT)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (61, "1 min 01 s"), (3661, "1 h 01 min"), (90_000, "25 h 00 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert figures.duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (512_000_000, "512 MB"), (2_100_000_000, "2.1 GB")])
def test_memory(count: int, text: str) -> None:
    assert figures.memory(count) == text


def test_first_alert() -> None:
    assert first_alert_text(REFILL, 23.44) == "first alert after 23.4 s: refill_request s367/P1082185 3 of 18"
    assert (
        first_alert_text(EXPIRY, 1)
        == "first alert after 1.0 s: near_expiry s367/P833025 expires 2017-11-16, 4 of 6"
    )


def test_summary_line() -> None:
    assert summary(STATUS) == (
        "2017-11-13 09:35:00 ×598 · 1,234 events/s · lag 12 · batch 0.46 s · 3 near_expiry · 17 refill_request · 2.1 GB"
        " · hot restarting"
    )


def shown(frame: Layout) -> str:
    console = Console(width=100, height=30, color_system=None, force_terminal=True)
    with console.capture() as captured:
        console.print(frame)
    return captured.get()


def test_screen_fits_100_by_30_and_shows_what_matters() -> None:
    jobs = tuple(
        Job(
            name=name,
            application="hot",
            events_total=5504,
            tick="2017-11-13T09:30:00Z",
            lag=12,
            last_batch_seconds=0.4,
        )
        for name in ("shelf-aggregator", "batch-state-updater", "shelf-alert-engine")
    )
    seen = Observation(
        simulated_time="2017-11-13T09:35:00Z",
        speed=598.2,
        events_per_second=1234.5,
        jobs=jobs,
        alerts=Alerts({"refill_request": 17, "near_expiry": 3}, (REFILL, EXPIRY) * 7),
    )
    states = dict.fromkeys(
        ("kafka", "valkey", "postgres", "connect", "topics", "migrate", "connectors"), "ready"
    )
    states |= {"bridge": "ready", "hot": "restarting", "world": "starting"}
    text = shown(screen("replay", 83.0, STATUS, states, seen, ["first alert after 23.4 s"]))
    lines = text.splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 100
    for wanted in (
        "2017-11-13 09:35:00",
        "×598",
        "1,234",
        "17",
        "2.1 GB",
        "s367",
        "P1082185",
        "3/18",
        "expires 16 Nov",
    ):
        assert wanted in text
    for wanted in (
        "batch-state-updater",
        "5,504",
        "world",
        "restarting",
        "first alert after",
        "127.0.0.1:8083",
    ):
        assert wanted in text
    assert "…" not in text


def test_screen_before_anything_is_known() -> None:
    assert "kafka" in shown(screen("replay", 1.0, {}, {"kafka": "starting"}, Observation(), []))


def test_jobs_of_several_shards_are_one_line() -> None:
    def job(name: str, application: str, tick: str | None, lag: int | None) -> Job:
        return Job(
            name=name, application=application, events_total=10, tick=tick, lag=lag, last_batch_seconds=0.5
        )

    shared = [job("a", "hot-0", "2026-01-01T10:00:00Z", 3), job("a", "hot-1", "2026-01-01T09:00:00Z", 4)]
    (first, second) = over_applications([*shared, job("b", "hot-0", None, None)])
    assert (first.name, first.events_total, first.tick, first.lag) == ("a", 20, "2026-01-01T09:00:00Z", 7)
    assert (second.name, second.lag) == ("b", None)
