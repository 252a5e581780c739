"""`python -m smartstore.verify.retail [--json]`: how well the stores were served, up to the last acknowledged tick.

Exit code 0; 2 when nothing can be reported yet, with the reason.
"""

import argparse
import gc
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from smartstore.process.env import Environment
from smartstore.verify.journal import Journal
from smartstore.verify.ledger import LedgerError
from smartstore.verify.retail.figures import lost_sales, measure, total
from smartstore.verify.retail.output import as_json, as_text
from smartstore.verify.topics import Topics, TopicsError
from smartstore.verify.truth import truth_of
from smartstore.verify.verification import CannotVerify, recompute

OK, IMPOSSIBLE = 0, 2


def main(arguments: list[str] | None = None) -> int:
    """Report on what the environment points at; returns the exit code."""
    parser = argparse.ArgumentParser(prog="smartstore report", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args(arguments)
    gc.disable()  # millions of small objects that all live to the end, and no cycles among them
    try:
        sys.stdout.write(_report(json=options.json) + "\n")
    except (CannotVerify, LedgerError, TopicsError) as error:
        sys.stderr.write(f"cannot report: {error}\n")
        return IMPOSSIBLE
    return OK


def _report(*, json: bool) -> str:
    environment = Environment.from_os()
    with TemporaryDirectory(prefix="smartstore-journal-") as scratch:
        topics = Topics(environment.brokers, environment.prefix)
        try:
            ledger = truth_of(environment, topics, Path(scratch))
            found = recompute(ledger, topics, _quiet)
            lost = None if isinstance(ledger, Journal) else lost_sales(ledger, found.index.last_seq)
            stores = measure(found.truth, found.tick, lost)
            write = as_json if json else as_text
            return write(stores, total(stores), found.tick)
        finally:
            topics.close()


def _quiet(_text: str) -> None:
    """The report takes seconds; its output is all that anybody wants to see."""


if __name__ == "__main__":
    sys.exit(main())
