"""`make bench`: measure, print, write build/bench.json and the table in the README."""

import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from tests.bench import measurements, table

ROOT = Path(__file__).resolve().parents[2]
Measure = Callable[[Path], dict[str, Any]]
MEASUREMENTS: dict[str, Measure] = {
    "start_up": measurements.start_up,
    "sustained": measurements.sustained,
    "latency_200": partial(measurements.latency, rate=200),
    "latency_1000": partial(measurements.latency, rate=1000),
    "latency_5000": partial(measurements.latency, rate=5000),
    "catch_up": partial(measurements.catch_up, backlog=600_000),
    "bridge": measurements.bridge,
    "closed_loop": measurements.closed_loop,
    "many_stores": measurements.many_stores,
    "idle_stores": measurements.idle_stores,
    "lake_hour": measurements.lake_hour,
}
ONLY_BY_NAME = {"lake_hour"}


def main() -> int:
    """All measurements but those that take an hour, or those named on the command line."""
    wanted = sys.argv[1:] or [name for name in MEASUREMENTS if name not in ONLY_BY_NAME]
    if unknown := [name for name in wanted if name not in MEASUREMENTS]:
        print(f"no measurement {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    path = ROOT / "build" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    # what is not measured now keeps its figure
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    with tempfile.TemporaryDirectory(prefix="smartstore-bench-") as scratch:
        for name in wanted:
            results[name] = report(name, MEASUREMENTS[name](Path(scratch) / name))
            results |= {"machine": machine(), "budgets": table.BUDGETS}
            path.write_text(json.dumps(results, indent=2) + "\n")
            readme = ROOT / "README.md"
            readme.write_text(table.renewed(readme.read_text(), results))
    print(f"written: {path}")
    return 0


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


if __name__ == "__main__":
    sys.exit(main())
