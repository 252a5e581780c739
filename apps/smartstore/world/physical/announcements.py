"""Promotions become known: each is announced some time before its first day, or when the store opens after that."""

from smartstore.contracts.events import StoreConfig
from smartstore.contracts.topics import STORE_CONFIG
from smartstore.contracts.wire import from_epoch_ms
from smartstore.world.chance import day_counter, id_prefix
from smartstore.world.model import Emission
from smartstore.world.physical.facts import Dated
from smartstore.world.physical.plan import ANNOUNCED_MS, DAY_MS, LONGEST_PROMOTION_DAYS, StorePlanner


class Announcements:
    """The announcements of one store; they depend on the time alone."""

    def __init__(self, seed: int, planner: StorePlanner) -> None:
        self._planner = planner
        self._prefix = id_prefix(seed, planner.store_id, "promotion")

    def made_up(self, at_ms: int, since_ms: int = 0) -> list[Dated]:
        """Those that a store which opens at `at_ms` has missed since a moment, of promotions that have not ended."""
        first = at_ms // DAY_MS - LONGEST_PROMOTION_DAYS + 1
        return self._of_days(max(first, _begun(since_ms)), _begun(at_ms), at_ms)

    def between(self, from_ms: int, until_ms: int) -> list[Dated]:
        """Those made from `from_ms` up to, not including, `until_ms` (epoch ms)."""
        return self._of_days(_begun(from_ms), _begun(until_ms), from_ms)

    def _of_days(self, first: int, end: int, earliest_ms: int) -> list[Dated]:
        """Those of promotions that begin on the days from `first` up to, not including, `end`; none too early."""
        out: list[Dated] = []
        for day in range(first, end):
            at = max(day * DAY_MS - ANNOUNCED_MS, earliest_ms)
            for place, promotion in enumerate(self._planner.promotions(day)):
                record = StoreConfig(
                    event_id=f"{self._prefix}{day_counter(day) + place:012x}",
                    store_id=self._planner.store_id,
                    timestamp=from_epoch_ms(at),
                    kind="promotion",
                    promotion=promotion,
                )
                out.append((at, record.event_id, Emission(STORE_CONFIG.name, record)))
        return out


def _begun(moment_ms: int) -> int:
    """The first day whose promotions are announced at or after a moment."""
    return -(-(moment_ms + ANNOUNCED_MS) // DAY_MS)
