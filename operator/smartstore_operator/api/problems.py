"""What is wrong with a SmartStore file, one line per problem."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong: where, what, and what would be right."""

    path: str
    """Place in the object, like `spec.kafka.heap`; empty for the document as a whole."""
    message: str
    file: str = ""
    """Name of the file, as the user gave it; empty when the object did not come from one."""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.path, self.message) if part)


class FieldError(ValueError):
    """A field of a block does not go with the others; for the validators of blocks."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        """Its path in the block, like `hot.shards`."""


class SpecError(ValueError):
    """An object is no valid SmartStore; `str()` gives one line per problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)

    def in_file(self, file: str) -> "SpecError":
        """The same problems, each naming the file."""
        return SpecError([replace(problem, file=file) for problem in self.problems])
