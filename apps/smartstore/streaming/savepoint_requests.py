"""Requests for savepoints: the file `request` in the savepoints' directory holds the name of the one that is wanted.

Each application adds its part, or says in `<application>.error` why it cannot; a request that is met may stay.
"""

from pathlib import Path

REQUEST = "request"


class Requests:
    """The requests as one application sees them."""

    def __init__(self, directory: str, application: str) -> None:
        """`directory`: of all savepoints; empty = none are made."""
        self._directory = Path(directory) if directory else None
        self._application = application

    def wanted(self) -> Path | None:
        """The directory of the savepoint that still lacks this application's part; None if none does."""
        if self._directory is None:
            return None
        try:
            name = (self._directory / REQUEST).read_text().strip()
        except FileNotFoundError:
            return None
        if not name:
            return None
        directory = self._directory / name
        answered = any((directory / f"{self._application}.{end}").exists() for end in ("json", "error"))
        return None if answered else directory

    def refuse(self, directory: Path, reason: str) -> None:
        """Say why this application's part cannot be made."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{self._application}.error").write_text(reason)
