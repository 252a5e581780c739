"""Tables of states: one row for each key, with the newest version that the table covers."""

from dataclasses import dataclass

from smartstore.verify.differences import Check
from smartstore.verify.lake.tables import name_of_place


@dataclass(slots=True)
class _Row:
    version: int
    content: int
    place: int
    seen: bool = False
    """Whether its version is on the topic."""


@dataclass(slots=True)
class _Key:
    due: int | None
    """The newest version up to where the table goes."""
    newest: int
    place: int


class NewestComparison:
    """Feed it the table's rows, then the topic's records, then `finish`.

    A compacted topic may no longer have the version of a row; then it has a newer one of the key, beyond the table.
    """

    def __init__(self, check: Check) -> None:
        self._check = check
        self._rows: dict[int, _Row] = {}
        self._keys: dict[int, _Key] = {}

    def row(self, key: int, version: int, content: int, place: int) -> None:
        """One row; `key` and `content` are hashes."""
        if key in self._rows:
            self._check.differs("is there twice", name_of_place(place), "one row", "another row of the key")
        self._rows[key] = _Row(version, content, place)

    def record(self, key: int, version: int, content: int, place: int, *, covered: bool) -> None:
        """One record; `covered` says whether the table goes that far."""
        row = self._rows.get(key)
        if row is not None and row.version == version:
            row.seen = True
            if row.content != content:
                self._check.differs(
                    "content differs",
                    name_of_place(place),
                    "the record",
                    f"another content, version {version}",
                )
        known = self._keys.get(key)
        if known is None:
            self._keys[key] = _Key(version if covered else None, version, place)
            return
        known.newest = max(known.newest, version)
        if covered and (known.due is None or version >= known.due):
            known.due, known.place = version, place

    def finish(self) -> None:
        """After the last record."""
        self._check.compared += len(self._rows)
        for key, known in self._keys.items():
            row, where = self._rows.get(key), name_of_place(known.place)
            if known.due is None:
                continue
            if row is None:
                self._check.differs("is missing", where, f"version {known.due}", "no row")
            elif row.version < known.due:
                self._check.differs("is behind", where, f"version {known.due}", f"version {row.version}")
        for key, row in self._rows.items():
            newer = self._keys.get(key)
            if not row.seen and (newer is None or newer.newest <= row.version):
                self._check.differs(
                    "is not on its topic", name_of_place(row.place), "no row", f"version {row.version}"
                )
