"""`python -m smartstore.verify [--json] [--ledger DIR] [--timeout S]`: exit 0 clean, 1 differences, 2 cannot verify."""

import argparse
import gc
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from smartstore.process.env import Environment
from smartstore.verify.ledger import LedgerError
from smartstore.verify.postgres import Postgres, PostgresError
from smartstore.verify.report import as_json, as_text, cannot_as_json, total_differences
from smartstore.verify.topics import Topics, TopicsError
from smartstore.verify.truth import truth_of
from smartstore.verify.verification import CannotVerify, Outcome, verify

CLEAN, DIFFERENT, IMPOSSIBLE = 0, 1, 2


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
        return _impossible(str(error), json=options.json)
    except SystemExit as error:
        return _impossible(str(error.code), json=options.json)
    seconds = time.monotonic() - started
    sys.stdout.write((as_json(outcome, seconds) if options.json else as_text(outcome, seconds)) + "\n")
    return DIFFERENT if total_differences(outcome) else CLEAN


def _verify(directory: Path | None, timeout: float) -> Outcome:
    environment = Environment.from_os()
    with TemporaryDirectory(prefix="smartstore-journal-") as scratch:
        topics = Topics(environment.brokers, environment.prefix)
        try:
            ledger = truth_of(environment, topics, Path(scratch), directory)
            postgres = Postgres(environment.postgres_dsn)
            try:
                return verify(ledger, topics, postgres, timeout, _progress)
            finally:
                postgres.close()
        finally:
            topics.close()


def _impossible(reason: str, *, json: bool) -> int:
    sys.stderr.write(f"cannot verify: {reason}\n")
    if json:
        sys.stdout.write(cannot_as_json(reason) + "\n")
    return IMPOSSIBLE


def _progress(text: str) -> None:
    sys.stderr.write(f"verify: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
