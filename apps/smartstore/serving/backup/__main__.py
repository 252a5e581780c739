"""`python -m smartstore.serving.backup create|list|restore`: exit code 0 when done, 1 with one line when not."""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from smartstore.contracts.derive.sql import table_topics
from smartstore.process.env import Environment
from smartstore.process.logs import configure_logs
from smartstore.serving.backup.backups import FORM, BackupFailed, Backups


def main() -> None:
    """Run one command with the process environment; exits non-zero with one line when it fails."""
    configure_logs()
    options = _parser().parse_args()
    environment = Environment.from_os()
    programs = Path(environment.require("SMARTSTORE_POSTGRES_PROGRAMS"))
    backups = Backups(environment.data_dir, environment.postgres_dsn, programs)
    try:
        for line in options.run(backups, options):
            sys.stdout.write(f"{line}\n")
    except (BackupFailed, OSError) as error:
        sys.exit(f"backup: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backup", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    create = actions.add_parser("create", help="make one")
    create.add_argument("--keep", type=int, default=14, help="then so many stay, the newest (default: 14)")
    create.set_defaults(run=_create)
    listing = actions.add_parser("list", help="those that there are, the oldest first")
    listing.add_argument("--json", action="store_true", help="one JSON list")
    listing.set_defaults(run=_list)
    restore = actions.add_parser("restore", help="the rows of one in the place of all there are")
    restore.add_argument("name", metavar="NAME", help="as `list` shows it")
    restore.set_defaults(run=_restore)
    return parser


def _create(backups: Backups, options: argparse.Namespace) -> Iterator[str]:
    if options.keep < 1:
        raise BackupFailed(f"--keep is {options.keep}; keep at least the one that is made")
    yield _described(backups, backups.create(datetime.now(UTC), options.keep))


def _list(backups: Backups, options: argparse.Namespace) -> Iterator[str]:
    names = backups.names()
    if options.json:
        yield json.dumps([{"name": name, "bytes": backups.path(name).stat().st_size} for name in names])
        return
    yield from (_described(backups, name) for name in names)
    if not names:
        yield "there is no backup yet"


def _restore(backups: Backups, options: argparse.Namespace) -> Iterator[str]:
    backups.restore(options.name)
    yield f"restored {options.name}; what came since is read from Kafka again, as far back as it has it"
    yield "keys of the gateway are as they were then: revoke again those that were revoked since"
    age = datetime.now(UTC) - datetime.strptime(options.name, FORM).replace(tzinfo=UTC)
    for topic in table_topics():
        kept = timedelta(milliseconds=topic.retention_ms)
        if topic.cleanup == "delete" and age > kept:
            yield (
                f"{topic.table}: what is newer than the backup and older than {kept.days} days Kafka has no more; the "
                f"lake has it, in {topic.lake}"
            )


def _described(backups: Backups, name: str) -> str:
    return f"{name}  {backups.path(name).stat().st_size:,} bytes"


if __name__ == "__main__":
    main()
