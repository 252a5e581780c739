"""Reading the world's ledger (docs/architecture.md, World and ledger) while the world may still be appending to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from smartstore.contracts.fields import StoreId, Timestamp
from smartstore.contracts.settings import RunSettings


class LedgerError(Exception):
    """The ledger is missing or damaged; says which file and what to do."""


class RunLine(Struct, frozen=True, tag_field="kind", tag="run"):
    """First line: the settings of the run and its stores."""

    seq: int
    settings: RunSettings
    stores: list[StoreId]


class ScaleLine(Struct, frozen=True, tag_field="kind", tag="scale"):
    """The stores that are open from the tick to come on; what this means for each stands in its own events."""

    seq: int
    stores: list[StoreId]


class EventLine(Struct, frozen=True, tag_field="kind", tag="event"):
    """A record as emitted on a source line."""

    seq: int
    line: str
    data: msgspec.Raw
    fault: Literal["late", "duplicate"] | None = None


class BrokenLine(Struct, frozen=True, tag_field="kind", tag="broken"):
    """A malformed text, emitted on purpose."""

    seq: int
    line: str
    raw: str
    store_id: str


class NoteLine(Struct, frozen=True, tag_field="kind", tag="note"):
    """A truth that no sensor reports."""

    seq: int
    data: msgspec.Raw


class RowLine(Struct, frozen=True, tag_field="kind", tag="row"):
    """A row of configuration as its topic has it; the events that bring it to the stores follow."""

    seq: int
    data: msgspec.Raw


class FactLine(Struct, frozen=True, tag_field="kind", tag="fact"):
    """A fact of a job, as the world took it in with the tick to come."""

    seq: int
    line: str
    data: msgspec.Raw


class TickLine(Struct, frozen=True, tag_field="kind", tag="tick"):
    """Tick on all lines of `stores`; commits everything before it."""

    seq: int
    tick: Timestamp
    stores: list[StoreId]


LedgerLine = RunLine | ScaleLine | EventLine | BrokenLine | NoteLine | RowLine | FactLine | TickLine

_TICK_START = b'{"kind":"tick"'
_DECODER = msgspec.json.Decoder(LedgerLine)
_FILE_SHIFT = 40


class Ledger:
    """The files of one ledger; new ones may appear.

    A *location* is a number that finds a line again: file index and byte offset.
    """

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise LedgerError(
                f"no ledger at {directory}; name its directory with --ledger or SMARTSTORE_LEDGER_DIR"
            )
        self._directory = directory
        self.files: list[Path] = []

    def prepare(self, progress: Callable[[str], None]) -> None:
        """Make ready to be read; called once all that it has to explain has been seen. Files need nothing."""

    def ticks(self) -> Iterator[TickLine]:
        """The tick lines in order, without reading the others; raises `LedgerError` for one that cannot be read."""
        for path in sorted(self._directory.glob("*.jsonl")):
            with path.open("rb", buffering=1 << 20) as file:
                for number, text in enumerate(file, 1):
                    if text.startswith(_TICK_START) and text.endswith(b"\n"):
                        line = _decode(text, path, number)
                        if isinstance(line, TickLine):
                            yield line

    def lines(self, until_seq: int | None = None) -> Iterator[tuple[int, LedgerLine]]:
        """(location, line) in order, up to and including `until_seq`; a partial last line ends the ledger.

        Raises `LedgerError` for a line that cannot be read and for a gap in the sequence.
        """
        self.files = sorted(self._directory.glob("*.jsonl"))
        if not self.files:
            raise LedgerError(f"the ledger at {self._directory} has no files yet; has the world started?")
        expected: int | None = None
        for index, path in enumerate(self.files):
            location = index << _FILE_SHIFT
            with path.open("rb", buffering=1 << 20) as file:
                for number, text in enumerate(file, 1):
                    if not text.endswith(b"\n"):
                        self._check_last(index)
                        return
                    line = _decode(text, path, number)
                    if expected is not None and line.seq != expected:
                        raise LedgerError(
                            f"{path}:{number}: sequence {line.seq} where {expected} should follow"
                        )
                    if until_seq is not None and line.seq > until_seq:
                        return
                    expected = line.seq + 1
                    yield location, line
                    location += len(text)

    def line_at(self, location: int) -> LedgerLine:
        """The line that `lines` gave with this location."""
        path = self.files[location >> _FILE_SHIFT]
        with path.open("rb") as file:
            file.seek(location & ((1 << _FILE_SHIFT) - 1))
            return _decode(file.readline(), path, 0)

    def _check_last(self, index: int) -> None:
        if index != len(self.files) - 1:
            raise LedgerError(
                f"{self.files[index]} ends within a line, but later files exist: the ledger is damaged"
            )


def _decode(text: bytes, path: Path, number: int) -> LedgerLine:
    try:
        return _DECODER.decode(text)
    except msgspec.MsgspecError as error:
        raise LedgerError(f"{path}:{number}: not a ledger line: {error}") from error
