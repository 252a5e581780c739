"""`curated/product_total_state`: what a store has of a product in all, from the tables that keep the states."""

from collections.abc import Mapping
from functools import reduce

from msgspec import Struct
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from smartstore.contracts.derive.columns import columns_of
from smartstore.contracts.lake import (
    PRODUCT_TOTAL_KEY,
    PRODUCT_TOTAL_PARTS,
    PRODUCT_TOTAL_PATH,
    Part,
    ProductTotalState,
)
from smartstore.contracts.topics import BY_NAME, Topic
from smartstore.lake.derived import Derived
from smartstore.lake.store import Store


class Addend(Struct, frozen=True):
    """One part of the total that can be had."""

    part: Part
    path: str
    column: str


def addends(
    parts: tuple[Part, ...] = PRODUCT_TOTAL_PARTS, topics: Mapping[str, Topic] = BY_NAME
) -> list[Addend]:
    """The parts whose topics have a table in the lake.

    Raises:
        LookupError: a topic's record has none of the columns that may hold the units; names them.
    """
    found = []
    for part in parts:
        topic = topics.get(part.topic)
        if topic is None or topic.lake is None:
            continue
        names = {column.name for column in columns_of(topic.value)}
        column = next((name for name in part.columns if name in names), None)
        if column is None:
            wanted = " or ".join(part.columns)
            raise LookupError(
                f"{PRODUCT_TOTAL_PATH}: {part.topic} has no column {wanted} to take {part.name} from"
            )
        found.append(Addend(part, topic.lake, column))
    return found


class Totals(Derived):
    """Adds the states of the two places up."""

    path = PRODUCT_TOTAL_PATH
    record = ProductTotalState
    key = PRODUCT_TOTAL_KEY

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._addends = addends()
        self.topics = tuple(addend.part.topic for addend in self._addends)

    def rows_of(self, keys: DataFrame) -> DataFrame:
        """The totals of these keys; a key without a state has none."""
        joined = keys
        for addend in self._addends:
            state = self._store.frame(addend.path).select(
                *PRODUCT_TOTAL_KEY,
                f.col(addend.column).alias(addend.part.name),
                f.col("updated_at").alias(f"{addend.part.name}_at"),
                f.col("version").alias(f"{addend.part.name}_version"),
            )
            joined = joined.join(state, list(PRODUCT_TOTAL_KEY), "left")
        names = [addend.part.name for addend in self._addends]
        known = reduce(
            lambda one, other: one | other, (f.col(f"{name}_version").isNotNull() for name in names)
        )
        return joined.where(known).select(
            *PRODUCT_TOTAL_KEY,
            *(
                (f.col(part.name) if part.name in names else f.lit(None).cast("bigint")).alias(part.name)
                for part in PRODUCT_TOTAL_PARTS
            ),
            reduce(lambda one, other: one + other, (f.coalesce(name, f.lit(0)) for name in names)).alias(
                "total_stock"
            ),
            _newest_of([f"{name}_at" for name in names]).alias("updated_at"),
            _newest_of([f"{name}_version" for name in names]).alias("version"),
        )


def _newest_of(names: list[str]) -> Column:
    """The largest of some columns, nulls left out."""
    return f.greatest(*names) if len(names) > 1 else f.col(names[0])
