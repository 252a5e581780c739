"""Backups of the database, and the way back.

A backup is one file of `pg_dump`, taken while everything runs. To restore means: in one transaction the rows of all
tables become those of the backup, and the sinks are asked to read their topics from the beginning (`ops.rewinds`), so
that all that came since, as far as Kafka has it, comes again. Nothing needs to be stopped, and a restore that is killed
has changed nothing. What is restored is data: the schema stays the current one, so a backup of an older release does.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from smartstore.contracts.derive.sql import table_topics
from smartstore.serving.migrate import LOCK
from smartstore.serving.roles import SCHEMAS
from smartstore.serving.tables import request_rewind

FORM = "%Y%m%dT%H%M%SZ"
"""A backup is named by when it was begun."""
SUFFIX = ".dump"
_NAME = re.compile(r"^[0-9]{8}T[0-9]{6}Z$")
_OF_THIS_DATABASE = ("ops.alembic_version", "ops.rewinds")
"""Tables that say how the database is now, not what it had."""
_NOT_RESTORED = re.compile(
    rf" TABLE DATA ({'|'.join(table.replace('.', ' ') for table in _OF_THIS_DATABASE)}) "
)


class BackupFailed(RuntimeError):
    """What went wrong and what to do, in one line."""


class Backups:
    """The backups in a directory, of the database at `dsn`; `programs` is where `pg_dump`, `pg_restore`, `psql` are."""

    def __init__(self, directory: Path, dsn: str, programs: Path) -> None:
        self._directory = directory
        self._programs = programs
        self._dsn = dsn

    def names(self) -> list[str]:
        """The oldest first."""
        found = self._directory.glob(f"*{SUFFIX}")
        return sorted(path.stem for path in found if _NAME.match(path.stem))

    def path(self, name: str) -> Path:
        """The file of a backup."""
        return self._directory / f"{name}{SUFFIX}"

    def create(self, now: datetime, keep: int) -> str:
        """Make a backup, and delete the oldest ones beyond `keep`; the new one's name.

        Raises:
            BackupFailed: Postgres or the disk refused; no other backup was deleted.
        """
        name = now.strftime(FORM)
        self._directory.mkdir(parents=True, exist_ok=True)
        for left in self._directory.glob("*.draft"):  # of a run that was killed
            left.unlink()
        draft = self._directory / f"{name}.draft"
        options = ("--format=custom", f"--file={draft}", f"--dbname={self._address}")
        self._run([self._program("pg_dump"), *options])
        _to_disk(draft)
        draft.rename(self.path(name))
        _to_disk(self._directory)
        for old in self.names()[:-keep]:
            self.path(old).unlink()
        return name

    def restore(self, name: str) -> None:
        """Put the rows of a backup in the place of all there are.

        Raises:
            BackupFailed: there is no such backup, or Postgres refused; nothing has changed.
        """
        if name not in self.names():
            raise BackupFailed(f"there is no backup {name!r}; there are: {', '.join(self.names()) or 'none'}")
        try:
            self._restore(name, _statements_before(self._tables()))
        except BackupFailed as error:
            raise BackupFailed(f"backup {name} was not restored, nothing has changed: {error}") from None

    def _restore(self, name: str, before: bytes) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".list") as contents:
            contents.writelines(self._contents(name))
            contents.flush()
            options = ("--data-only", f"--use-list={contents.name}", "--file=-")
            read = [self._program("pg_restore"), *options, str(self.path(name))]
            complaint = _pass_on(read, self._psql(), self._environment(), before)
        if complaint:
            raise BackupFailed(complaint)

    def _contents(self, name: str) -> Iterator[str]:
        """What pg_restore has to read, in its own words."""
        listing = self._run([self._program("pg_restore"), "--list", str(self.path(name))])
        return (line for line in listing.splitlines(keepends=True) if not _NOT_RESTORED.search(line))

    def _tables(self) -> list[str]:
        """All tables that a restore fills."""
        query = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = ANY(%s) ORDER BY 1"
        try:
            with closing(psycopg2.connect(self._dsn)) as connection, connection.cursor() as cursor:
                cursor.execute(query, (list(SCHEMAS),))
                return [row[0] for row in cursor.fetchall() if row[0] not in _OF_THIS_DATABASE]
        except psycopg2.Error as error:
            raise BackupFailed(f"Postgres does not answer: {' '.join(str(error).split())}") from None

    def _psql(self) -> list[str]:
        options = ("--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1")
        return [self._program("psql"), *options, f"--dbname={self._address}"]

    def _run(self, command: Sequence[str]) -> str:
        done = subprocess.run(
            command, env=self._environment(), check=False, capture_output=True, text=True, errors="replace"
        )
        if done.returncode:
            raise BackupFailed(" ".join(done.stderr.split()))
        return done.stdout

    @property
    def _address(self) -> str:
        """The database without its password, which would show in the process table."""
        return str(make_dsn(**{**parse_dsn(self._dsn), "password": None}))

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PGPASSWORD": parse_dsn(self._dsn).get("password", "")}

    def _program(self, name: str) -> str:
        return str(self._programs / name)


def _statements_before(tables: Sequence[str]) -> bytes:
    """What makes room for the rows, and has the sinks bring what came since.

    Rows of configuration are deleted one by one, since only so does the source see it.
    """
    config = [table for table in tables if table.startswith("config.")]
    others = [table for table in tables if table not in config]
    lines = (
        f"SELECT pg_advisory_xact_lock({LOCK});",
        f"TRUNCATE {', '.join(others)};",
        *(f"DELETE FROM {table};" for table in config),  # noqa: S608  names of the catalogue
        *(f"{request_rewind(topic)};" for topic in table_topics()),
    )
    return "\n".join(("BEGIN;", *lines, "")).encode()


def _pass_on(read: Sequence[str], write: Sequence[str], environment: Mapping[str, str], before: bytes) -> str:
    """What one program prints becomes the other's input, committed only when both are content; else their complaint."""
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(read, stdout=subprocess.PIPE, stderr=said, env=environment) as reading,
        subprocess.Popen(write, stdin=subprocess.PIPE, stderr=said, env=environment) as writing,
    ):
        assert reading.stdout is not None
        assert writing.stdin is not None
        try:
            writing.stdin.write(before)
            shutil.copyfileobj(reading.stdout, writing.stdin)
            if reading.wait() == 0:
                writing.stdin.write(b"\nCOMMIT;\n")
            writing.stdin.close()
        except BrokenPipeError:  # psql has given up, and says why
            reading.kill()
        failed = writing.wait() != 0 or reading.wait() != 0
        said.seek(0)
        return " ".join(said.read().decode(errors="replace").split())[-500:] or "no reason" if failed else ""


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
