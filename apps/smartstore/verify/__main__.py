"""`python -m smartstore.verify [--json] [--ledger DIR] [--timeout S]`: exit 0 clean, 1 differences, 2 cannot verify.

The lake is verified too where SMARTSTORE_LAKE_ROOT says where its tables are.
"""

import argparse
import gc
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from smartstore.process.env import Environment
from smartstore.verify.differences import Check
from smartstore.verify.ledger import LedgerError
from smartstore.verify.postgres import Postgres, PostgresError
from smartstore.verify.report import as_json, as_text
from smartstore.verify.topics import Topics, TopicsError
from smartstore.verify.truth import truth_of
from smartstore.verify.verdict import impossible, progress, verdict
from smartstore.verify.verification import CannotVerify, Outcome, verify

LAKE_ROOT = "SMARTSTORE_LAKE_ROOT"


def main(arguments: list[str] | None = None) -> int:
    """Verify what the environment points at; returns the exit code."""
    parser = argparse.ArgumentParser(prog="smartstore verify", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a summary")
    parser.add_argument("--ledger", type=Path, help="the ledger's directory (default: SMARTSTORE_LEDGER_DIR)")
    parser.add_argument(
        "--timeout", type=float, default=60.0, help="seconds to wait for Postgres (default: 60)"
    )
    options = parser.parse_args(arguments)
    started = time.monotonic()
    gc.disable()  # millions of small objects that all live to the end, and no cycles among them
    try:
        outcome = _verify(options.ledger, options.timeout)
    except (CannotVerify, LedgerError, TopicsError, PostgresError) as error:
        return impossible(str(error), json=options.json)
    except SystemExit as error:
        return impossible(str(error.code), json=options.json)
    seconds = time.monotonic() - started
    sys.stdout.write((as_json(outcome, seconds) if options.json else as_text(outcome, seconds)) + "\n")
    return verdict(outcome.checks)


def _verify(directory: Path | None, timeout: float) -> Outcome:
    environment = Environment.from_os()
    with TemporaryDirectory(prefix="smartstore-journal-") as scratch:
        topics = Topics(environment.brokers, environment.prefix)
        try:
            ledger = truth_of(environment, topics, Path(scratch), directory)
            postgres = Postgres(environment.postgres_dsn)
            try:
                outcome = verify(ledger, topics, postgres, timeout, progress)
            finally:
                postgres.close()
            root = environment.variables.get(LAKE_ROOT)
            lake = _lake(root, topics) if root else []
            return replace(outcome, checks=outcome.checks + lake)
        finally:
            topics.close()


def _lake(root: str, topics: Topics) -> list[Check]:
    """Its imports are here since the image that verifies the books in a cluster has nothing that reads tables."""
    from smartstore.verify.lake.tables import LakeError, Tables
    from smartstore.verify.lake.verification import check_lake

    try:
        return check_lake(Tables(root), topics, progress)
    except LakeError as error:
        raise CannotVerify(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
