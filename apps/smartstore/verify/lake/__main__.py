"""`python -m smartstore.verify.lake [--json]`: only the lake; exit 0 clean, 1 differences, 2 cannot verify.

For places from where the ledger cannot be seen; elsewhere `smartstore.verify` does this too.
"""

import argparse
import sys
import time

from smartstore.process.env import Environment
from smartstore.verify.lake.tables import LakeError, Tables
from smartstore.verify.lake.verification import check_lake
from smartstore.verify.report import checks_as_json, checks_as_text
from smartstore.verify.topics import Topics, TopicsError
from smartstore.verify.verdict import impossible, progress, verdict


def main(arguments: list[str] | None = None) -> int:
    """Verify the lake that the environment points at; returns the exit code."""
    parser = argparse.ArgumentParser(prog="smartstore.verify.lake", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a summary")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    environment = Environment.from_os()
    try:
        topics = Topics(environment.brokers, environment.prefix)
        try:
            checks = check_lake(Tables(environment.require("SMARTSTORE_LAKE_ROOT")), topics, progress)
        finally:
            topics.close()
    except (LakeError, TopicsError) as error:
        return impossible(str(error), json=options.json)
    except SystemExit as error:
        return impossible(str(error.code), json=options.json)
    seconds = time.monotonic() - started
    sys.stdout.write((checks_as_json(checks, seconds) if options.json else checks_as_text(checks)) + "\n")
    return verdict(checks)


if __name__ == "__main__":
    sys.exit(main())
