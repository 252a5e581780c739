"""Tables that are no copy of a topic: per micro-batch the keys that it changed are derived again from other tables."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import reduce
from typing import ClassVar

from msgspec import Struct
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from smartstore.contracts.derive.columns import columns_of
from smartstore.lake import decode, positions
from smartstore.lake.store import Shape, Store


class Derived(ABC):
    """One such table. It has positions of its own on the topics that it follows."""

    path: ClassVar[str]
    record: ClassVar[type[Struct]]
    key: ClassVar[tuple[str, ...]]
    """Fields that each record of its topics has."""
    ended: ClassVar[str | None] = None
    """SQL condition on a derived row (`s`): the table has no row of such a key."""
    topics: tuple[str, ...]

    def __init__(self, store: Store) -> None:
        self._store = store

    @abstractmethod
    def rows_of(self, keys: DataFrame) -> DataFrame:
        """The rows of these keys, from the tables of the topics as they are now."""

    def open(self) -> None:
        """Create or check the table."""
        self._store.open(Shape(path=self.path, record=self.record))

    def covers(self) -> Mapping[str, Mapping[int, int]]:
        """How far the table goes on its topics."""
        return self._store.covered(self.path)

    def write(self, rows: DataFrame, behind: Mapping[str, Mapping[int, int]]) -> None:
        """Derive the keys that a micro-batch changed, after the tables of its topics were written.

        `rows`: the batch with Kafka's columns and `name`; `behind`: the topics to look at and where they end.
        """
        known = covered = self.covers()
        changed: list[Column] = []
        for topic, ends in behind.items():
            changed.append((f.col("name") == topic) & decode.beyond(known.get(topic, {})))
            covered = positions.advanced(covered, topic, ends)
        concerned = rows.where(reduce(lambda one, other: one | other, changed))
        keys = concerned.select(
            *(f.get_json_object(f.col("value").cast("string"), f"$.{name}").alias(name) for name in self.key)
        ).distinct()
        derived = self.rows_of(keys.where(f.col(self.key[0]).isNotNull()))
        same_key = " AND ".join(f"t.{name} = s.{name}" for name in self.key)
        differs = " OR ".join(
            f"NOT (t.{column.name} <=> s.{column.name})" for column in columns_of(self.record)
        )
        count = sum(len(ends) for ends in behind.values())
        self._store.merge(self.path, derived, same_key, covered, count, update=differs, delete=self.ended)
