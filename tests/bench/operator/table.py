"""The README's table of the operator's bars, from build/bench-operator.json."""

from collections.abc import Callable
from typing import Any

from tests.bench.operator.bars import BARS

Figures = dict[str, Any]


def table(results: Figures) -> str:
    """A heading and the table. `results`: what the file holds; what was not measured has no row."""
    rows = ["| bar | what | measured | verdict |", "| --- | --- | --- | --- |"]
    for name, bar in sorted(BARS.items(), key=lambda item: item[1].letter):
        if name in results:
            measured = _MEASURED[name](results[name])
            rows.append(f"| {bar.letter} | {bar.wants} | {measured} | {results[name]['verdict']} |")
    seconds = results["reference_seconds"]
    heading = f"### The operator\n\nBy `make bench-operator` on {results['machine']}, API server and etcd beside it."
    return f"{heading} 20 million additions in Python took {seconds} s.\n\n" + "\n".join(rows)


def _converge(one: Figures) -> str:
    return (
        f"{one['smartstores']:,} SmartStores, {one['objects']:,} objects in {one['seconds']:,} s, "
        f"{one['rss_bytes'] / 1e6:.0f} MB"
    )


def _resync(one: Figures) -> str:
    return (
        f"{one['looks']:,} looks, {one['writes']} writes, {one['cpu_milliseconds_per_look']} ms of CPU each"
    )


def _percentiles(one: Figures) -> str:
    return f"p50 / p95 / p99 {one['p50']} / {one['p95']} / {one['p99']} s"


def _restart(one: Figures) -> str:
    return f"{one['smartstores']:,} SmartStores, {one['seconds_to_a_followed_edit']} s"


def _soak(one: Figures) -> str:
    growth = one["rss_bytes_per_100000_reconciles"] / 1e6
    return f"{one['reconciles']:,} passes in {one['seconds']:,} s, {growth:.2f} MB in 100,000"


def _chaos(one: Figures) -> str:
    return (
        f"{one['requests']:,} requests, {sum(one['faults'].values()):,} of them disturbed, {one['kills']} kills, "
        f"{len(one['objects_that_differ'])} of {one['objects']:,} objects differ"
    )


def _replicas(one: Figures) -> str:
    return f"{one['writes_of_those_who_wait']} writes, {one['seconds_to_act']} of {one['lease_seconds']} s"


def _upgrade(one: Figures) -> str:
    return f"{len(one['written'])} of {one['objects']:,} objects written"


def _teardown(one: Figures) -> str:
    with_one, without = one["seconds"].values()
    return f"{with_one} s with an operator, {without} s without, {one['left']} objects left"


def _plan(one: Figures) -> str:
    return f"{len(one['announced'])} objects announced, {len(one['written'])} written"


_MEASURED: dict[str, Callable[[Figures], str]] = {
    "converge": _converge,
    "resync": _resync,
    "edit": _percentiles,
    "heal": _percentiles,
    "restart": _restart,
    "soak": _soak,
    "chaos": _chaos,
    "replicas": _replicas,
    "upgrade": _upgrade,
    "teardown": _teardown,
    "plan": _plan,
}
