"""The ledger on disk: the source's write-ahead log, in segments, cut back to the last committed tick at start.

A segment begins after a `tick` line, at the first tick of a simulated day or when it has grown large, so only the last
one can have an uncommitted tail. Configuration relayed between two ticks is emitted before its tick is complete;
such lines directly after the last `tick` line therefore stay, as far as all lines of a row are there, whatever else of
that tick is cut off.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import MsgspecError, Struct

from smartstore.contracts.topics import DAY_MS
from smartstore.world.ledger_lines import (
    DECODE_LINE,
    DECODE_TICK,
    Line,
    TickMark,
    ends_row,
    is_relayed,
    is_tick,
    seq_of,
)

SEGMENT_BYTES = 256 * 1024 * 1024


class LedgerError(SystemExit):
    """The ledger cannot be used; exits with one line that says why and what to do."""


class LedgerPlace(Struct, frozen=True):
    """A place between two ticks: the segment's number, the offset in bytes, the last sequence number before it."""

    segment: int
    offset: int
    seq: int


class Ledger:
    """Append-only; `next_seq` is the sequence number of the next line to be written."""

    def __init__(self, directory: Path) -> None:
        """Open the ledger and cut off what was not committed.

        Raises:
            LedgerError: a line that should be whole cannot be read.
        """
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.run: Line | None = None
        """The `run` line; None while the ledger is empty."""
        self.committed: TickMark | None = None
        """The last `tick` line."""
        self.relayed: list[Line] = []
        """Relayed configuration after the last `tick` line, at the time of opening: whole rows only."""
        self.next_seq = 0
        self._segments = sorted(int(path.stem) for path in directory.glob("[0-9]*.jsonl"))
        if not self._segments:
            self._segments = [0]
        self._recover()
        self._file = self._path(self._segments[-1]).open("ab", buffering=0)

    def append(self, lines: Sequence[bytes]) -> None:
        """Write whole lines, one for each of the next sequence numbers, and hand them to the operating system."""
        rest = memoryview(b"".join(lines))
        while rest:
            rest = rest[self._file.write(rest) or 0 :]
        self.next_seq += len(lines)

    def commit(self, lines: Sequence[bytes], tick_ms: int) -> None:
        """`append` lines that end with the `tick` line of `tick_ms`, and begin a new segment when one is due."""
        self.append(lines)
        if tick_ms % DAY_MS == 0 or self._file.tell() > SEGMENT_BYTES:
            self.sync()
            self._file.close()
            self._segments.append(self._segments[-1] + 1)
            self._file = self._path(self._segments[-1]).open("ab", buffering=0)

    def sync(self) -> None:
        """Bring everything written to the disk itself; a killed process loses nothing without it, a power cut may."""
        os.fdatasync(self._file.fileno())

    def place(self) -> LedgerPlace:
        """The end of the ledger."""
        return LedgerPlace(self._segments[-1], self._file.tell(), self.next_seq - 1)

    def lines_after(self, seq: int) -> Iterator[bytes]:
        """All lines with a greater sequence number, in order."""
        start = 0
        for index, segment in enumerate(self._segments):
            with self._path(segment).open("rb") as file:
                first = file.readline()
            if first and seq_of(first) <= seq + 1:
                start = index
        for segment in self._segments[start:]:
            with self._path(segment).open("rb") as file:
                yield from (line for line in file if seq_of(line) > seq)

    def lines_from(self, place: LedgerPlace | None) -> Iterator[bytes]:
        """All lines from a place on; None is the beginning."""
        for segment in self._segments:
            if place is None or segment >= place.segment:
                with self._path(segment).open("rb") as file:
                    if place is not None and segment == place.segment:
                        file.seek(place.offset)
                    yield from file

    def close(self) -> None:
        """Sync and close."""
        self.sync()
        self._file.close()

    def _path(self, segment: int) -> Path:
        return self._directory / f"{segment:08d}.jsonl"

    def _recover(self) -> None:
        for segment in reversed(self._segments[-2:]):
            path = self._path(segment)
            if path.exists() and self._recover_segment(path):
                break
        self._read_run_line()

    def _recover_segment(self, path: Path) -> bool:
        """Cut the uncommitted tail of a segment; whether its last committed tick was found."""
        keep, tick_line, tail = _committed_part(path)
        if keep < path.stat().st_size:
            with path.open("r+b") as file:
                file.truncate(keep)
        try:
            if not self.relayed:
                self.relayed = [DECODE_LINE(line) for line in tail if is_relayed(line)]
            if tail:
                self.next_seq = max(self.next_seq, seq_of(tail[-1]) + 1)
            if tick_line is None:
                return False
            self.committed = DECODE_TICK(tick_line)
        except (MsgspecError, ValueError) as error:
            raise LedgerError(
                f"{path} is damaged ({error}); restore it or start over with `smartstore reset`"
            ) from None
        self.next_seq = max(self.next_seq, self.committed.seq + 1)
        return True

    def _read_run_line(self) -> None:
        first = self._path(self._segments[0])
        if not self.next_seq:
            return
        try:
            with first.open("rb") as file:
                self.run = DECODE_LINE(file.readline())
        except (OSError, MsgspecError) as error:
            raise LedgerError(
                f"the ledger's first line in {first} cannot be read ({error}); start over with `smartstore reset`"
            ) from None


def _committed_part(path: Path) -> tuple[int, bytes | None, list[bytes]]:
    """How many bytes of a segment stay, its last `tick` line, and the lines after it that stay."""
    keep = end = 0
    tick_line: bytes | None = None
    tail: list[bytes] = []
    row: list[bytes] = []
    open_tail = True
    with path.open("rb") as file:
        for line in file:
            end += len(line)
            if not line.endswith(b"\n"):
                break
            if is_tick(line):
                keep, tick_line, tail, row, open_tail = end, line, [], [], True
            elif open_tail and (is_relayed(line) or line.startswith(b'{"kind":"run"')):
                row.append(line)
                if not is_relayed(line) or ends_row(line):
                    keep = end
                    tail += row
                    row = []
            else:
                open_tail = False
    return keep, tick_line, tail
