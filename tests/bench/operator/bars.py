"""The bars (a) to (j) that an operator has to reach, each with what is measured for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Figures = dict[str, Any]


@dataclass(frozen=True)
class Bar:
    """`holds` judges the figures of one measurement."""

    letter: str
    wants: str
    holds: Callable[[Figures], bool]


BARS = {
    "converge": Bar("a", "all are ready, from nothing, and no pass fails", lambda f: f["failed"] == 0),
    "resync": Bar("b", "another look at everything writes nothing", lambda f: f["writes"] == 0),
    "edit": Bar("c", "a spec edited → its last object applied: p99 < 1 s", lambda f: f["p99"] < 1),
    "heal": Bar("c", "an object deleted → there again: p99 < 2 s", lambda f: f["p99"] < 2),
    "restart": Bar(
        "d", "a new process follows an edit after < 15 s", lambda f: f["seconds_to_a_followed_edit"] < 15
    ),
    "soak": Bar(
        "e",
        "200,000 passes in 20 minutes, and the memory grows by < 1 MB in 100,000",
        lambda f: (
            f["rss_bytes_per_100000_reconciles"] < 1_000_000
            and f["reconciles"] >= 200_000 * f["seconds"] / 1200
        ),
    ),
    "chaos": Bar(
        "f",
        "a bad API server, people who change things, kill -9: the end is that of an undisturbed run",
        lambda f: not f["objects_that_differ"] and f["ended_by_itself"] == 0,
    ),
    "replicas": Bar(
        "g",
        "who waits for the Lease writes nothing, and acts before it would have run out",
        lambda f: f["writes_of_those_who_wait"] == 0 and f["seconds_to_act"] < f["lease_seconds"],
    ),
    "upgrade": Bar("h", "another version of the operator writes nothing", lambda f: f["written"] == []),
    "teardown": Bar(
        "i",
        "no object has a finalizer; a namespace goes, with and without an operator",
        lambda f: f["finalizers"] == 0 and f["left"] == 0,
    ),
    "plan": Bar(
        "j", "what `diff` announces is what is written then", lambda f: f["announced"] == f["written"]
    ),
}


def judged(name: str, figures: Figures) -> Figures:
    """The figures with the bar that they are for, and whether they reach it."""
    bar = BARS[name]
    verdict = "reached" if bar.holds(figures) else "missed"
    return {"bar": bar.letter, "wants": bar.wants, "verdict": verdict, **figures}
