"""Measure, judge, print, write build/bench-operator.json and the table in the README; the exit code is 1 if a bar is
missed.

    python -m tests.bench.operator [--stores N] [--more M] [--soak SECONDS] [--chaos N] [--chaos-seconds S]
        [--only BARS] [--previous REF]

`--stores`: SmartStores with all their children. `--more`: how many there are when the operator is started again.
`--only abce`: these bars. `--previous REF`: the version before this one, for bar (h); without it (h) is not measured.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from smartstore_operator.runtime.api_server import ApiServer
from tests.api_server import api_server
from tests.bench.__main__ import ROOT, machine, reference_seconds
from tests.bench.emission import percentiles
from tests.bench.operator import estates, lifecycle
from tests.bench.operator.bars import judged
from tests.bench.operator.chaos import chaos
from tests.bench.operator.sources import sources
from tests.bench.operator.table import table
from tests.bench.table import between
from tests.controllers import play
from tests.faults import Faults
from tests.faulty_api import FaultyApi
from tests.operator_process import Operator
from tests.waiting import until

EDITS = 100
_FORGETFUL = Faults(gone=0.5, watch_seconds=20.0)
"""Watches end and cannot go on, so all objects of a kind are told of anew, each kind about every 40 s."""
_BETWEEN_EDITS_SECONDS = 8.0
"""Two cores do about seven looks a second, API server beside it; without a pause the passes would wait behind them."""
Figures = dict[str, Any]


def main() -> int:
    """All measurements, one after the other."""
    options = _parser().parse_args()
    if "KUBEBUILDER_ASSETS" not in os.environ:
        print("set KUBEBUILDER_ASSETS to a directory with etcd, kube-apiserver and kubectl", file=sys.stderr)
        return 2
    # as an interrupt does: what was started ends with it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    record = _Record(ROOT / "build" / "bench-operator.json", ROOT / "README.md")
    with (
        tempfile.TemporaryDirectory(prefix="smartstore-bench-operator-") as scratch,
        api_server(Path(scratch)) as access,
    ):
        asyncio.run(_measure(options, access.operator, Path(scratch), record))
    print(f"written: {record.path}")
    return 1 if record.missed else 0


class _Record:
    """Figures as they come: printed, and written into the file and the README at once, for the next may fail."""

    def __init__(self, path: Path, readme: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self.path, self._readme = path, readme
        self._about = {"machine": machine(), "reference_seconds": reference_seconds()}
        self.missed: list[str] = []

    def __call__(self, name: str, found: Figures) -> None:
        """Judge and keep one measurement; what is not measured now keeps its figure."""
        figures = judged(name, found)
        print(f"({figures['bar']}) {name}: {json.dumps(figures)}", flush=True)
        if figures["verdict"] == "missed":
            self.missed.append(name)
        before: Figures = json.loads(self.path.read_text()) if self.path.exists() else {}
        results = {**before, name: figures, **self._about}
        self.path.write_text(json.dumps(results, indent=2) + "\n")
        self._readme.write_text(between(self._readme.read_text(), "bench-operator", table(results)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench-operator", description=__doc__)
    parser.add_argument("--stores", type=int, default=1000)
    parser.add_argument("--more", type=int, default=5000)
    parser.add_argument("--soak", type=float, default=1200.0)
    parser.add_argument("--chaos", type=int, default=10)
    parser.add_argument("--chaos-seconds", type=float, default=180.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--previous")
    parser.add_argument("--only", default="abcdefghij")
    return parser


async def _measure(options: argparse.Namespace, kubeconfig: Path, scratch: Path, record: _Record) -> None:
    """The small ones first, while nobody else is there; (a) to (e) one after the other on the same SmartStores."""
    async with ApiServer.from_environment() as server:
        async for name, found in _small(options, server, kubeconfig, scratch):
            record(name, found)
        if set(options.only) & set("abcde"):
            playing = asyncio.create_task(play(server))
            try:
                async with sources():
                    async for name, found in _many(options, server, kubeconfig, scratch / "operator.log"):
                        record(name, found)
            finally:
                playing.cancel()


async def _small(
    options: argparse.Namespace, server: ApiServer, kubeconfig: Path, scratch: Path
) -> AsyncIterator[tuple[str, Figures]]:
    """Bars (f) to (j)."""
    if "f" in options.only:
        size: dict[str, Any] = {
            "count": options.chaos,
            "seconds": options.chaos_seconds,
            "seed": options.seed,
        }
        yield "chaos", await chaos(server, kubeconfig, scratch, **size)
    if "g" in options.only:
        yield "replicas", await lifecycle.replicas(server, kubeconfig, scratch)
    if "h" in options.only and options.previous:
        yield "upgrade", await lifecycle.upgrade(server, kubeconfig, scratch, options.previous)
    if "i" in options.only:
        yield "teardown", await lifecycle.teardown(server, kubeconfig, scratch, options.chaos)
    if "j" in options.only:
        yield "plan", await lifecycle.plan(server, kubeconfig, scratch)


async def _many(
    options: argparse.Namespace, server: ApiServer, kubeconfig: Path, log: Path
) -> AsyncIterator[tuple[str, Figures]]:
    """Bars (a) to (e)."""
    with Operator(kubeconfig, log, plays_pods=True) as operator:
        yield "converge", await _converge(server, operator, options.stores)
        if "c" in options.only:
            yield "edit", await _edits(server, options.stores)
            yield "heal", await _heals(server, options.stores)
    if set(options.only) & set("be"):
        with Operator(kubeconfig, log, plays_pods=True) as operator:
            yield "resync", await _first_looks(operator, options.stores)
    if "e" in options.only:
        with FaultyApi(kubeconfig, _FORGETFUL) as api:
            forgetful = api.kubeconfig(log.with_name("forgetful"))
            with Operator(forgetful, log, plays_pods=True) as operator:
                await _first_looks(operator, options.stores)
                yield "soak", await _soak(server, operator, options.stores, options.soak)
    if "d" in options.only:
        await estates.create(server, options.stores, options.more)
        with Operator(kubeconfig, log, plays_pods=True) as operator:
            yield "restart", await _restart(server, operator, options.more)


async def _converge(server: ApiServer, operator: Operator, count: int) -> Figures:
    """From nothing to every SmartStore with all its objects and ready."""
    begin = time.monotonic()
    await estates.create(server, 0, count)

    async def is_ready() -> bool:
        return operator.total("smartstores", state="ready") == count

    await until(is_ready, 7200, 2)
    seconds = time.monotonic() - begin
    return {
        "smartstores": count,
        "objects": int(operator.total("managed_objects")),
        "seconds": round(seconds, 1),
        "reconciles": int(operator.total("reconciles_total", result="done")),
        "failed": int(operator.total("reconciles_total", result="failed")),
        "reconciles_per_second": round(operator.total("reconciles_total", result="done") / seconds, 1),
        "p99_of_a_reconcile_at_most": operator.quantile("reconcile_seconds", 0.99),
        "writes": int(operator.writes()),
        "rss_bytes": operator.rss_bytes,
        "cpu_seconds": round(operator.cpu_seconds, 1),
    }


async def _edits(server: ApiServer, count: int) -> Figures:
    """An edit of a spec → its last child applied, while all others are idle."""
    chosen = estates.names(count)
    seconds = [
        await estates.edit_stores(server, *chosen[number * 7 % count], 6 + number % 50)
        for number in range(EDITS)
    ]
    return {"edits": EDITS, **percentiles(seconds)}


async def _heals(server: ApiServer, count: int) -> Figures:
    """A deleted child → there again."""
    chosen = estates.names(count)
    seconds = [await estates.delete_child(server, *chosen[number * 11 % count]) for number in range(EDITS)]
    return {"deleted": EDITS, **percentiles(seconds)}


async def _first_looks(operator: Operator, count: int) -> Figures:
    """A new operator looks at everything once; nothing has changed, so it must write nothing."""

    async def is_done() -> bool:
        known = operator.total("smartstores", state="ready") + operator.total(
            "smartstores", state="not_ready"
        )
        return known == count

    await until(is_done, 3600, 1)
    looks = operator.total("reconciles_total", result="done")
    own = 3 + (time.monotonic() - operator.began) / 2.5  # its Lease and its canary
    return {
        "looks": int(looks),
        "writes": max(0, int(operator.total("applied_total") + operator.total("deleted_total"))),
        "requests_that_write": int(operator.writes()),
        "of_these_for_lease_and_canary_at_most": int(own),
        "cpu_milliseconds_per_look": round(operator.cpu_seconds / looks * 1000, 1),
        "rss_bytes": operator.rss_bytes,
    }


async def _soak(server: ApiServer, operator: Operator, count: int, seconds: float) -> Figures:
    """Edits, deletions, and watches that tell of all SmartStores again and again: does the memory grow?"""
    chosen = estates.names(count)
    end = time.monotonic() + seconds
    samples: list[tuple[float, int]] = []
    number = 0
    while time.monotonic() < end:
        many = [chosen[(number + step) * 13 % count] for step in range(8)]
        await asyncio.gather(
            *(
                estates.edit_stores(server, *one, 6 + (number + step) % 50)
                for step, one in enumerate(many[:4])
            ),
            *(estates.delete_child(server, *one) for one in many[4:]),
        )
        number += 8
        await asyncio.sleep(_BETWEEN_EDITS_SECONDS)
        samples.append((operator.total("reconciles_total"), operator.rss_bytes))
    half = samples[len(samples) // 3 :]  # caches fill first
    looks = operator.total("reconciles_total", result="done")
    return {
        "seconds": round(seconds),
        "reconciles": int(samples[-1][0] - samples[0][0]),
        "of_these_looks_at_the_api_server": int(looks),
        "rss_bytes_per_100000_reconciles": round(_slope(half) * 100_000),
        "rss_bytes": operator.rss_bytes,
    }


def _slope(samples: list[tuple[float, int]]) -> float:
    """Least squares."""
    count = len(samples)
    mean_x = sum(x for x, _ in samples) / count
    mean_y = sum(y for _, y in samples) / count
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread if spread else 0.0


async def _restart(server: ApiServer, operator: Operator, count: int) -> Figures:
    """From the start of the process to an edit being followed, although it has everything still to look at."""
    namespace, name = estates.names(count)[0]
    await estates.edit_stores(server, namespace, name, 77)
    return {
        "smartstores": count,
        "seconds_to_a_followed_edit": round(time.monotonic() - operator.began, 1),
        "rss_bytes": operator.rss_bytes,
    }


if __name__ == "__main__":
    sys.exit(main())
