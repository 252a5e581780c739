"""How many stores are wanted, and how closed stores come to rest.

The applier writes the number into the run file; the world takes a change up with its next tick. A closed store goes on
until its customers have left, what was on its way has arrived, and the jobs have nothing left to do for it.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import MsgspecError

from smartstore.contracts.settings import load_run_settings
from smartstore.contracts.topics import STORE_CONFIG
from smartstore.contracts.wire import epoch_ms, from_epoch_ms
from smartstore.world.model import Emission, JobFact, World
from smartstore.world.production import Production
from smartstore.world.relay import ConfigRelay

log = logging.getLogger("smartstore.world.scaling")


class WantedStores:
    """The number of stores in the run file, read again when the file was replaced."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = (0, 0)
        self._stores = 0

    def __call__(self) -> int:
        """The number as it stands in the file; while the file cannot be read, as it stood last."""
        try:
            found = self._file.stat()
            if (found.st_ino, found.st_mtime_ns) != self._seen:
                self._stores = load_run_settings(self._file).stores
                self._seen = (found.st_ino, found.st_mtime_ns)
        except (OSError, MsgspecError) as error:
            log.warning("%s cannot be read (%s); still %d stores are wanted", self._file, error, self._stores)
        return self._stores


def scale(world: World, relay: ConfigRelay, stores: int, moment_ms: int) -> list[Emission]:
    """Have so many stores open from `moment_ms` on; what says so, with the configuration in force for new stores."""
    emissions = world.scale(stores)
    configs = relay.admit(world.stores, from_epoch_ms(moment_ms))
    return emissions + [Emission(STORE_CONFIG.name, config) for config in configs]


class Closing:
    """The closed stores that are not yet at rest.

    A store may rest once the jobs have acknowledged a tick by which all it had to do was done: what the jobs stated up
    to then is known, and was due by then.
    """

    def __init__(self, production: Production, until: Mapping[str, int]) -> None:
        """`until`: as it stood after the last tick."""
        self._world, self._faults, self._tick_ms = production.world, production.faults, production.tick_ms
        self.until = dict(until)
        """By store: the tick (epoch ms) that must be acknowledged before it may rest."""

    def told(self, facts: Sequence[JobFact], tick_ms: int) -> None:
        """Facts that the world takes in with the tick to come; each waits in the jobs' inbox until it is due."""
        for fact in facts:
            store = fact.record.store_id
            if store in self.until:
                due = (epoch_ms(fact.record.timestamp) // self._tick_ms + 1) * self._tick_ms
                self.until[store] = max(self.until[store], due, tick_ms)

    def resting(self, acknowledged: Mapping[str, int]) -> list[str]:
        """The stores that need no further tick; `acknowledged`: each store's last acknowledged tick."""
        return [
            store
            for store, until in self.until.items()
            if self._world.settled(store) and acknowledged.get(store, -1) >= until
        ]

    def made(self, tick_ms: int) -> None:
        """A tick was made: whoever is closed and awake after it is followed until it rests."""
        world, before = self._world, self.until
        closed = set(world.awake).difference(world.open_stores)
        self.until = {store: before.get(store, tick_ms) for store in world.awake if store in closed}
        for store, until in self.until.items():
            done = until if world.settled(store) else tick_ms
            self.until[store] = max(until, done, self._faults.until(store))
