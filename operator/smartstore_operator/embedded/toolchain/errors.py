"""The one error of this package."""

from pathlib import Path

MEND = "run `make setup`"


class ToolchainError(RuntimeError):
    """Something the embedded system needs is missing, damaged or too old.

    Attributes:
        what: what is wrong, a clause without a full stop.
        where: the file, directory or setting it is about.
        what_to_do: the user's next step.
    """

    def __init__(self, what: str, where: str | Path, what_to_do: str = MEND) -> None:
        self.what = what
        self.where = str(where)
        self.what_to_do = what_to_do
        super().__init__(f"{what} ({self.where}): {what_to_do}")
