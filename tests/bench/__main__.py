"""`make bench`: measure, print, write build/bench.json and the table in the README."""

import json
import platform
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tests.bench import measurements

ROOT = Path(__file__).resolve().parents[2]
BUDGETS = {
    "first_alert_seconds": 60,
    "rss_bytes": 5_000_000_000,
    "sustained": 8_000,
    "stage": 60_000,
    "catch_up": 25_000,
    "p95_at_1000": 2.0,
}


def main() -> None:
    """All measurements, or those named on the command line."""
    wanted = sys.argv[1:] or ["start_up", "sustained", "latency", "catch_up"]
    with tempfile.TemporaryDirectory(prefix="smartstore-bench-") as scratch:
        root = Path(scratch)
        results: dict[str, Any] = {"machine": machine(), "budgets": BUDGETS}
        if "start_up" in wanted:
            results["start_up"] = report("start_up", measurements.start_up(root / "start"))
        if "sustained" in wanted:
            results["sustained"] = report("sustained", measurements.sustained(root / "sustained"))
        if "latency" in wanted:
            results["latency"] = [
                report(f"latency at {rate}/s", measurements.latency(root / f"latency{rate}", rate))
                for rate in (200, 1000, 5000)
            ]
        if "catch_up" in wanted:
            results["catch_up"] = report("catch_up", measurements.catch_up(root / "catchup", 600_000))
    path = ROOT / "build" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    if path.exists():  # what was not measured now keeps its figure
        results = {**json.loads(path.read_text()), **results}
    path.write_text(json.dumps(results, indent=2) + "\n")
    readme = ROOT / "README.md"
    readme.write_text(with_table(readme.read_text(), results))
    print(f"written: {path}")


def machine() -> str:
    """Cores, memory, kernel: what the figures hold for."""
    memory = psutil.virtual_memory().total / 2**30
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {system}"


def reference_seconds() -> float:
    """Seconds for 20 million additions in Python, best of three: what the machine gave at that moment."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        total = 0
        for number in range(20_000_000):
            total += number
        seconds.append(time.perf_counter() - start)
    return round(min(seconds), 2)


def report(name: str, figures: dict[str, Any]) -> dict[str, Any]:
    """Print one measurement's figures, with the speed the machine had right after it."""
    figures["reference_seconds"] = reference_seconds()
    print(f"{name}: {json.dumps(figures)}", flush=True)
    return figures


def with_table(text: str, results: dict[str, Any]) -> str:
    """The README with its table of figures renewed."""
    rows = ["| what | measured | budget | verify |", "| --- | --- | --- | --- |"]
    if start := results.get("start_up"):
        rows.append(
            f"| warm start to first alert | {start['first_alert_seconds']} s | 60 s | {start['verify']} |"
        )
    if whole := results.get("sustained"):
        rate, memory = whole["events_per_second"], whole["rss_bytes"] / 1e9
        rows.append(f"| sustained events through the whole loop | {rate:,}/s | 8,000/s | {whole['verify']} |")
        rows.append(
            f"| resident memory, all processes, under that load | {memory:.1f} GB | 5 GB | {whole['verify']} |"
        )
    for one in results.get("latency", []):
        figures = f"{one['p50']} / {one['p95']} / {one['p99']} s"
        budget = "2 s p95" if one["wanted_rate"] == 1000 else ""
        what = f"event → Postgres at {one['events_per_second']:,}/s, p50 / p95 / p99"
        rows.append(f"| {what} | {figures} | {budget} | {one['verify']} |")
    if one := results.get("catch_up"):
        beside, alone, verdict = f"{one['with_connect']:,}/s", f"{one['alone']:,}/s", one["verify"]
        rows.append(f"| catch-up from a backlog, Connect beside it | {beside} | 25,000/s | {verdict} |")
        rows.append(f"| Kafka → durable state → Kafka alone | {alone} | 60,000/s | {verdict} |")
    measured = _measurements(results)
    speeds = [one["reference_seconds"] for one in measured if "reference_seconds" in one]
    # Figures that were kept from an earlier run may have no speed: then say nothing about all of them.
    whole_run = speeds and len(speeds) == len(measured)
    speed = f" 20 million additions in Python took {min(speeds)}–{max(speeds)} s." if whole_run else ""
    body = f"## Figures\n\nBy `make bench` on {results['machine']}.{speed}\n\n" + "\n".join(rows)
    return re.sub(
        r"<!-- bench -->.*<!-- /bench -->", f"<!-- bench -->\n{body}\n<!-- /bench -->", text, flags=re.S
    )


def _measurements(results: dict[str, Any]) -> list[dict[str, Any]]:
    single = [results[name] for name in ("start_up", "sustained", "catch_up") if name in results]
    return [*single, *results.get("latency", [])]


if __name__ == "__main__":
    main()
