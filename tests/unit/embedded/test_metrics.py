"""Reading Prometheus' text format."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from smartstore_operator.embedded import metrics


def test_reads_what_the_client_library_writes() -> None:
    registry = CollectorRegistry()
    Counter("events", "Events", ["job"], registry=registry).labels('odd "name", {x}').inc(3)
    Gauge("lag", "Lag", registry=registry).set(1.5e9)
    samples = metrics.parse(generate_latest(registry).decode())
    assert metrics.value(samples, "lag") == 1.5e9
    assert metrics.total(samples, "events_total") == 3
    assert metrics.total(samples, "nothing") is None
    assert [labels["job"] for labels in metrics.labels_of(samples, "events_total")] == [r"odd \"name\", {x}"]


def test_dead_page_is_empty() -> None:
    assert metrics.scrape("http://127.0.0.1:1/metrics") == {}
