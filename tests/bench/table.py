"""The README's table of figures, from build/bench.json."""

import re
from collections.abc import Callable
from typing import Any

BUDGETS: dict[str, float] = {
    "first_alert_seconds": 60,
    "rss_bytes": 5_000_000_000,
    "sustained": 8_000,
    "stage": 35_000,
    "catch_up": 18_800,
    "p95_at_1000": 2.0,
    "bytes_per_idle_store": 2_000_000,
}
"""What must be reached; docs/measurements.md says where each comes from."""

Figures = dict[str, Any]
Row = tuple[str, str, str]
"""What was measured, the figure, its budget."""


def renewed(text: str, results: Figures) -> str:
    """The README with its table of figures renewed.

    `results`: what build/bench.json holds; what was not measured has no row.
    """
    rows = ["| what | measured | budget | verify |", "| --- | --- | --- | --- |"]
    for name, rows_of in _ROWS.items():
        if name in results:
            verdict = results[name]["verify"]
            rows += [
                f"| {what} | {figure} | {budget} | {verdict} |"
                for what, figure, budget in rows_of(results[name])
            ]
    speeds = [results[name]["reference_seconds"] for name in _ROWS if name in results]
    speed = f" 20 million additions in Python took {min(speeds)}–{max(speeds)} s." if speeds else ""
    body = f"## Figures\n\nBy `make bench` on {results['machine']}.{speed}\n\n" + "\n".join(rows)
    return between(text, "bench", body)


def between(text: str, mark: str, body: str) -> str:
    """A page with another body between its two comments of that name."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    return re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{body}\n{end}", text, flags=re.S)


def _start_up(one: Figures) -> list[Row]:
    return [("warm start to first alert", f"{one['first_alert_seconds']} s", "60 s")]


def _sustained(one: Figures) -> list[Row]:
    return [
        (
            "sustained events through the whole loop",
            f"{one['events_per_second']:,}/s",
            f"{BUDGETS['sustained']:,}/s",
        ),
        ("resident memory, all processes, under that load", _gigabytes(one["rss_bytes"]), "5 GB"),
    ]


def _latency(one: Figures) -> list[Row]:
    what = f"event → Postgres at {one['events_per_second']:,}/s, p50 / p95 / p99"
    return [(what, _percentiles(one), "2 s p95" if one["wanted_rate"] == 1000 else "")]


def _catch_up(one: Figures) -> list[Row]:
    return [
        (
            "catch-up from a backlog, Connect beside it",
            f"{one['with_connect']:,}/s",
            f"{BUDGETS['catch_up']:,}/s",
        ),
        ("Kafka → durable state → Kafka alone", f"{one['alone']:,}/s", f"{BUDGETS['stage']:,}/s"),
    ]


def _bridge(one: Figures) -> list[Row]:
    return [("Redis → Kafka, the bridge draining a backlog", f"{one['records_per_second']:,}/s", "")]


def _closed_loop(one: Figures) -> list[Row]:
    return [
        (
            "closed loop: three whole stores, all jobs and the lake",
            f"{one['records_per_second']:,} records/s, ×{one['speed']:,}",
            "",
        ),
        ("resident memory meanwhile", _gigabytes(one["rss_bytes"]), "5 GB"),
        (
            "the same at ×600: event → alert in Postgres, p50 / p95 / p99",
            _percentiles(one["event_to_alert"]),
            "",
        ),
        ("alert → its restock plan in Postgres, p50 / p95 / p99", _percentiles(one["alert_to_plan"]), ""),
        ("record in Kafka → readable in the lake, p50 / p95 / p99", _percentiles(one["kafka_to_lake"]), ""),
    ]


def _many_stores(one: Figures) -> list[Row]:
    what = f"{one['stores']} whole stores at ×60, lake too"
    figure = f"×{one['speed']}, {one['records_per_second']:,} records/s, {one['cores']} cores"
    return [(what, f"{figure}, {_gigabytes(one['rss_bytes'])}", "×60, 5 GB")]


def _idle_stores(one: Figures) -> list[Row]:
    what = f"one more idle store, of {one['stores']}"
    return [(what, f"{one['bytes_per_store'] / 1e6:.2f} MB, {one['processes']} processes", "2 MB, none")]


def _lake_hour(one: Figures) -> list[Row]:
    counts = one["files"].values()
    figure = f"{sum(counts)} in {len(counts)} tables, {max(counts)} at most"
    return [("data files after an hour of three stores at ×60", figure, "")]


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"


def _percentiles(one: Figures) -> str:
    return f"{one['p50']} / {one['p95']} / {one['p99']} s"


_ROWS: dict[str, Callable[[Figures], list[Row]]] = {
    "start_up": _start_up,
    "sustained": _sustained,
    "latency_200": _latency,
    "latency_1000": _latency,
    "latency_5000": _latency,
    "catch_up": _catch_up,
    "bridge": _bridge,
    "closed_loop": _closed_loop,
    "many_stores": _many_stores,
    "idle_stores": _idle_stores,
    "lake_hour": _lake_hour,
}
