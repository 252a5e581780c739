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
from smartstore.lake import decode, positions
from smartstore.lake.store import Shape, Store


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


class Totals:
    """Keeps the table: per micro-batch the keys whose state changed are added up again."""

    path = PRODUCT_TOTAL_PATH

    def __init__(self, store: Store) -> None:
        self._store = store
        self._addends = addends()
        self.topics = tuple(addend.part.topic for addend in self._addends)

    def open(self) -> None:
        """Create or check the table."""
        self._store.open(Shape(path=self.path, record=ProductTotalState))

    def write(self, rows: DataFrame, behind: Mapping[str, Mapping[int, int]]) -> None:
        """Add up the keys that a micro-batch changed, after their state tables were written.

        `rows`: the batch with Kafka's columns and `name`; `behind`: the topics to look at and where they end.
        """
        known = covered = self._store.covered(self.path)
        changed: list[Column] = []
        for topic, ends in behind.items():
            changed.append((f.col("name") == topic) & decode.beyond(known.get(topic, {})))
            covered = positions.advanced(covered, topic, ends)
        concerned = rows.where(reduce(lambda one, other: one | other, changed))
        keys = concerned.select(
            *(
                f.get_json_object(f.col("value").cast("string"), f"$.{name}").alias(name)
                for name in PRODUCT_TOTAL_KEY
            )
        ).distinct()
        totals = self._added_up(keys.where(f.col(PRODUCT_TOTAL_KEY[0]).isNotNull()))
        same_key = " AND ".join(f"t.{name} = s.{name}" for name in PRODUCT_TOTAL_KEY)
        differs = " OR ".join(
            f"NOT (t.{column.name} <=> s.{column.name})" for column in columns_of(ProductTotalState)
        )
        self._store.merge(
            self.path, totals, same_key, covered, sum(len(ends) for ends in behind.values()), update=differs
        )

    def _added_up(self, keys: DataFrame) -> DataFrame:
        """The totals of the keys, from the state tables as they are now."""
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
