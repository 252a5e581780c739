"""Which stores an application has: those of its share of the partitions."""

from msgspec import Struct

from smartstore.contracts.applications import hot_applications
from smartstore.contracts.wire import partition_of
from smartstore.process.env import Environment


class Shard(Struct, frozen=True):
    """Number `number` (from 0) of `shards` applications, which divide `partitions` evenly among them."""

    number: int
    shards: int
    partitions: int

    @property
    def application(self) -> str:
        """The application's name."""
        return hot_applications(self.shards)[self.number]

    @property
    def own_partitions(self) -> tuple[int, ...]:
        """The partitions that it reads, of every line."""
        return tuple(range(self.number, self.partitions, self.shards))

    def has(self, store_id: str) -> bool:
        """Whether the store is one of its own."""
        return partition_of(store_id, self.partitions) in self.own_partitions


def shard_of(environment: Environment) -> Shard:
    """The shard that SMARTSTORE_HOT_SHARD and SMARTSTORE_HOT_SHARDS name; the whole without them.

    Raises:
        SystemExit: they do not fit each other or the number of partitions.
    """
    variables = environment.variables
    number, shards = (
        int(variables.get(name, default))
        for name, default in (("SMARTSTORE_HOT_SHARD", "0"), ("SMARTSTORE_HOT_SHARDS", "1"))
    )
    if not 0 <= number < shards or environment.partitions % shards:
        raise SystemExit(
            f"shard {number} of {shards} cannot be: {environment.partitions} partitions are divided evenly among "
            "shards 0 to SMARTSTORE_HOT_SHARDS - 1"
        )
    return Shard(number, shards, environment.partitions)
