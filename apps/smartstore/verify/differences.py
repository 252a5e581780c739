"""What a check found: how much was compared, and each difference."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it must be."""

    what: str
    """Kind of difference, a few words."""
    where: str
    """The key, table or topic concerned."""
    expected: str
    found: str


@dataclass
class Check:
    """One comparison. `total` counts all differences; only the first `KEPT` of each kind are kept in full."""

    KEPT = 50

    name: str
    compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    total: int = 0
    notes: list[str] = field(default_factory=list)
    _kinds: dict[str, int] = field(default_factory=dict)

    def differs(self, what: str, where: str, expected: object, found: object) -> None:
        """Add a difference."""
        self.total += 1
        kind = self._kinds[what] = self._kinds.get(what, 0) + 1
        if kind <= self.KEPT:
            self.differences.append(Difference(what, where, str(expected), str(found)))

    def kinds(self) -> dict[str, int]:
        """How many differences of each kind."""
        return dict(self._kinds)
