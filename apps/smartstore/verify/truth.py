"""What is taken for true: the ledger of the world, or the journal of accepted events."""

from pathlib import Path

from smartstore.process.env import Environment
from smartstore.verify.journal import Journal
from smartstore.verify.ledger import Ledger
from smartstore.verify.topics import Topics


def truth_of(
    environment: Environment, topics: Topics, scratch: Path, directory: Path | None = None
) -> Ledger:
    """The ledger in `directory` (default: SMARTSTORE_LEDGER_DIR); for facts from outside, the journal.

    `scratch` is an empty directory for the journal's files.
    """
    if directory is None and environment.variables.get("SMARTSTORE_RUN_FILE"):
        settings = environment.run_settings()
        if settings.source.type == "External":
            return Journal(topics, settings, scratch)
    return Ledger(directory or Path(environment.require("SMARTSTORE_LEDGER_DIR")))
