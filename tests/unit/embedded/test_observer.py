"""What the observer makes of metrics pages and alerts."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from smartstore_operator.embedded import metrics
from smartstore_operator.embedded.alerts import AlertRow, Alerts
from smartstore_operator.embedded.observer import Observer

HOT = """\
smartstore_application_records_total{{application="hot"}} {records}
smartstore_application_lag_records{{application="hot"}} 12
smartstore_application_last_batch_seconds{{application="hot"}} 0.4567
smartstore_job_events_total{{job="shelf-aggregator",application="hot"}} {events}
smartstore_job_tick_seconds{{job="shelf-aggregator",application="hot"}} 1510567200
"""
WORLD = "smartstore_world_simulated_time_seconds 1510567500\nsmartstore_world_speed_ratio 598.123\n"


def alert(number: int, minute: int) -> AlertRow:
    moment = datetime(2017, 11, 13, 7, minute, tzinfo=UTC)
    return AlertRow(f"a{number}", "s1", f"p{number}", "refill_request", "open", 3, 18, None, moment)


@pytest.fixture
def first() -> list[AlertRow]:
    return []


@pytest.fixture
def observer(first: list[AlertRow]) -> Observer:
    return Observer({}, "postgresql://127.0.0.1:1/none", first.append)


def look(observer: Observer, now: float, records: int, events: int) -> dict[str, Any]:
    pages = {"hot": metrics.parse(HOT.format(records=records, events=events)), "world": metrics.parse(WORLD)}
    return observer._interpret(pages, now)


def test_jobs_time_and_rate(observer: Observer) -> None:
    look(observer, 0.0, 1000, 500)
    seen = look(observer, 5.0, 2000, 900)
    assert seen["simulated_time"] == "2017-11-13T10:05:00Z"
    assert seen["speed"] == 598.1
    assert seen["events_per_second"] == 200.0
    (job,) = seen["jobs"]
    assert (job.name, job.application, job.events_total, job.lag) == ("shelf-aggregator", "hot", 900, 12)
    assert (job.tick, job.last_batch_seconds) == ("2017-11-13T10:00:00Z", 0.457)


def test_counts_go_on_when_the_application_starts_again(observer: Observer) -> None:
    look(observer, 0.0, 1000, 500)
    seen = look(observer, 5.0, 100, 50)
    (job,) = seen["jobs"]
    assert job.events_total == 550
    assert seen["events_per_second"] == 20.0


def test_what_is_away_keeps_its_last_values(observer: Observer) -> None:
    assert "jobs" not in observer._interpret({}, 0.0)
    assert "simulated_time" not in observer._interpret({}, 0.0)


def test_first_alert_of_a_fresh_system(observer: Observer, first: list[AlertRow]) -> None:
    observer._take_alerts(None)
    observer._take_alerts(Alerts({}, ()))
    assert not first
    observer._take_alerts(Alerts({"refill_request": 2}, (alert(2, 10), alert(1, 5))))
    observer._take_alerts(Alerts({"refill_request": 3}, (alert(3, 15), alert(2, 10), alert(1, 5))))
    assert [row.describe() for row in first] == ["refill_request s1/p1 3 of 18"]


def test_alerts_of_an_earlier_run_are_not_the_first(observer: Observer, first: list[AlertRow]) -> None:
    observer._take_alerts(Alerts({"refill_request": 1}, (alert(1, 5),)))
    assert not first
    observer._take_alerts(Alerts({"refill_request": 2}, (alert(2, 10), alert(1, 5))))
    assert [row.alert_id for row in first] == ["a2"]


def test_status_names_restarts_of_the_jobs_application(observer: Observer) -> None:
    observer.latest = replace(observer.latest, **look(observer, 0.0, 10, 5))
    (job,) = observer.status({"hot": 2})["jobs"]
    assert job == {
        "name": "shelf-aggregator",
        "application": "hot",
        "events_total": 5,
        "tick": "2017-11-13T10:00:00Z",
        "lag": 12,
        "last_batch_seconds": 0.457,
        "restarts": 2,
    }
