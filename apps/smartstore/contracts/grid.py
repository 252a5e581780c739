"""What an External source remembers of its ticks, in Redis; the gateway reads from it which stores there are."""

import msgspec
from msgspec import Struct

from smartstore.contracts.settings import numbered_stores

CLOSING_MS = 86_400_000
"""How long a closed store goes on to get ticks: facts that come no later than this are still taken."""


class Grid(Struct, frozen=True, array_like=True):
    """The tick grid (ms), the last tick (epoch ms), how many stores are open, and when each closed one was closed."""

    tick_ms: int
    tick: int
    open: int
    closed: dict[str, int] = {}

    @property
    def stores(self) -> tuple[str, ...]:
        """All stores that there have been."""
        return numbered_stores(self.open + len(self.closed))

    @property
    def ticked(self) -> tuple[str, ...]:
        """The stores that get the tick: open ones, and closed ones for a while."""
        return tuple(
            store for store in self.stores if self.tick < self.closed.get(store, self.tick) + CLOSING_MS
        )


DECODE_GRID = msgspec.json.Decoder(Grid).decode


def grid_key(prefix: str, source: str) -> str:
    """The key of a source's grid in Redis."""
    return f"{prefix}source:{source}:grid"
